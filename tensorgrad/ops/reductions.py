"""Sums and products over axes, and what all reductions share: giving the gradient its axes back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tensorgrad.domains import NONZERO, Case, case
from tensorgrad.op import op
from tensorgrad.typing import ArrayLike, Axis, Shape

__all__ = ["prod", "sum"]


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


SOME = np.array([[True, False, True], [True, True, True]])
"""A `where=` mask for test cases of shape (2, 3)."""


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The reduced axes as positive numbers. NumPy also takes a number for an axis, of which none is reduced then."""
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    return normalize_axis_tuple(axis, ndim)


def restored(g: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    """`np.broadcast_to(g, shape)`, once a reduced `g` has its axes back."""
    if not keepdims:
        axes = axes_of(axis, len(shape))
        g = np.reshape(g, tuple(1 if a in axes else length for a, length in enumerate(shape)))
    return np.broadcast_to(g, shape)


def counted(shape: Shape, axis: Axis, where: Any = True) -> Any:
    """How many elements are reduced to one: a number, or with a mask an array that keeps the reduced axes."""
    if where is True:
        return int(np.prod([shape[a] for a in axes_of(axis, len(shape))], dtype=int))
    return np.add.reduce(np.broadcast_to(where, shape), axis=axes_of(axis, len(shape)), dtype=int, keepdims=True)


def masked(g: Any, where: Any) -> Any:
    """Where the elements took part `g`, else 0."""
    return g if where is True else np.where(where, g, 0.0)


@op(
    a=lambda g, a_shape, axis, keepdims, where: masked(restored(g, a_shape, axis, keepdims), where),
    numpy=[np.sum, np.add.reduce],
    methods=["sum"],
    examples=[*over_axes(), case((2, 3), axis=1, where=SOME, initial=2.0), case((0, 3), axis=0)],
)
def sum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: float = 0,
    where: Any = True,
) -> Any:
    """Σa over `axis` (all axes by default): every element receives the gradient.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([4., 6.])
    """
    return np.sum(np.asarray(a), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)


def _running_product(x: Any) -> Any:
    """Products of the elements before each one, along the last axis, in log₂(n) steps."""
    shifted = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1)
    step = 1
    while step < shifted.shape[-1]:
        shifted = np.concatenate([shifted[..., :step], shifted[..., step:] * shifted[..., :-step]], axis=-1)
        step *= 2
    return shifted


def _product_of_others(a: Any, out: Any, axis: Axis, keepdims: bool, initial: float, where: Any) -> Any:
    """`out / a`, for each element the product of all others, also where some are 0."""
    shape = np.shape(a)
    a = a if where is True else np.where(where, a, 1.0)
    if np.all(np.isfinite(out) & (np.absolute(out) >= np.finfo(out.dtype).tiny)):  # dividing loses nothing
        return restored(out, shape, axis, keepdims) / a
    reduced = axes_of(axis, len(shape))
    order = [axis for axis in range(len(shape)) if axis not in reduced] + list(reduced)
    arranged = np.transpose(a, order)
    rows = np.reshape(arranged, (*arranged.shape[: len(shape) - len(reduced)], -1))
    others = _running_product(rows) * _running_product(rows[..., ::-1])[..., ::-1] * initial
    return np.transpose(np.reshape(others, arranged.shape), np.argsort(order))


@op(
    a=lambda g, a, out, axis, keepdims, initial, where: masked(
        restored(g, np.shape(a), axis, keepdims) * _product_of_others(a, out, axis, keepdims, initial, where), where
    ),
    numpy=[np.prod, np.multiply.reduce],
    methods=["prod"],
    domain=NONZERO,
    examples=[*over_axes(), case((2, 3), axis=1, where=SOME, initial=2.0), case((0, 3), axis=0)],
)
def prod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: Any = None,
    *,
    keepdims: bool = False,
    initial: float = 1,
    where: Any = True,
) -> Any:
    """Product over `axis` (all axes by default): each element receives the product of the others, zeros or not.

    >>> prod([2.0, 3.0, 4.0])
    Tensor(24.)
    """
    return np.prod(np.asarray(a), axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)
