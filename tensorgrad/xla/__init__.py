"""Arrays of XLA behind NumPy's protocols, and functions compiled by it. Requires the extra `xla`: JAX."""

try:
    import jax  # noqa: F401
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("tensorgrad.xla requires JAX: pip install 'tensorgrad[xla]'", name="jax") from error

from tensorgrad._messages import TraceError
from tensorgrad.xla.array import Array
from tensorgrad.xla.compilation import Compiled
from tensorgrad.xla.lowering import lowering

__all__ = ["Array", "Compiled", "TraceError", "lowering"]
