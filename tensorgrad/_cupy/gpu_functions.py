"""NumPy's functions on CuPy arrays: CuPy's functions of the same names, and replacements where these do not suffice."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from string import ascii_letters
from typing import Any

import cupy
import numpy as np

from tensorgrad._cupy import gpu_reductions
from tensorgrad._cupy.conversion import not_written, on_cpu, on_gpu, unsupported
from tensorgrad._cupy.gpu_ufuncs import vecdot

REPLACED: dict[Any, Callable[..., Any]] = {}
"""Replacements for functions of NumPy that CuPy lacks or computes differently. They receive plain CuPy arrays."""

ON_HOST = frozenset({np.pad, np.tile, np.roll, np.repeat, np.split, np.array_split, np.delete, np.insert, np.transpose})
"""Functions whose arguments after the first one are counts or positions, which CuPy reads on the CPU."""

WRITERS = frozenset({np.copyto, np.put, np.put_along_axis, np.place, np.putmask, np.fill_diagonal})
"""Functions that write into their first argument."""


def call_function(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the result of NumPy's `function` for CuPy arrays, NumPy arrays and numbers."""
    kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}  # noqa: SLF001
    written = args[0] if function in WRITERS and args else kwargs.get("out")
    if isinstance(written, np.ndarray):
        raise not_written(function.__name__)
    if function in ON_HOST:
        args = (*args[:1], *map(_listed, args[1:]))
        kwargs = {name: _listed(value) for name, value in kwargs.items()}
    args, kwargs = on_gpu(args), on_gpu(kwargs)
    if function in REPLACED:
        return REPLACED[function](*args, **kwargs)
    theirs, parameters = _counterpart(function)
    if parameters is not None and not parameters.issuperset(kwargs):
        kwargs = _understood(function, parameters, kwargs)
    return theirs(*args, **kwargs)


def _listed(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray) else value


@functools.cache
def _counterpart(function: Callable[..., Any]) -> tuple[Callable[..., Any], frozenset[str] | None]:
    """Return CuPy's function of the same name, and its parameters, or None if any may be accepted."""
    module = functools.reduce(lambda m, n: getattr(m, n, None), function.__module__.split(".")[1:], cupy)
    theirs = getattr(module, function.__name__, None)
    if theirs is None or theirs is function:
        raise unsupported(f"{function.__module__}.{function.__name__}".removeprefix("numpy."))
    try:
        parameters = inspect.signature(theirs).parameters
    except ValueError:  # a universal function
        return theirs, None
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    return theirs, None if open_ended else frozenset(parameters)


def _understood(function: Callable[..., Any], parameters: frozenset[str], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments without those that CuPy's function lacks. These must have their default values."""
    for name, value in kwargs.items():
        if name not in parameters and value is not _default(function, name):
            raise unsupported(function.__name__, name)
    return {name: value for name, value in kwargs.items() if name in parameters}


def _default(function: Callable[..., Any], name: str) -> Any:
    """Return the default of an argument of a NumPy function.

    Before NumPy 2.4, functions written in C have no signature. None, the most common default, is assumed for them.
    """
    try:
        return inspect.signature(function).parameters[name].default
    except ValueError:
        return None


def replaces(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the replacement of NumPy's `functions`."""

    def register(replacement: Callable[..., Any]) -> Callable[..., Any]:
        REPLACED.update(dict.fromkeys(functions, replacement))
        return replacement

    return register


# -- reductions -------------------------------------------------------------------------------------------

REPLACED |= {
    np.mean: gpu_reductions.arithmetic_mean, np.var: gpu_reductions.variance, np.std: gpu_reductions.deviation
}  # fmt: skip


def _reduction(name: str) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, out: Any = None, **options: Any) -> Any:
        return gpu_reductions.reduced(name, a, axis, None, out, **options)

    return function


def _reduction_with_dtype(name: str) -> Callable[..., Any]:
    def function(a: Any, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        return gpu_reductions.reduced(name, a, axis, dtype, out, **options)

    return function


def _cumulation(name: str) -> Callable[..., Any]:
    function = getattr(cupy, name)

    def cumulated(a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        return function(a if a.ndim else a.reshape(1), axis, dtype, out)

    return cumulated


for _name in ("max", "min", "all", "any"):
    REPLACED[getattr(np, _name)] = _reduction(_name)
for _name in ("sum", "prod"):
    REPLACED[getattr(np, _name)] = _reduction_with_dtype(_name)
for _name in ("cumsum", "cumprod"):
    REPLACED[getattr(np, _name)] = _cumulation(_name)


@replaces(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    x = x if x.dtype.kind == "f" else x.astype(float)
    if ord == 2:
        return cupy.sqrt(gpu_reductions.reduced("sum", x * x, axis, keepdims=keepdims))
    size = cupy.abs(x)
    if ord in (np.inf, -np.inf):
        return gpu_reductions.reduced("max" if ord > 0 else "min", size, axis, keepdims=keepdims)
    if ord == 0:
        return gpu_reductions.reduced("sum", (size != 0).astype(size.dtype), axis, keepdims=keepdims)
    return gpu_reductions.reduced("sum", size**ord, axis, keepdims=keepdims) ** (1 / ord)


@replaces(np.quantile)
def _quantile(
    a: Any, q: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, method: str = "linear",
    keepdims: bool = False, *, weights: Any = None,
) -> Any:  # fmt: skip
    if weights is not None or method not in ("linear", "lower", "higher", "midpoint", "nearest"):
        raise unsupported("quantile", "method" if weights is None else "weights")
    return cupy.quantile(a, q, axis, out, overwrite_input, method, keepdims)


# -- arrays of a shape ------------------------------------------------------------------------------------


def _shaped_like(name: str) -> Callable[..., Any]:
    function = getattr(cupy, name)

    def like(a: Any, *args: Any, shape: Any = None, subok: bool = True, device: Any = None, **kwargs: Any) -> Any:
        if shape is None:
            return function(a, *args, **kwargs)
        return function(cupy.empty(shape, a.dtype), *args, **kwargs)  # CuPy treats the shape () as no shape

    return like


for _name in ("zeros_like", "ones_like", "empty_like", "full_like"):
    REPLACED[getattr(np, _name)] = _shaped_like(_name)


@replaces(np.copy)
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return a.copy(order)


@replaces(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@replaces(np.ndim)
def _ndim(a: Any) -> int:
    return a.ndim  # type: ignore[no-any-return]


@replaces(np.size)
def _size(a: Any, axis: int | None = None) -> int:
    return a.size if axis is None else a.shape[axis]  # type: ignore[no-any-return]


def _joining(name: str) -> Callable[..., Any]:
    function = getattr(cupy, name)

    def join(arrays: Any, *args: Any, **options: Any) -> Any:
        return function([cupy.asarray(each) for each in arrays], *args, **options)

    return join


for _name in ("concatenate", "stack", "vstack", "hstack", "dstack", "column_stack"):
    REPLACED[getattr(np, _name)] = _joining(_name)


@replaces(np.block)
def _block(arrays: Any) -> Any:
    blocks, depth = [arrays], 0
    while any(isinstance(each, list) for each in blocks):
        if not all(isinstance(each, list) and each for each in blocks):
            raise ValueError("block: expected non-empty lists, all nested to the same depth.")
        blocks, depth = [each for part in blocks for each in part], depth + 1
    ndim = max(depth, *(getattr(each, "ndim", 0) for each in blocks))

    def joined(part: Any, axis: int) -> Any:
        if axis == 0:
            return cupy.array(part, ndmin=ndim)
        return cupy.concatenate([joined(each, axis + 1) for each in part], axis)

    return joined(arrays, -depth)


# -- sorting ----------------------------------------------------------------------------------------------


def _sorting(name: str) -> Callable[..., Any]:
    function = getattr(cupy, name)  # always stable

    def call(
        a: Any, axis: Any = -1, kind: Any = None, order: Any = None, *, stable: Any = None, descending: Any = None
    ) -> Any:
        if order is not None or descending:
            raise unsupported(name, "descending" if descending else "order")
        return function(a, axis)

    return call


for _name in ("sort", "argsort"):
    REPLACED[getattr(np, _name)] = _sorting(_name)


@replaces(np.partition)
def _partition(a: Any, kth: Any, axis: Any = -1, kind: str = "introselect", order: Any = None) -> Any:
    return cupy.partition(a, kth, axis)


@replaces(np.searchsorted)
def _searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> Any:
    return cupy.searchsorted(a, cupy.asarray(v), side, sorter)


# -- items ------------------------------------------------------------------------------------------------


@replaces(np.where)
def _where(condition: Any, x: Any = None, y: Any = None) -> Any:
    return cupy.where(cupy.asarray(condition), x, y)


@replaces(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, out: Any = None, *, min: Any = None, max: Any = None) -> Any:
    lowest, highest = a_min if min is None else min, a_max if max is None else max
    return cupy.clip(cupy.asarray(a), lowest, highest, out=out)


@replaces(np.take)
def _take(a: Any, indices: Any, axis: Any = None, out: Any = None, mode: str = "raise") -> Any:
    length = a.size if axis is None else a.shape[axis]
    if not isinstance(indices, (int, cupy.ndarray)):
        indices = cupy.asarray(np.asarray(indices, int))
    if mode == "clip":
        indices = cupy.clip(cupy.asarray(indices), 0, length - 1)
    elif mode == "wrap":
        indices = cupy.asarray(indices) % length
    return cupy.take(cupy.asarray(a), indices, axis, out)


@replaces(np.select)
def _select(condlist: Any, choicelist: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(condlist[::-1], choicelist[::-1], strict=True):
        result = cupy.where(condition, choice, result)
    return result


@replaces(np.choose)
def _choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Any:
    count, chosen = len(choices), cupy.asarray(a)
    if mode == "clip":
        chosen = cupy.clip(chosen, 0, count - 1)
    elif mode == "wrap":
        chosen = chosen % count
    result = choices[count - 1]
    for number in reversed(range(count)):
        result = cupy.where(chosen == number, choices[number], result)
    return result


@replaces(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    if axis is None:
        arr, axis = arr.ravel(), 0
    axis, length = axis % arr.ndim, arr.shape[axis]
    values = cupy.array(values, arr.dtype, ndmin=arr.ndim)
    if isinstance(obj, (int, np.integer)):
        values = cupy.moveaxis(values, 0, axis)
    count = len(np.insert(np.zeros(length), obj, 0)) - length
    count = values.shape[axis] if count == 1 else count
    labels = np.insert(np.full(length, -1), obj, np.arange(count))
    places = cupy.asarray(np.argsort(labels, kind="stable"))  # of the old elements, then of the new ones
    result = cupy.empty((*arr.shape[:axis], len(labels), *arr.shape[axis + 1 :]), arr.dtype)
    before = (slice(None),) * axis
    result[(*before, places[:length])] = arr
    result[(*before, places[length:])] = values
    return result


@replaces(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Any:
    x, xp, fp = (cupy.asarray(each).copy() for each in (x, xp, fp))  # CuPy requires contiguous arrays
    return cupy.interp(x, xp, fp, left, right, period)


# -- products and decompositions --------------------------------------------------------------------------


@replaces(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    if not a.ndim or not b.ndim:
        return cupy.multiply(a, b)
    return cupy.tensordot(a, b, axes if isinstance(axes, int) else [_axes(each) for each in axes])


def _axes(given: Any) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)


@replaces(np.linalg.vecdot)
def _vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Any:
    return vecdot(x1, x2, axis=axis)


@replaces(np.linalg.multi_dot)
def _multi_dot(arrays: Any, *, out: Any = None) -> Any:
    if len(arrays) < 2:
        raise ValueError(f"multi_dot: expected at least two arrays, got {len(arrays)}.")
    operands = [cupy.asarray(each) for each in arrays]
    terms = [ascii_letters[start : start + 2] for start in range(len(operands))]
    rows, columns = terms[0][0], terms[-1][1]
    if operands[0].ndim == 1:  # a row
        terms[0], rows = terms[0][1], ""
    if operands[-1].ndim == 1:  # a column
        terms[-1], columns = terms[-1][0], ""
    product = cupy.einsum(f"{','.join(terms)}->{rows}{columns}", *operands, optimize="greedy")
    return product if out is None else gpu_reductions.written(product, out)


@replaces(np.linalg.matrix_norm)
def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return cupy.linalg.norm(x, ord, axis=(-2, -1), keepdims=keepdims)


@replaces(np.linalg.solve)
def _solve(a: Any, b: Any) -> Any:
    columns = b[:, None] if b.ndim == 1 else b
    stack = np.broadcast_shapes(a.shape[:-2], columns.shape[:-2])  # CuPy requires equal stacks
    a, columns = (cupy.broadcast_to(each, (*stack, *each.shape[-2:])).copy() for each in (a, columns))
    solution = cupy.linalg.solve(a, columns)
    return solution[..., 0] if b.ndim == 1 else solution


@replaces(np.einsum)
def _einsum(subscripts: str, *operands: Any, **options: Any) -> Any:
    left, arrow, right = subscripts.replace(" ", "").partition("->")
    if arrow and "..." in left and "..." not in right:  # CuPy does not sum over an ellipsis
        operands = tuple(map(cupy.asarray, operands))
        axes = [each.ndim - len(term.replace("...", "")) for term, each in zip(left.split(","), operands)]
        spare = "".join(letter for letter in ascii_letters if letter not in subscripts)[: max(axes)]
        left = ",".join(term.replace("...", spare[len(spare) - n :]) for term, n in zip(left.split(","), axes))
        subscripts = f"{left}->{right}"
    return cupy.einsum(subscripts, *operands, **options)


@replaces(np.linalg.cholesky)
def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return cupy.linalg.cholesky(a.mT).mT if upper else cupy.linalg.cholesky(a)


@replaces(np.linalg.pinv)
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Any:
    cutoff = rcond if rtol is None else rtol
    if cutoff is None:
        cutoff = max(a.shape[-2:]) * np.finfo(a.dtype).eps
    return cupy.linalg.pinv(a, cutoff)


# -- text and files ---------------------------------------------------------------------------------------


def _of_values(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*map(on_cpu, args), **{name: on_cpu(value) for name, value in kwargs.items()})

    return call


for _name in ("array2string", "array_repr", "array_str", "save", "savez", "savez_compressed", "savetxt"):
    REPLACED[getattr(np, _name)] = _of_values(getattr(np, _name))
