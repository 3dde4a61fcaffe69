"""DLPack: tensors from the arrays of other libraries, in the same memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.tensor import Tensor


def from_dlpack(x: Any, *, copy: bool = False) -> Tensor:
    """Return a tensor in the memory of an array of another library, by the DLPack protocol.

    Writes into the array change the tensor.

    Args:
        x: an object with `__dlpack__` and `__dlpack_device__`, such as a PyTorch tensor or a JAX array, on the CPU.
        copy: copy the values instead of sharing the memory.

    Raises:
        TypeError: `x` does not support DLPack, or its dtype is not one of real numbers that NumPy has.
        BufferError: `x` cannot be shared: it requires a gradient, or is not on the CPU.

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
            f"from_dlpack: expected an array in the CPU's memory, got device type {int(kind)} of DLPack. Copy it there "
            "first; CuPy arrays stay on the GPU with tg.tensor(x)."
        )
    try:
        array = np.from_dlpack(x)
    except (BufferError, RuntimeError) as error:
        kind_of_error = TypeError if "dtype" in str(error).lower() else BufferError
        raise kind_of_error(f"from_dlpack: {str(error).rstrip('.')}.") from error
    return Tensor(np.array(array) if copy else array)


_CPU = (1, 3)
"""DLPack's numbers of the CPU, and of its memory that CUDA has pinned."""
