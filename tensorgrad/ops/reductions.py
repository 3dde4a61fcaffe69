"""Sums, products, extremes and moments over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.domains import NONZERO, Case, case
from tensorgrad.op import op
from tensorgrad.typing import ArrayLike, Axis, Shape


def over_axes(**options: Any) -> list[Case]:
    """Test cases of a reduction: one axis, several, a negative one, all; kept or not."""
    return [
        case((), **options),
        case((3,), **options),
        case((2, 3), axis=0, **options),
        case((2, 3), axis=-1, keepdims=True, **options),
        case((2, 3, 2), axis=(0, 2), **options),
        case((2, 3), keepdims=True, **options),
    ]


def _axes(axis: Axis, ndim: int) -> Shape:
    if axis is None:
        return tuple(range(ndim))
    return tuple(a % ndim for a in (axis if isinstance(axis, (tuple, list)) else (axis,)) if ndim)


def restored(g: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    """A reduced `g`, repeated along the reduced axes to the `shape` it had before."""
    if not keepdims:
        axes = _axes(axis, len(shape))
        g = np.reshape(g, tuple(1 if a in axes else length for a, length in enumerate(shape)))
    return np.broadcast_to(g, shape)


def _count(shape: Shape, axis: Axis) -> int:
    """How many elements are reduced to one."""
    return int(np.prod([shape[a] for a in _axes(axis, len(shape))], dtype=int))


@op(
    x=lambda g, x_shape, axis, keepdims: restored(g, x_shape, axis, keepdims),
    numpy=np.sum,
    methods=["sum"],
    examples=over_axes(),
)
def sum(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Σx over `axis` (all axes by default): every element receives the gradient.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([4., 6.])
    """
    return np.sum(x, axis=axis, keepdims=keepdims)


@op(
    x=lambda g, x_shape, axis, keepdims: restored(g / _count(x_shape, axis), x_shape, axis, keepdims),
    numpy=np.mean,
    methods=["mean"],
    examples=over_axes(),
)
def mean(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Average over `axis` (all axes by default): each of n elements receives 1/n of the gradient.

    >>> mean([[1.0, 2.0], [3.0, 4.0]])
    Tensor(2.5)
    """
    return np.mean(np.asarray(x), axis=axis, keepdims=keepdims)


def _shared_by_ties(x: Any, out: Any, axis: Axis, keepdims: bool) -> Any:
    """1 at the element equal to the extreme `out`, or 1/k at each of k that tie."""
    extreme = restored(out, np.shape(x), axis, keepdims)
    chosen = (x == extreme) | ((x != x) & (extreme != extreme))  # a NaN is the extreme, and differs from itself
    return np.divide(chosen, np.sum(chosen, axis=axis, keepdims=True), dtype=out.dtype)


def _to_extreme(g: Any, x: Any, out: Any, axis: Axis, keepdims: bool) -> Any:
    return restored(g, np.shape(x), axis, keepdims) * _shared_by_ties(x, out, axis, keepdims)


@op(x=_to_extreme, numpy=np.max, methods=["max"], examples=over_axes())
def max(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The largest element over `axis` (all axes by default). It receives the gradient; ties split it evenly.

    >>> max([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([2., 4.])
    """
    return np.max(x, axis=axis, keepdims=keepdims)


@op(x=_to_extreme, numpy=np.min, methods=["min"], examples=over_axes())
def min(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """The smallest element over `axis` (all axes by default). It receives the gradient; ties split it evenly.

    >>> min([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([1., 3.])
    """
    return np.min(x, axis=axis, keepdims=keepdims)


def _deviation(x: Any, axis: Axis) -> Any:
    return x - np.mean(x, axis=axis, keepdims=True)


@op(
    x=lambda g, x, axis, ddof, keepdims: (
        restored(g * (2 / (_count(np.shape(x), axis) - ddof)), np.shape(x), axis, keepdims) * _deviation(x, axis)
    ),
    numpy=np.var,
    methods=["var"],
    examples=[*over_axes(), case((4, 3), axis=0, ddof=1)],
)
def var(x: ArrayLike, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """Variance over `axis` (all axes by default), Σ(x - mean)²/(n - ddof).

    >>> var([1.0, 3.0])
    Tensor(1.)
    """
    return np.var(np.asarray(x), axis=axis, ddof=ddof, keepdims=keepdims)


def _deviation_over_std(g: Any, x: Any, out: Any, axis: Axis, ddof: int, keepdims: bool) -> Any:
    free = _count(np.shape(x), axis) - ddof
    scale = g / (free * np.where(out == 0, 1.0, out))
    return restored(scale, np.shape(x), axis, keepdims) * _deviation(x, axis)


@op(
    x=_deviation_over_std,
    numpy=np.std,
    methods=["std"],
    examples=[*over_axes()[1:], case((4, 3), axis=0, ddof=1)],
)
def std(x: ArrayLike, axis: Axis = None, *, ddof: int = 0, keepdims: bool = False) -> Any:
    """Standard deviation over `axis` (all axes by default): the square root of `var`. For constants the gradient is 0.

    >>> std([1.0, 3.0])
    Tensor(1.)
    """
    return np.std(np.asarray(x), axis=axis, ddof=ddof, keepdims=keepdims)


def _running_product(x: Any) -> Any:
    """Products of the elements before each one, along the last axis, in log₂(n) steps."""
    shifted = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1)
    step = 1
    while step < shifted.shape[-1]:
        shifted = np.concatenate([shifted[..., :step], shifted[..., step:] * shifted[..., :-step]], axis=-1)
        step *= 2
    return shifted


def _product_of_others(x: Any, out: Any, axis: Axis, keepdims: bool) -> Any:
    """For each element the product of all others, also where some are 0."""
    shape = np.shape(x)
    if np.all(x != 0):
        return restored(out, shape, axis, keepdims) / x
    reduced = _axes(axis, len(shape))
    order = [a for a in range(len(shape)) if a not in reduced] + list(reduced)
    arranged = np.transpose(x, order)
    rows = np.reshape(arranged, (*arranged.shape[: len(shape) - len(reduced)], -1))
    others = _running_product(rows) * _running_product(rows[..., ::-1])[..., ::-1]
    return np.transpose(np.reshape(others, arranged.shape), np.argsort(order))


@op(
    x=lambda g, x, out, axis, keepdims: (
        restored(g, np.shape(x), axis, keepdims) * _product_of_others(x, out, axis, keepdims)
    ),
    numpy=np.prod,
    methods=["prod"],
    domain=NONZERO,
    examples=over_axes(),
)
def prod(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Product over `axis` (all axes by default): each element receives the product of the others, zeros or not.

    >>> prod([2.0, 3.0, 4.0])
    Tensor(24.)
    """
    return np.prod(np.asarray(x), axis=axis, keepdims=keepdims)
