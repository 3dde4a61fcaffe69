"""Largest and smallest elements over axes. The gradient goes to the element taken; ties split it evenly."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import SOME, masked, over_axes, restored
from tensorgrad.tensor import Tensor

__all__ = ["amax", "amin", "max", "min", "ptp"]


def _shared_by_ties(a: Any, out: Any, axis: Axis, keepdims: bool, initial: float | None, where: Any) -> Any:
    """Return 1 at the element equal to the extreme `out`, or 1/k at each of k ties."""
    extreme = restored(out, np.shape(a), axis, keepdims)
    chosen = (a == extreme) | ((a != a) & (extreme != extreme))  # a NaN is the extreme, and differs from itself
    chosen = np.logical_and(chosen, where)
    count = np.sum(chosen, axis=axis, keepdims=True)
    if initial is not None:
        count = np.maximum(count + (np.max(extreme, axis=axis, keepdims=True) == initial), 1)
    return np.divide(chosen, count, dtype=out.dtype)


def _to_extreme(g: Any, a: Any, out: Any, axis: Axis, keepdims: bool, initial: float | None, where: Any) -> Any:
    """`g * (a == out)`, shared evenly among ties."""
    share = _shared_by_ties(a, out, axis, keepdims, initial, where)
    return masked(restored(g, np.shape(a), axis, keepdims) * share, where)


_EXAMPLES = [
    *over_axes(),
    case((2, 3), axis=1, where=SOME, initial=0.3),
    case((2, 3), axis=0, initial=0.1),
]


def _given(initial: float | None, where: Any) -> dict[str, Any]:
    """Return those of the two options that differ from their defaults, which not every library knows."""
    options = {} if initial is None else {"initial": initial}
    return options if where is True else {**options, "where": where}


@op(a=_to_extreme, numpy=[np.max, np.amax, np.maximum.reduce], methods=["max"], examples=_EXAMPLES)
def max(
    a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, initial: float | None = None, where: ArrayLike = True
) -> Any:
    """Largest element over `axis` (all axes by default). It receives the gradient; ties split it evenly.

    >>> max([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([2., 4.])
    """
    return np.maximum.reduce(a, axis=axis, keepdims=keepdims, **_given(initial, where))


@op(a=_to_extreme, numpy=[np.min, np.amin, np.minimum.reduce], methods=["min"], examples=_EXAMPLES)
def min(
    a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, initial: float | None = None, where: ArrayLike = True
) -> Any:
    """Smallest element over `axis` (all axes by default). It receives the gradient; ties split it evenly.

    >>> min([[1.0, 2.0], [3.0, 4.0]], axis=1)
    Tensor([1., 3.])
    """
    return np.minimum.reduce(a, axis=axis, keepdims=keepdims, **_given(initial, where))


@composed("a", numpy=np.ptp, examples=over_axes())
def ptp(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Range, max - min, over `axis` (all axes by default).

    >>> ptp([1.0, 5.0, 3.0])
    Tensor(4.)
    """
    return max(a, axis, keepdims=keepdims) - min(a, axis, keepdims=keepdims)


amax, amin = max, min
