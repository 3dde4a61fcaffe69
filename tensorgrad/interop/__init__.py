"""PyTorch and JAX in one program with tensorgrad: functions of one library in the graphs of another, and DLPack.

| function | takes a function of | returns a function of |
|---|---|---|
| `torch_function` | tensorgrad tensors | PyTorch tensors |
| `from_torch` | PyTorch tensors | tensorgrad tensors |
| `jax_function` | tensorgrad tensors | JAX arrays |
| `from_jax` | JAX arrays | tensorgrad tensors |

Gradients pass through, to any order. PyTorch and JAX are imported when one of these functions is first called.
"""

from __future__ import annotations

from tensorgrad.interop.dlpack import from_dlpack
from tensorgrad.interop.jax_functions import from_jax, jax_function
from tensorgrad.interop.torch_functions import from_torch, torch_function

__all__ = ["from_dlpack", "from_jax", "from_torch", "jax_function", "torch_function"]
