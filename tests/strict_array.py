"""Test double for the arrays of other libraries: it implements NumPy's protocols and rejects everything else.

It replaces a GPU in the tests. What works with it asks of an array only what `tensorgrad._arrays` promises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np


class StrictArray:
    """An array that forwards NumPy's functions, operators and indexing to NumPy, and is never converted or changed.

    It has `shape`, `ndim`, `size`, `dtype`, `T`, `astype` and `reshape`. In-place operators make a new array, as they
    do for compilers. The other operand may be a NumPy array or a number.
    """

    __slots__ = ("__weakref__", "_values")

    def __init__(self, values: Any) -> None:
        self._values = np.array(values)
        self._values.flags.writeable = False

    # -- what the engine may ask for ----------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        return self._values.shape

    @property
    def ndim(self) -> int:
        return self._values.ndim

    @property
    def size(self) -> int:
        return self._values.size

    @property
    def dtype(self) -> np.dtype[Any]:
        return self._values.dtype

    @property
    def T(self) -> StrictArray:
        return StrictArray(self._values.T)

    def astype(self, dtype: Any, copy: bool = True) -> StrictArray:
        return StrictArray(self._values.astype(dtype))

    def reshape(self, *shape: Any) -> StrictArray:
        return StrictArray(self._values.reshape(*shape))

    def __getitem__(self, index: Any) -> StrictArray:
        _refuse_masks(index)
        return StrictArray(self._values[plain(index)])

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if not all(isinstance(each, KNOWN) for each in inputs):
            return NotImplemented
        if "out" in kwargs or method == "at":
            raise TypeError(f"StrictArray: np.{ufunc.__name__} would write into an array.")
        return strict(getattr(ufunc, method)(*plain(inputs), **plain(kwargs)))

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not all(issubclass(each, KNOWN) for each in types):
            return NotImplemented
        if function in WRITE or kwargs.get("out") is not None:
            raise TypeError(f"StrictArray: np.{function.__name__} would write into an array.")
        if function in SHAPE_FOLLOWS and isinstance(SHAPE_FOLLOWS[function](*args, **kwargs), StrictArray):
            raise TypeError(f"StrictArray: the shape of the result of np.{function.__name__} depends on values.")
        return strict(function(*plain(args), **plain(kwargs)))

    # -- what it may not ----------------------------------------------------------------------------------

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("StrictArray: its values were asked for, or it was to be written into.")

    __array__ = __bool__ = __float__ = __int__ = __index__ = __complex__ = _refuse
    __iter__ = __len__ = __contains__ = __setitem__ = __delitem__ = __buffer__ = _refuse
    __hash__ = object.__hash__


KNOWN = (StrictArray, np.ndarray, np.generic, int, float)
"""What it computes with; a tensor among the operands is left to answer itself."""

WRITE = frozenset({np.copyto, np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal})
SHAPE_FOLLOWS: dict[Any, Callable[..., Any]] = {
    np.nonzero: lambda a: a,
    np.flatnonzero: lambda a: a,
    np.argwhere: lambda a: a,
    np.unique: lambda ar, *_, **__: ar,
    np.compress: lambda condition, *_, **__: condition,
    np.extract: lambda condition, arr: condition,
    np.delete: lambda arr, obj, *_, **__: obj,
    np.insert: lambda arr, obj, *_, **__: obj,
    np.repeat: lambda a, repeats, *_, **__: repeats,
}
"""For NumPy's functions whose results have a shape that follows from values: the argument whose values these are."""


def _refuse_masks(index: Any) -> None:
    for each in index if isinstance(index, tuple) else (index,):
        if isinstance(each, StrictArray) and each.dtype == bool:
            raise TypeError("StrictArray: the shape of the result depends on the values of a mask.")


def plain(value: Any) -> Any:
    """Return `value` with the NumPy array in place of every StrictArray in it."""
    if isinstance(value, StrictArray):
        return value._values
    if isinstance(value, (tuple, list)):
        items = [plain(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value


def strict(value: Any) -> Any:
    """Return `value` with a StrictArray in place of every NumPy array, scalar and truth value in it."""
    if isinstance(value, (np.ndarray, np.generic, bool)):
        return StrictArray(value)
    if isinstance(value, (tuple, list)):
        items = [strict(item) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _operator(name: str) -> Callable[..., Any]:
    def method(self: StrictArray, *others: Any) -> Any:
        if not all(isinstance(other, KNOWN) for other in others):
            return NotImplemented
        result = getattr(self._values, name)(*plain(others))
        return result if result is NotImplemented else strict(result)

    return method


for _name in (
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor", "radd", "rsub", "rmul",
    "rtruediv", "rfloordiv", "rmod", "rpow", "rmatmul", "rand", "ror", "rxor", "lt", "le", "gt", "ge", "eq", "ne",
    "neg", "pos", "abs", "invert",
):  # fmt: skip
    setattr(StrictArray, f"__{_name}__", _operator(f"__{_name}__"))
