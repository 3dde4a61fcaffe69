"""XLA arrays that implement NumPy's protocols, and functions compiled by XLA. Requires the extra `xla` (JAX)."""

from tensorgrad._messages import TraceError
from tensorgrad.xla import _jax  # noqa: F401 - before JAX is imported elsewhere
from tensorgrad.xla.array import Array
from tensorgrad.xla.compilation import Compiled
from tensorgrad.xla.lowering import lowering

__all__ = ["Array", "Compiled", "TraceError", "lowering"]
