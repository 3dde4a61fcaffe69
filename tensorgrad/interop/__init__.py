"""Functions of tensorgrad in the graphs of PyTorch and JAX, their functions in its graph, and DLPack.

| function | takes a function of | returns a function of |
|---|---|---|
| `torch_function` | tensorgrad tensors | PyTorch tensors |
| `from_torch` | PyTorch tensors | tensorgrad tensors |
| `jax_function` | tensorgrad tensors | JAX arrays |
| `from_jax` | JAX arrays | tensorgrad tensors |

The returned functions have derivatives of any order. PyTorch and JAX are imported when these functions are called.
"""

from __future__ import annotations

from tensorgrad.interop.dlpack import from_dlpack
from tensorgrad.interop.jax_functions import from_jax, jax_function
from tensorgrad.interop.torch_functions import from_torch, torch_function

__all__ = ["from_dlpack", "from_jax", "from_torch", "jax_function", "torch_function"]
