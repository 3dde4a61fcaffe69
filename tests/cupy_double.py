"""Test double for CuPy: arrays on the CPU that are as strict as those on a GPU.

It replaces a GPU in the tests. Like CuPy 14, it refuses NumPy arrays as operands and indices, lacks some of NumPy's
functions and arguments, and returns 0-d arrays where NumPy returns scalars.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

import numpy as np

MISSING = frozenset({
    "insert", "spacing", "matvec", "vecmat", "vecdot", "choose", "select", "block", "linalg.vector_norm",
    "linalg.matrix_norm", "linalg.multi_dot", "linalg.vecdot",
})  # fmt: skip
"""Functions that CuPy lacks, or that do not accept lists of arrays."""

REFUSED: dict[str, frozenset[str]] = {
    **dict.fromkeys(("sum", "prod", "max", "min"), frozenset({"initial", "where"})),
    **dict.fromkeys(("mean", "all", "any"), frozenset({"where"})),
    **dict.fromkeys(("var", "std"), frozenset({"where", "mean", "correction"})),
    **dict.fromkeys(("sort", "argsort"), frozenset({"stable"})),
    "partition": frozenset({"kind"}),
    "take": frozenset({"mode"}),
    "quantile": frozenset({"weights"}),
    "linalg.cholesky": frozenset({"upper"}),
    "linalg.pinv": frozenset({"hermitian", "rtol"}),
}
"""Arguments that CuPy's functions lack."""

LISTS = frozenset({"concatenate", "stack", "hstack", "vstack", "dstack", "column_stack"})
"""Functions of a list of arrays, which must not contain numbers."""

ARRAYS_FIRST = frozenset({"where", "clip", "take", "interp"}) | LISTS
"""Functions whose first argument must be an array, or a list of arrays."""

METHODS = frozenset({"linear", "lower", "higher", "midpoint", "nearest"})
"""Methods of quantiles."""


def _check(name: str, args: Any, kwargs: Any) -> None:
    """Raise an error where CuPy, unlike NumPy, would raise one."""
    first = args[0] if args else None
    if name in ("max", "min") and not first.size:
        raise ValueError(f"zero-size array to reduction operation cupy_{name} which has no identity")
    if name in ARRAYS_FIRST and not all(isinstance(a, ndarray) for a in (first if name in LISTS else [first])):
        raise TypeError(f"{name}: expected arrays")
    if name == "searchsorted" and not isinstance(args[1], (ndarray, int, float)):
        raise NotImplementedError("Only python scalars or ndarrays are supported for v")
    if name in ("cumsum", "cumprod") and not first.ndim and (len(args) > 1 or kwargs.get("axis") is not None):
        raise np.exceptions.AxisError("axis 0 is out of bounds for array of dimension 0")
    if name == "tensordot" and not (first.ndim and args[1].ndim) and (args[2:] or kwargs) != (0,):
        raise ValueError("An input is zero-dim while axes has dimensions")
    if name == "einsum" and "..." in first and "->" in first and "..." not in first.partition("->")[2]:
        raise ValueError("output has more dimensions than subscripts given in einstein sum")
    if name == "linalg.solve" and args[1].ndim > 1 and first.shape[:-1] != args[1].shape[:-1]:
        raise ValueError("a must have (..., M, M) shape and b must have (..., M, K)")
    if name == "quantile" and (args[5:6] or (kwargs.get("method", "linear"),))[0] not in METHODS:
        raise ValueError("method is not yet supported")
    if name in ("repeat", "delete", "pad", "tile") and isinstance(args[1], ndarray):
        raise ValueError("cupy.ndarray object is not supported")


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "power", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or", "lt": "less",
    "le": "less_equal", "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal", "neg": "negative",
    "abs": "absolute", "invert": "invert",
}  # fmt: skip
"""Operators and the universal functions that compute them."""


class ndarray:
    """Array whose values represent those on a GPU."""

    __module__ = "cupy"

    _values: np.ndarray[Any, Any]
    _base: Any

    @property
    def base(self) -> Any:
        return self._base

    def get(self) -> np.ndarray[Any, Any]:
        return self._values.copy()

    def view(self, dtype: Any = None, type: Any = None) -> Any:
        return _made(self._values, self, type or self.__class__)

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __getitem__(self, index: Any) -> Any:
        return _made(self._values[_plain(index)], self)

    def __setitem__(self, index: Any, values: Any) -> None:
        self._values[_plain(index)] = _plain(values)

    def __iter__(self) -> Iterator[Any]:
        return (self[row] for row in range(len(self)))

    def __deepcopy__(self, memo: Any) -> Any:
        return self.copy()  # type: ignore[attr-defined]

    def __reduce__(self) -> Any:
        return array, (self.get(),)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        return (
            getattr(sys.modules["cupy"], ufunc.__name__)(*inputs, **options) if method == "__call__" else NotImplemented
        )

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        return _found(f"{function.__module__}.{function.__name__}".removeprefix("numpy."))(*args, **kwargs)


def array(values: Any, dtype: Any = None, copy: bool = True, order: str = "K", *, ndmin: int = 0) -> Any:
    """Return a copy of an array of NumPy or of the double, or of a list."""
    return _made(np.array(_plain(values) if isinstance(values, ndarray) else values, dtype, ndmin=ndmin))


def asarray(values: Any, dtype: Any = None) -> Any:
    """Return values as an array of the double."""
    return values if isinstance(values, ndarray) and dtype in (None, values.dtype) else array(values, dtype)


def _made(values: Any, base: Any = None, kind: type[Any] = ndarray) -> Any:
    """Return values of NumPy as an array, which is a view of `base` if there is one."""
    made = object.__new__(kind)
    made._values, made._base = np.asarray(values), base if base is None or base._base is None else base._base
    return made


def _plain(value: Any) -> Any:
    """Return `value` with NumPy's arrays in place of the double's. NumPy's own arrays are refused, as by CuPy."""
    if isinstance(value, np.ndarray):
        raise TypeError(f"Unsupported type {type(value)}")
    if isinstance(value, (tuple, list)):
        return type(value)(map(_plain, value))
    return value._values if isinstance(value, ndarray) else value


def _lifted(value: Any) -> Any:
    if isinstance(value, (tuple, list)):
        return type(value)(map(_lifted, value)) if type(value) in (tuple, list) else tuple(map(_lifted, value))
    return _made(value) if isinstance(value, (np.ndarray, np.generic)) else value


def _called(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return the result of a function of NumPy for arrays of the double."""
    values, options = [_plain(each) for each in args], {name: _plain(each) for name, each in kwargs.items()}
    out = options.pop("out", None)
    result = function(*values, **options)
    if out is None:
        return _lifted(result)
    out[...] = result
    return kwargs["out"]


@functools.cache
def _found(name: str) -> Callable[..., Any]:
    """Return the function of this name, without the arguments that CuPy lacks."""
    theirs = functools.reduce(getattr, name.split("."), np)
    if name in MISSING or not callable(theirs):
        raise AttributeError(name)
    if isinstance(theirs, type):
        return theirs

    def function(*args: Any, **kwargs: Any) -> Any:
        refused = REFUSED.get(name, frozenset()) & kwargs.keys()
        if refused:
            raise TypeError(f"{name}() got an unexpected keyword argument {refused.pop()!r}")
        _check(name, args, kwargs)
        if name.endswith("_like") and kwargs.get("shape") == ():
            kwargs["shape"] = None  # treated as no shape
        return _called(theirs, args, kwargs)

    if not isinstance(theirs, np.ufunc):
        with suppress(ValueError):  # before NumPy 2.4, functions written in C have no signature
            parameters = inspect.signature(theirs).parameters.values()
            kept = [p for p in parameters if p.name not in REFUSED.get(name, ())]
            function.__signature__ = inspect.Signature(kept)  # type: ignore[attr-defined]
    elif theirs is np.add:
        function.at = lambda a, index, b: np.add.at(_plain(a), _plain(index), _plain(b))  # type: ignore[attr-defined]
    return function


def _method(name: str) -> Callable[..., Any]:
    def method(self: ndarray, *args: Any, **kwargs: Any) -> Any:
        _check(name, (self, *args), kwargs)
        return _called(getattr(np.ndarray, name), (self, *args), kwargs)

    return method


def _operator(ufunc: str, *, swapped: bool = False) -> Callable[..., Any]:
    return lambda self, *others: _found(ufunc)(*((*others, self) if swapped else (self, *others)))


for _name in ("shape", "ndim", "size", "dtype", "itemsize", "nbytes", "flags"):
    setattr(ndarray, _name, property(lambda self, name=_name: getattr(self._values, name)))
for _name in ("T", "mT", "real"):
    setattr(ndarray, _name, property(lambda self, name=_name: _made(getattr(self._values, name), self)))
for _name in (
    "astype", "copy", "conj", "flatten", "nonzero", "ravel", "reshape", "squeeze", "swapaxes", "transpose", "sum",
    "prod", "mean", "max", "min", "any", "all", "item", "tolist", "__bool__", "__float__", "__int__", "__len__",
    "__repr__", "__str__",
):  # fmt: skip
    setattr(ndarray, _name, _method(_name))
for _name, _ufunc in OPERATORS.items():
    setattr(ndarray, f"__{_name}__", _operator(_ufunc))
    setattr(ndarray, f"__r{_name}__", _operator(_ufunc, swapped=True))


class _Module(ModuleType):
    def __getattr__(self, name: str) -> Any:
        return _found(f"{self.__name__}.{name}".removeprefix("cupy."))


def _modules() -> dict[str, ModuleType]:
    cupy, linalg, lib, tricks = map(_Module, ("cupy", "cupy.linalg", "cupy.lib", "cupy.lib.stride_tricks"))
    vars(lib).update(stride_tricks=tricks)
    vars(cupy).update(ndarray=ndarray, array=array, asarray=asarray, ascontiguousarray=asarray, linalg=linalg, lib=lib)
    return {"cupy": cupy}


@contextmanager
def installed() -> Iterator[ModuleType]:
    """Install the double as the module `cupy` and yield it."""
    ours = {name: sys.modules.pop(name) for name in list(sys.modules) if name.startswith(("cupy", "tensorgrad._cupy"))}
    sys.modules.update(_modules())
    try:
        yield sys.modules["cupy"]
    finally:
        for name in [name for name in sys.modules if name.startswith(("cupy", "tensorgrad._cupy"))]:
            del sys.modules[name]
        sys.modules.update(ours)
