"""Sorting: the gradient of each element returns to its original position."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from tensorgrad._arrays import holds
from tensorgrad._typing import ArrayLike, SortKind
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter
from tensorgrad.ops.nondifferentiable import opposite
from tensorgrad.tensor import plain

__all__ = ["partition", "sort"]


def _shared_by_ties(g: Any, values: Any) -> Any:
    """For ascending `values` along the last axis: `g`, with its mean at each run of equal ones."""
    new = values[..., 1:] != values[..., :-1]
    if holds(new):
        return g
    first = np.ones_like(values[..., :1], dtype=bool)
    run = np.cumsum(np.concatenate([first, new], axis=-1), dtype=int) - 1
    lengths = np.maximum(np.bincount(run, minlength=run.size), 1).astype(g.dtype)
    means = scatter.apply(np.reshape(g, -1), run, run.shape) / lengths
    return np.reshape(means[run], g.shape)


def _to_origin(g: Any, a: Any, out: Any, axis: int | None) -> Any:
    """The smallest element in `out` came from the smallest in `a`, the next from the next, and so on."""
    if axis is None:
        return np.reshape(_to_origin(g, np.reshape(a, -1), out, -1), a.shape)
    rows, new_rows = np.moveaxis(a, axis, -1), np.moveaxis(out, axis, -1)
    order, new_order = np.argsort(rows, axis=-1), np.argsort(new_rows, axis=-1)
    ascending = np.take_along_axis(np.moveaxis(g, axis, -1), new_order, -1)
    shared = _shared_by_ties(ascending, np.sort(plain(rows), axis=-1))
    return np.moveaxis(np.take_along_axis(shared, np.argsort(order, axis=-1), -1), -1, axis)


@op(
    a=_to_origin,
    numpy=np.sort,
    lowering="tensorgrad.xla._sorting:sort",
    examples=[
        case((4,)),
        case((3, 4)),
        case((3, 2), axis=0),
        case((2, 3, 2), axis=-2, stable=True),
        case((2, 3), axis=None, kind="heapsort"),
        case((0,)),
        case((2, 0)),
    ],
)
def sort(
    a: ArrayLike,
    axis: int | None = -1,
    kind: SortKind | None = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Any:
    """Sort the elements in ascending or descending order along `axis`; with axis=None, flatten the array first.

    NaN comes last in both orders. Each sends its gradient to its old place; equal elements share theirs evenly. `kind`
    and `stable` choose NumPy's algorithm and do not change the values.

    >>> sort([3.0, 1.0, 2.0])
    Tensor([1., 2., 3.])
    """
    algorithm: dict[str, Any] = {
        name: value for name, value in (("kind", kind), ("stable", stable)) if value is not None
    }
    if descending:  # NumPy has this keyword since 2.5
        return opposite(np.sort(opposite(a), axis=axis, **algorithm))
    return np.sort(a, axis=axis, **algorithm)


@op(
    a=_to_origin,
    numpy=np.partition,
    lowering="tensorgrad.xla._sorting:partition",
    examples=[
        case((5,), kth=2),
        case((3, 4), kth=-1),
        case((4, 2), kth=(0, 2), axis=0),
        case((2, 3), kth=3, axis=None),
    ],
)
def partition(
    a: ArrayLike, kth: int | Sequence[int], axis: int | None = -1, kind: Literal["introselect"] = "introselect"
) -> Any:
    """Rearrange along `axis` so that the element at `kth` is at its sorted position, none before it is larger and
    none after it is smaller; with axis=None, flatten the array first.

    Each sends its gradient to its old place; equal elements share theirs evenly.

    >>> partition([3.0, 1.0, 2.0, 0.0], 0)[0]
    Tensor(0.)
    """
    return np.partition(a, kth, axis, kind)
