"""Sums and products over axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._arrays import holds
from tensorgrad._typing import ArrayLike, Axis, DTypeLike
from tensorgrad.domains import NONZERO, case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import SOME, adds_in_float32, axes_of, counted, masked, over_axes, restored
from tensorgrad.tensor import plain

__all__ = ["prod", "sum"]


@op(
    a=lambda g, a_shape, axis, keepdims, where: masked(restored(g, a_shape, axis, keepdims), where),
    numpy=[np.sum, np.add.reduce],
    methods=["sum"],
    examples=[*over_axes(), case((2, 3), axis=1, where=SOME, initial=2.0), case((0, 3), axis=0)],
)
def sum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: float = 0,
    where: ArrayLike = True,
) -> Any:
    """Σa over `axis` (all axes by default): every element receives the gradient.

    >>> sum([[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([4., 6.])
    """
    if adds_in_float32(a, dtype):
        result: Any = np.sum(a, axis=axis, dtype=np.float32, keepdims=keepdims, initial=initial, where=where)  # type: ignore[arg-type]
        return result.astype(np.float16)
    return np.sum(a, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)  # type: ignore[arg-type, misc]


def _running_product(x: Any) -> Any:
    """Return the products of all elements before each one, along the last axis, in log₂(n) steps."""
    shifted = np.concatenate([np.ones_like(x[..., :1]), x[..., :-1]], axis=-1)
    step = 1
    while step < shifted.shape[-1]:
        shifted = np.concatenate([shifted[..., :step], shifted[..., step:] * shifted[..., :-step]], axis=-1)
        step *= 2
    return shifted


def _divisible(a: Any, axis: Axis) -> bool:
    """Return whether no partial product overflows or underflows, so that dividing by a factor is accurate."""
    size = np.absolute(plain(a))
    with np.errstate(over="ignore"):
        smallest, largest = np.prod(np.minimum(size, 1.0), axis=axis), np.prod(np.maximum(size, 1.0), axis=axis)
    return holds((smallest >= np.finfo(a.dtype).tiny) & np.isfinite(largest))


def _product_of_others(a: Any, out: Any, axis: Axis, keepdims: bool, initial: float, where: Any) -> Any:
    """`out / a`, for each element the product of all others, also where some are 0."""
    shape = np.shape(a)
    a = a if where is True else np.where(where, a, 1.0)
    if _divisible(a, axis):
        return restored(out, shape, axis, keepdims) / a
    reduced = axes_of(axis, len(shape))
    order = [axis for axis in range(len(shape)) if axis not in reduced] + list(reduced)
    arranged = np.transpose(a, order)
    kept = arranged.shape[: len(shape) - len(reduced)]
    rows = np.reshape(arranged, (*kept, counted(shape, axis)))
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
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: float = 1,
    where: ArrayLike = True,
) -> Any:
    """Product over `axis` (all axes by default): each element receives the product of the others, also at zeros.

    >>> prod([2.0, 3.0, 4.0])
    Tensor(24.)
    """
    return np.prod(a, axis=axis, dtype=dtype, keepdims=keepdims, initial=initial, where=where)  # type: ignore[arg-type, misc]
