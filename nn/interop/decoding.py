"""Convert tensors of other libraries to arrays without importing these libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def widened(bits: NDArray[Any]) -> NDArray[np.float32]:
    """Convert bfloat16 numbers, passed as their 16 bits, to float32. The conversion is exact.

    >>> widened(np.array([0x3F80, 0xC000], np.uint16))
    array([ 1., -2.], dtype=float32)
    """
    return (bits.astype(np.uint32) << np.uint32(16)).view(np.float32)


def as_array(value: Any) -> NDArray[Any]:
    """Return an array of numbers for a tensor of PyTorch, JAX, Keras or tensorgrad, an array, or nested lists.

    bfloat16 is widened to float32. The result may share memory with `value`.

    Raises:
        TypeError: it holds something other than real numbers or booleans.
        ValueError: nested lists of unequal lengths.
    """
    if isinstance(value, np.ndarray):
        array = value
    elif hasattr(value, "detach") and hasattr(value, "cpu"):  # PyTorch: any device, any dtype
        tensor = value.detach().cpu()
        array = np.asarray(tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor)
    else:
        array = np.asarray(value.detach() if hasattr(value, "detach") else value)
    if array.dtype.name == "bfloat16":
        array = array.astype(np.float32)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"expected real numbers, got {array.dtype}")
    return array
