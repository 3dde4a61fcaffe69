"""Tensors that share the memory of other libraries' arrays, through DLPack."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.tensor import Tensor


def from_dlpack(x: Any, *, copy: bool = False) -> Tensor:
    """Return a tensor that shares the memory of another library's array, through the DLPack protocol.

    Writing to the array changes the tensor.

    Args:
        x: an object with `__dlpack__` and `__dlpack_device__`, such as a PyTorch tensor or a JAX array, on the CPU.
        copy: copy the values instead of sharing the memory.

    Raises:
        TypeError: `x` does not support DLPack, or its dtype is not a real dtype of NumPy.
        BufferError: the memory of `x` cannot be shared: `x` requires a gradient, or is not on the CPU.

    >>> import numpy as np
    >>> array = np.array([1.0, 2.0])
    >>> t = from_dlpack(array)
    >>> array[0] = 5.0
    >>> t
    Tensor([5., 2.])
    """
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise TypeError(
            f"from_dlpack: expected an array that supports DLPack, got {type(x).__name__}. For numbers and lists, call "
            "tg.tensor."
        )
    kind, _ = x.__dlpack_device__()
    if int(kind) not in _CPU:
        raise BufferError(
            f"from_dlpack: expected an array in CPU memory, got DLPack device type {int(kind)}. Copy it to the CPU "
            "first, or pass a CuPy array to tg.tensor, which keeps it on the GPU."
        )
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        kind_of_error = TypeError if "dtype" in str(error).lower() else BufferError
        raise kind_of_error(f"from_dlpack: {str(error).rstrip('.')}.") from error
    return Tensor(np.array(array) if copy else array)


_CPU = (1, 3)
"""DLPack's device types for CPU memory, and for CPU memory that CUDA has pinned."""
