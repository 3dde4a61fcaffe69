"""Sums, means and other reductions of CuPy arrays with all of NumPy's arguments."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np

from tensorgrad._cupy.conversion import on_cpu

REDUCTIONS: dict[np.ufunc, str] = {
    np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min", np.logical_and: "all",
    np.logical_or: "any",
}  # fmt: skip
"""Universal functions and the methods that reduce with them."""

_JOINING = {name: getattr(cupy, ufunc.__name__) for ufunc, name in REDUCTIONS.items()}
_NEUTRAL = {"sum": 0, "prod": 1, "all": True, "any": False}
_NO_VALUE: Any = np._NoValue  # noqa: SLF001


def reduced(
    name: str, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False,
    initial: Any = _NO_VALUE, where: Any = True,
) -> Any:  # fmt: skip
    """Return `a` reduced by the method `name`. Elements where `where` is False are ignored."""
    if where is not True:
        neutral = _NEUTRAL.get(name, initial)
        if neutral is _NO_VALUE:
            raise ValueError(f"{name}: where= requires initial=, because the {name} of no elements is undefined.")
        a = cupy.where(cupy.asarray(where), a, neutral).astype(a.dtype, copy=False)
    if name in ("max", "min") and not a.size:
        return _extreme_of_empty(name, a, axis, out, keepdims, initial)
    options = {} if dtype is None else {"dtype": dtype}
    result = getattr(cupy.ndarray, name)(a, axis=axis, out=out, keepdims=bool(keepdims), **options)
    if initial is _NO_VALUE or initial is None or (isinstance(initial, (int, float)) and initial == _NEUTRAL.get(name)):
        return result
    joined = _JOINING[name](result, initial, out=out)
    return joined.astype(result.dtype, copy=False) if out is None else out


def _extreme_of_empty(name: str, a: Any, axis: Any, out: Any, keepdims: bool, initial: Any) -> Any:
    """Return the maximum or minimum of an empty array. CuPy raises an error for it; NumPy needs only its shape."""
    result = getattr(np, name)(np.empty(a.shape, a.dtype), axis=axis, keepdims=keepdims, initial=on_cpu(initial))
    return cupy.asarray(result) if out is None else written(cupy.asarray(result), out)


def arithmetic_mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Any:
    """Return `np.mean`."""
    if where is True:
        return a.mean(axis=axis, dtype=dtype, out=out, keepdims=bool(keepdims))
    if dtype is None and a.dtype.kind in "biu":
        dtype = np.dtype(float)
    wider = np.float32 if np.dtype(dtype or a.dtype) == np.float16 else dtype
    total = reduced("sum", a, axis, wider, keepdims=keepdims, where=where)
    result = total / _count(a, axis, keepdims, where).astype(total.dtype)
    return result.astype(dtype or a.dtype, copy=False) if out is None else written(result, out)


def variance(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, ddof: float = 0, keepdims: bool = False, *,
    where: Any = True, mean: Any = _NO_VALUE, correction: float = _NO_VALUE,
) -> Any:  # fmt: skip
    """Return `np.var`."""
    narrow = np.dtype(dtype or a.dtype) == np.float16
    dtype = np.dtype(np.float32) if narrow else dtype
    center = arithmetic_mean(a, axis, dtype, keepdims=True, where=where) if mean is _NO_VALUE else mean
    squares = cupy.square(cupy.subtract(a, center, dtype=dtype))
    total = reduced("sum", squares, axis, keepdims=keepdims, where=where)
    lost = ddof if correction is _NO_VALUE else correction
    if where is True:
        result = total / max(a.size // max(1, total.size) - lost, 0)
    else:
        result = total / cupy.maximum(_count(a, axis, keepdims, where) - lost, 0).astype(total.dtype)
    result = result.astype(np.float16) if narrow else result
    return result if out is None else written(result, out)


def deviation(*args: Any, out: Any = None, **kwargs: Any) -> Any:
    """Return `np.std`."""
    return cupy.sqrt(variance(*args, **kwargs), out=out)


def _count(a: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """Return the number of elements in each mean."""
    return reduced("sum", cupy.broadcast_to(cupy.asarray(where), a.shape), axis, keepdims=keepdims)


def written(result: Any, out: Any) -> Any:
    """Copy `result` into `out` and return `out`."""
    out[...] = result
    return out
