"""CuPy arrays that implement NumPy's protocols, so that the engine's operations and rules run on them unchanged."""

from tensorgrad._cupy.gpu_array import Array, adopted

__all__ = ["Array", "adopted"]
