"""CuPy arrays that NumPy's functions and operators accept together with NumPy arrays."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from tensorgrad._cupy.conversion import not_written, on_gpu, plain
from tensorgrad._cupy.gpu_functions import call_function
from tensorgrad._cupy.gpu_ufuncs import call_ufunc


class Array(cupy.ndarray):
    """CuPy array that implements all the NumPy functions that operations and derivative rules use.

    CuPy refuses NumPy arrays as operands, and some of its functions lack arguments of NumPy's. Here, NumPy operands
    (constants, masks, random numbers) are copied to the GPU, and the missing arguments are implemented with other
    functions. Values are copied to the CPU only by `np.asarray(a)`, `a.get()`, `float(a)` and the like.
    """

    __slots__ = ("_shares",)

    _shares: bool
    """Whether the array is a view of another one that the program can reach."""

    @property
    def base(self) -> Any:
        """Array whose memory this one shares; None for the result of a computation."""
        return super().base if getattr(self, "_shares", True) else None

    @property
    def T(self) -> Array:
        """The array with its axes in reverse order."""
        return lifted(plain(self).T)  # type: ignore[no-any-return]

    @property
    def mT(self) -> Array:
        """The array with its last two axes exchanged."""
        return lifted(plain(self).mT)  # type: ignore[no-any-return]

    @property
    def real(self) -> Array:
        """The array itself, because tensors hold real numbers."""
        return lifted(plain(self).real)  # type: ignore[no-any-return]

    # -- NumPy's protocols --------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, out: Any = None, **options: Any) -> Any:
        if not all(map(_is_known, inputs)):
            return NotImplemented
        if method == "at" and not isinstance(inputs[0], cupy.ndarray):
            raise not_written(f"{ufunc.__name__}.at")
        if out is None:
            return lifted(call_ufunc(ufunc, method, inputs, options))
        if len(out) > 1 or not isinstance(out[0], cupy.ndarray):
            raise not_written(ufunc.__name__)
        call_ufunc(ufunc, method, inputs, {**options, "out": out[0]})
        return out[0]

    def __array_function__(
        self, function: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        if not all(issubclass(each, (cupy.ndarray, np.ndarray, np.generic)) for each in types):
            return NotImplemented
        return lifted(call_function(function, args, kwargs))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray[Any, Any]:
        if copy is False:
            raise ValueError("np.asarray: the values are on the GPU, so copy=False is not possible. Leave out copy.")
        return np.asarray(plain(self).get(), dtype)

    def alike(self, values: Any) -> Array:
        """Return a NumPy array as an array on the GPU."""
        return lifted(cupy.asarray(values))  # type: ignore[no-any-return]

    # -- items --------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Array:
        return lifted(plain(self)[_index(index)])  # type: ignore[no-any-return]

    def __setitem__(self, index: Any, values: Any) -> None:
        plain(self)[_index(index)] = on_gpu(values)

    def scattered(self, index: Any, shape: tuple[int, ...]) -> Array:
        """Return zeros of the given shape with this array added at `index`: the gradient of indexing."""
        result, places = cupy.zeros(shape, self.dtype), _index(index)
        each = places if isinstance(places, tuple) else (places,)
        if any(isinstance(item, cupy.ndarray) and item.dtype != bool for item in each):  # it may repeat elements
            cupy.add.at(result, places, plain(self))
        else:
            result[places] = plain(self)
        return lifted(result)  # type: ignore[no-any-return]

    def with_item(self, index: Any, value: Any) -> Array:
        """Return a copy with `value` at `index`."""
        result = self.copy()
        result[index] = value
        return result  # type: ignore[no-any-return]


def adopted(array: Any) -> Any:
    """Return a CuPy array as an `Array` in the same memory."""
    view = array.view(None, Array)
    view._shares = True  # noqa: SLF001
    return view


def lifted(value: Any) -> Any:
    """Return the result of a CuPy function, with an `Array` in place of every array."""
    if isinstance(value, cupy.ndarray):
        if value.__class__ is Array:
            return value
        view = value.view(None, Array)
        view._shares = value.base is not None  # noqa: SLF001
        return view
    if isinstance(value, (tuple, list)):
        items = map(lifted, value)
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def _is_known(value: Any) -> bool:
    return isinstance(value, (cupy.ndarray, np.ndarray, np.generic, int, float, complex))


def _index(index: Any) -> Any:
    """Return an index with CuPy's arrays in place of NumPy's."""
    if isinstance(index, tuple):
        return tuple(map(_index, index))
    if isinstance(index, np.generic):
        return index.item()
    if isinstance(index, list):
        index = np.asarray(index) if index else np.zeros(0, int)
    return on_gpu(index) if isinstance(index, (np.ndarray, cupy.ndarray)) else index


def _operator(ufunc: np.ufunc, *, swapped: bool = False) -> Callable[..., Any]:
    def method(self: Array, *others: Any) -> Any:
        if not all(map(_is_known, others)):
            return NotImplemented
        return lifted(call_ufunc(ufunc, "__call__", (*others, self) if swapped else (self, *others), {}))

    return method


def _in_place(ufunc: np.ufunc) -> Callable[..., Any]:
    def method(self: Array, other: Any) -> Any:
        if not _is_known(other):
            return NotImplemented
        call_ufunc(ufunc, "__call__", (self, other), {"out": self})
        return self

    return method


def _of_numpy(name: str) -> Callable[..., Any]:
    function = getattr(np, name)

    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__, method.__doc__ = name, f"Return `np.{name}` of this array."
    return method


def _of_cupy(name: str) -> Callable[..., Any]:
    function = getattr(cupy.ndarray, name)

    def method(self: Array, *args: Any, **kwargs: Any) -> Any:
        return lifted(function(plain(self), *on_gpu(args), **on_gpu(kwargs)))

    method.__name__, method.__doc__ = name, function.__doc__
    return method


_BINARY = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "divmod": np.divmod, "pow": np.power, "matmul": np.matmul, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "lshift": np.left_shift, "rshift": np.right_shift,
}  # fmt: skip
_OTHERS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
    "neg": np.negative, "pos": np.positive, "abs": np.absolute, "invert": np.invert,
}  # fmt: skip
for _name, _ufunc in (_BINARY | _OTHERS).items():
    setattr(Array, f"__{_name}__", _operator(_ufunc))
for _name, _ufunc in _BINARY.items():
    setattr(Array, f"__r{_name}__", _operator(_ufunc, swapped=True))
    if _name not in {"divmod", "matmul"}:
        setattr(Array, f"__i{_name}__", _in_place(_ufunc))
for _name in (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "clip", "compress", "cumprod", "cumsum",
    "diagonal", "dot", "max", "mean", "min", "prod", "ptp", "repeat", "round", "searchsorted", "std", "sum", "take",
    "trace", "var",
):  # fmt: skip
    setattr(Array, _name, _of_numpy(_name))
for _name in ("astype", "conj", "copy", "flatten", "nonzero", "ravel", "reshape", "squeeze", "swapaxes", "transpose"):
    setattr(Array, _name, _of_cupy(_name))
