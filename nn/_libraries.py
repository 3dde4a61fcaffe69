"""Moving parameters, and arrays that belong to them, between the CPU and a GPU, as arrays of NumPy or CuPy."""

from __future__ import annotations

from collections.abc import Iterable
from types import ModuleType
from typing import Any

import numpy as np

from tensorgrad import Tensor, interrupts


def move(asker: str, tensors: Iterable[Tensor], library: ModuleType) -> None:
    """Convert leaf tensors and their gradients to arrays of `library`, the module `numpy` or `cupy`.

    Raises:
        TypeError: `library` is neither of these modules. Nothing is moved.
    """
    if not isinstance(library, ModuleType) or library.__name__ not in ("numpy", "cupy"):
        raise TypeError(f"{asker}: expected the module cupy or numpy, got {library!r}. {_remedy(library)}")
    moved = [(each, _converted(each.array, library), _converted(each.grad, library)) for each in tensors]
    _rebind(moved)


@interrupts.uninterrupted
def _rebind(moved: list[tuple[Tensor, Any, Any]]) -> None:
    for tensor, array, grad in moved:
        tensor.rebind(array, grad)


def in_library_of(array: Any, other: Any) -> Any:
    """Return `array` as an array of the library of `other`. A network may have been moved to a GPU, or back."""
    if type(array) is type(other):
        return array
    return np.asarray(array) if isinstance(other, np.ndarray) else np.asarray(array, like=other)


def _converted(array: Any, library: ModuleType) -> Any:
    if array is None or isinstance(array, library.ndarray):
        return array
    return Tensor(library.asarray(np.asarray(array))).array


def _remedy(given: Any) -> str:
    name = getattr(given, "__name__", str(given)).removeprefix("torch.")
    if isinstance(given, (type, np.dtype)) or name in np.sctypeDict:
        return "Choose the dtype of a network with the dtype= argument of its layers."
    if name.startswith(("jax", "tpu")):
        return "JAX runs compiled models: nn.Model(network, ..., compile=True)."
    return "For a GPU: import cupy; network.to(cupy). For the CPU: import numpy; network.to(numpy)."
