"""NumPy's universal functions on CuPy arrays."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import cupy
import numpy as np

from tensorgrad._cupy.conversion import on_gpu, plain, unsupported
from tensorgrad._cupy.gpu_reductions import REDUCTIONS, reduced


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of `ufunc`, or of one of its methods, for CuPy arrays, NumPy arrays and numbers."""
    if method == "__call__":
        if options:
            options = {name: _operand(value) for name, value in options.items() if value is not True}
            if "where" in options:
                raise unsupported(ufunc.__name__, "where")
        return _counterpart(ufunc)(*map(_operand, inputs), **options)
    if method not in _METHODS:
        raise unsupported(f"{ufunc.__name__}.{method}")
    return _METHODS[method](ufunc, *on_gpu(inputs), **on_gpu(options))


def _operand(value: Any) -> Any:
    """Return an operand that CuPy accepts: a number in place of a 0-d NumPy array, which needs no copy to the GPU."""
    if isinstance(value, cupy.ndarray):
        return plain(value)
    if isinstance(value, np.ndarray):
        return cupy.asarray(value) if value.ndim else value[()]
    return value


@functools.cache
def _counterpart(ufunc: np.ufunc) -> Callable[..., Any]:
    """Return the function that computes `ufunc` on the GPU."""
    name = ufunc.__name__
    function = _MISSING.get(name) or getattr(cupy, name, None)
    if function is None or getattr(np, name, None) is not ufunc:
        raise unsupported(name)
    return function


def _spacing(x: Any) -> Any:
    return cupy.nextafter(x, cupy.copysign(np.inf, x)) - x


def _matvec(matrix: Any, vector: Any) -> Any:
    return cupy.matmul(matrix, vector[..., None])[..., 0]


def _vecmat(vector: Any, matrix: Any) -> Any:
    return cupy.matmul(vector[..., None, :], matrix)[..., 0, :]


def vecdot(a: Any, b: Any, *, axis: int = -1) -> Any:
    """Return the result of `np.vecdot` for CuPy arrays."""
    a, b = (cupy.moveaxis(cupy.asarray(each), axis, -1) for each in (a, b))
    return cupy.matmul(a[..., None, :], b[..., None])[..., 0, 0]


_MISSING: dict[str, Callable[..., Any]] = {
    "spacing": _spacing, "matvec": _matvec, "vecmat": _vecmat, "vecdot": vecdot
}  # fmt: skip
"""Universal functions that CuPy lacks."""


def _reduce(ufunc: np.ufunc, array: Any, axis: Any = 0, dtype: Any = None, out: Any = None, **options: Any) -> Any:
    if ufunc not in REDUCTIONS:
        raise unsupported(f"{ufunc.__name__}.reduce")
    return reduced(REDUCTIONS[ufunc], array, axis, dtype, out, **options)


def _accumulate(ufunc: np.ufunc, array: Any, axis: int = 0, dtype: Any = None) -> Any:
    """Return the running results. Each round doubles the distance between the elements that it combines."""
    function = _counterpart(ufunc)
    running = cupy.moveaxis(array if dtype is None else array.astype(dtype), axis, 0)
    reach = 1
    while reach < len(running):
        running = cupy.concatenate([running[:reach], function(running[:-reach], running[reach:])])
        reach *= 2
    return cupy.moveaxis(running, 0, axis)


def _outer(ufunc: np.ufunc, a: Any, b: Any, **options: Any) -> Any:
    a, b = cupy.asarray(a), cupy.asarray(b)
    return _counterpart(ufunc)(a.reshape(a.shape + (1,) * b.ndim), b, **options)


def _at(ufunc: np.ufunc, a: Any, indices: Any, b: Any) -> None:
    getattr(cupy, ufunc.__name__).at(a, indices, b)  # adds in any order, so the rounding may differ from NumPy's


_METHODS: dict[str, Callable[..., Any]] = {"reduce": _reduce, "accumulate": _accumulate, "outer": _outer, "at": _at}
