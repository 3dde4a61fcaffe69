"""Methods of NumPy's ufuncs for tensors, such as `np.hypot.outer(t, u)`, based on the operation of the ufunc.

`np.add.reduce`, `multiply.reduce`, `maximum.reduce` and `minimum.reduce` are the operations `sum`, `prod`, `max` and
`min`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad import numpy_dispatch
from tensorgrad._typing import Axis, DTypeLike
from tensorgrad.ops._reduced_axes import axes_of
from tensorgrad.ops.elementwise.arithmetic import positive
from tensorgrad.ops.elementwise.where import where as choose_where
from tensorgrad.ops.indexing.items import getitem, scatter, with_item
from tensorgrad.ops.reductions.cumulative import cumprod, cumsum
from tensorgrad.ops.shape.axes import moveaxis
from tensorgrad.ops.shape.joining import stack
from tensorgrad.ops.shape.reshaping import astype, reshape
from tensorgrad.ops.shape.splitting import unstack
from tensorgrad.tensor import Tensor, plain

__all__: list[str] = []


def _operand(a: Any, dtype: Any) -> Any:
    return positive(a) if dtype is None else astype(a, dtype)


def outer(ufunc: np.ufunc, operation: Callable[..., Any], a: Any, b: Any, /, *, dtype: DTypeLike | None = None) -> Any:
    """Return the operation of every element of `a` with every element of `b`: shape (*a.shape, *b.shape)."""
    a, b = _operand(a, dtype), _operand(b, dtype)
    return operation(reshape(a, (*a.shape, *(1,) * b.ndim)), b)


def reduce(
    ufunc: np.ufunc,
    operation: Callable[..., Any],
    array: Any,
    /,
    axis: Axis = 0,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Any:
    """Return the elements along `axis` combined by the operation, one after the other.

    Raises:
        ValueError: the ufunc has no identity, and there are no elements or only some are selected; or the result
            depends on the order of several axes.
    """
    array = _operand(array, dtype)
    ufunc.reduce(np.empty((1,) * array.ndim), axis=axis)  # NumPy's error for axes that it does not take
    axes = axes_of(axis, array.ndim)
    others = [other for other in range(array.ndim) if other not in axes]
    kept = [1 if a in axes else length for a, length in enumerate(array.shape)]
    elements = _rows(array, others, axes)
    start = ufunc.identity if initial is None and (where is not True or not elements) else initial
    if start is None and (where is not True or not elements):
        raise ValueError(f"np.{ufunc.__name__}.reduce has no identity, so it needs initial= here.")
    if start is not None:
        elements = [np.full([array.shape[other] for other in others], start, array.dtype), *elements]
    if where is True:
        result = functools.reduce(operation, elements)
    else:
        masks = _rows(np.broadcast_to(where, array.shape), others, axes)
        result, *rest = elements
        for mask, element in zip(masks, rest, strict=True):
            result = choose_where(mask, operation(result, element), result)
    return reshape(result, kept) if keepdims else positive(result)


def _rows(array: Any, others: list[int], axes: tuple[int, ...]) -> list[Any]:
    """Return the slices that a reduction over `axes` combines, in order."""
    count = int(np.prod([array.shape[axis] for axis in axes], dtype=int))
    shape = (count, *(array.shape[other] for other in others))
    rows = np.reshape(np.transpose(array, [*axes, *others]), shape)
    return [rows[i] for i in range(count)]


def accumulate(ufunc: np.ufunc, operation: Callable[..., Any], array: Any, /, axis: int = 0, dtype: Any = None) -> Any:
    """Return the results of `reduce` for the first element along `axis`, the first two, and so on."""
    if ufunc is np.add:
        return cumsum(array, axis, dtype)
    if ufunc is np.multiply:
        return cumprod(array, axis, dtype)
    array = _operand(array, dtype)
    elements = unstack(array, axis=axis)
    results = list(elements[:1])
    for element in elements[1:]:
        results.append(operation(results[-1], element))
    return stack(results, axis=normalize_axis_index(axis, array.ndim)) if results else array


def reduceat(
    ufunc: np.ufunc, operation: Callable[..., Any], array: Any, indices: Any, /, axis: int = 0, dtype: Any = None
) -> Any:
    """Return `reduce` of the parts of `array` along `axis` that start at `indices`, as in NumPy."""
    array = moveaxis(_operand(array, dtype), axis, 0)
    starts = [int(index) for index in plain(indices)]
    if any(not 0 <= start < len(array) for start in starts):
        raise IndexError(f"expected indices from 0 to {len(array) - 1}, got {starts}.")
    method = numpy_dispatch.answers.get(ufunc.reduce, functools.partial(reduce, ufunc, operation))
    parts = [
        method(array[start:stop], axis=0) if start < stop else array[start]
        for start, stop in zip(starts, [*starts[1:], len(array)])
    ]
    return moveaxis(stack(parts), 0, axis)


def at(ufunc: np.ufunc, operation: Callable[..., Any], target: Any, indices: Any, *values: Any) -> None:
    """Replace the elements of the tensor `target` at `indices` by the results of the operation.

    `indices` may contain a position several times, as in NumPy.

    Raises:
        TypeError: `target` is an array, which cannot hold a gradient.
        RuntimeError: `target` is a leaf that requires a gradient.
    """
    if not isinstance(target, Tensor):
        raise TypeError(
            f"np.{ufunc.__name__}.at: a tensor cannot be put into a plain array without losing its gradient. "
            "Pass a tensor as the first argument: tg.tensor(array)."
        )
    if ufunc in (np.add, np.subtract):
        result = operation(target, scatter(astype(values[0], target.dtype), plain(indices), target.shape))
    else:
        result = _one_occurrence_after_another(operation, target, plain(indices), *values)
    target[...] = result


def _one_occurrence_after_another(operation: Callable[..., Any], target: Any, indices: Any, *values: Any) -> Any:
    """Apply the operation first to the first occurrence of each position in `indices`, then to the second ones."""
    places = np.arange(target.size).reshape(target.shape)[indices]
    operands = [reshape(np.broadcast_to(positive(value), np.shape(places)), -1) for value in values]
    places = np.ravel(places)
    order = np.argsort(places, kind="stable")
    first = np.searchsorted(places[order], places[order], side="left")
    occurrence = np.empty_like(places)
    occurrence[order] = np.arange(places.size) - first
    result = reshape(target, -1)
    for number in range(int(occurrence.max(initial=-1)) + 1):
        now = np.flatnonzero(occurrence == number)
        changed = operation(getitem(result, places[now]), *(getitem(operand, now) for operand in operands))
        result = with_item(result, changed, places[now])
    return reshape(result, target.shape)


numpy_dispatch.ufunc_methods.update(
    {"outer": outer, "reduce": reduce, "accumulate": accumulate, "reduceat": reduceat, "at": at}
)
