"""Repeating of elements: the gradient of an element is the sum over its copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter
from tensorgrad.ops.indexing.taking import take
from tensorgrad.ops.shape.joining import concatenate
from tensorgrad.ops.shape.reshaping import ravel, reshape
from tensorgrad.tensor import Tensor

__all__ = ["repeat", "resize", "tile"]


def _copies_summed(g: Any, a_shape: Shape, repeats: Any, axis: int | None) -> Any:
    if axis is None or not a_shape:
        return np.reshape(_copies_summed(g, (int(np.prod(a_shape, dtype=int)),), repeats, 0), a_shape)
    axis = axis % len(a_shape)
    length = a_shape[axis]
    if np.size(repeats) == 1:
        together = (*a_shape[: axis + 1], int(np.reshape(repeats, ())), *a_shape[axis + 1 :])
        return np.sum(np.reshape(g, together), axis=axis + 1)
    sources = np.repeat(np.arange(length), repeats)
    return scatter.apply(g, (slice(None),) * axis + (sources,), a_shape)


@op(
    a=_copies_summed,
    numpy=np.repeat,
    methods=["repeat"],
    examples=[
        case((3,), repeats=2),
        case((2, 3), repeats=2),
        case((2, 3), repeats=[2, 0, 1], axis=-1),
        case((2, 3), repeats=[3], axis=0),
        case((), repeats=3),
        case((2, 3), repeats=0, axis=1),
        case((0, 2), repeats=2, axis=0),
    ],
    linear=True,
)
def repeat(a: ArrayLike, repeats: int | Sequence[int], axis: int | None = None) -> Any:
    """Repeat each element along `axis`, or (by default) of the flattened array.

    `repeats` is one number for all elements, or one for each position along the axis.

    >>> repeat([1.0, 2.0], [1, 2])
    Tensor([1., 2., 2.])
    """
    if is_foreign(repeats):
        raise _messages.numpy_only("repeat", "the shape of the result depends on the values of repeats")
    return np.repeat(a, repeats, axis)


def _tiles_summed(g: Any, A_shape: Shape, reps: Any) -> Any:
    counts = (1,) * (g.ndim - np.size(reps)) + tuple(int(count) for count in np.reshape(reps, -1))
    lengths = (1,) * (g.ndim - len(A_shape)) + A_shape
    apart = [length for pair in zip(counts, lengths) for length in pair]
    return np.reshape(np.sum(np.reshape(g, apart), axis=tuple(range(0, 2 * g.ndim, 2))), A_shape)


@op(
    A=_tiles_summed,
    numpy=np.tile,
    examples=[
        case((3,), reps=2),
        case((2, 3), reps=2),
        case((2, 3), reps=(2, 1, 3)),
        case((2, 1, 2), reps=(2, 2)),
        case((), reps=(2, 3)),
        case((2,), reps=0),
        case((0, 2), reps=(2, 1)),
    ],
    linear=True,
)
def tile(A: ArrayLike, reps: int | Sequence[int]) -> Any:
    """Repeat the whole array `reps` times along each axis.

    >>> tile([1.0, 2.0], 2)
    Tensor([1., 2., 1., 2.])
    """
    return np.tile(A, reps)


@composed(
    "a",
    numpy=np.resize,
    examples=[
        case((3,), new_shape=(2, 4)),
        case((2, 3), new_shape=4),
        case((2,), new_shape=()),
        case((0,), new_shape=3),
    ],
)
def resize(a: ArrayLike, new_shape: int | Sequence[int]) -> Tensor:
    """Return the elements in another shape, repeated as often as needed; zeros if there are none.

    >>> resize([1.0, 2.0, 3.0], (2, 2))
    Tensor([[1., 2.],
            [3., 1.]])
    """
    shape = (new_shape,) if isinstance(new_shape, (int, np.integer)) else tuple(new_shape)
    if any(length < 0 for length in shape):
        raise ValueError(f"expected lengths ≥ 0 as new_shape, got {shape}.")
    row = ravel(a)
    count = int(np.prod(shape, dtype=int))
    if row.size == 0:
        row = concatenate([row, np.zeros(1, row.dtype)])
    return reshape(take(row, np.remainder(np.arange(count), row.size)), shape)
