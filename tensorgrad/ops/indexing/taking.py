"""Taking of elements by position along an axis: the gradient of each returns to its original position."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import _messages, numpy_dispatch
from tensorgrad._arrays import as_array, has_values
from tensorgrad._composing import composed, method
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter, with_item
from tensorgrad.tensor import Tensor

__all__ = ["compress", "extract", "put_along_axis", "take", "take_along_axis"]


CONDITION_DECIDES = "the shape of the result depends on the values of the condition"


def _put_back(g: Any, where: Any, shape: Shape, axis: int | None) -> Any:
    """Zeros of the given shape with `g` added at the positions (or True places) `where` along `axis`."""
    if axis is None or not shape:  # NumPy takes a number for a row of one
        return np.reshape(scatter.apply(g, where, (int(np.prod(shape, dtype=int)),)), shape)
    return scatter.apply(g, (slice(None),) * (axis % len(shape)) + (where,), shape)


def _length(shape: Shape, axis: int | None) -> int:
    return int(np.prod(shape, dtype=int)) if axis is None or not shape else shape[axis]


def _positions(indices: Any, length: int, mode: str) -> Any:
    """`indices` as `mode` understands those that are out of range."""
    if mode == "wrap":
        return np.remainder(indices, length)
    if mode == "clip":
        return np.clip(indices, 0, length - 1)
    return as_array(indices)


@op(
    a=lambda g, a_shape, indices, axis, mode: _put_back(
        g, _positions(indices, _length(a_shape, axis), mode), a_shape, axis
    ),
    numpy=np.take,
    methods=["take"],
    examples=[
        case((4,), indices=[0, 0, -1]),
        case((2, 3), indices=4),
        case((2, 3), indices=[[0, 2], [2, 2]], axis=-1),
        case((4, 2), indices=1, axis=0),
        case((3, 2), indices=[5, -1, -4], axis=0, mode="wrap"),
        case((3, 2), indices=[5, -1, 1], axis=0, mode="clip"),
        case((), indices=[0, 0]),
        case((2, 3), indices=np.array([], int), axis=1),
    ],
    linear=True,
)
def take(a: ArrayLike, indices: ArrayLike, axis: int | None = None, mode: str = "raise") -> Any:
    """Return the elements at `indices` along `axis`, or (by default) of the flattened array.

    An element that was taken several times receives the sum of the gradients. Indices out of range raise an
    IndexError; with `mode` "wrap" they wrap around, with "clip" they are clipped to the nearest end.

    >>> take([1.0, 2.0, 3.0], [0, 0, 2])
    Tensor([1., 1., 3.])
    """
    if mode == "raise":  # the default, which other libraries may only know as that
        return np.take(a, indices, axis)  # type: ignore[arg-type]
    return np.take(a, indices, axis, mode=mode)  # type: ignore[call-overload]


def _along_axis(indices: Any, shape: Shape, axis: int | None) -> Any:
    """Return the index that takes, at every place of the other axes, the elements at `indices` along `axis`."""
    indices = as_array(indices)
    if axis is None:
        return np.unravel_index(np.where(indices < 0, indices + _length(shape, None), indices), shape)
    ndim = len(shape)
    return tuple(
        indices if other == axis % ndim else np.reshape(np.arange(shape[other]), (-1,) + (1,) * (ndim - other - 1))
        for other in range(ndim)
    )


@op(
    arr=lambda g, arr_shape, indices, axis: scatter.apply(g, _along_axis(indices, arr_shape, axis), arr_shape),
    numpy=np.take_along_axis,
    examples=[
        case((3,), indices=np.array([2, 0, 0, -1]), axis=-1),
        case((2, 3), indices=np.array([[0], [2]]), axis=-1),
        case((2, 3), indices=np.array([[1, 0, 1]]), axis=0),
        case((2, 3, 2), indices=np.array([[[0, 1], [2, 2]]]), axis=-2),
        case((2, 3), indices=np.array([5, 0, -2]), axis=None),
        case((0, 3), indices=np.zeros((0, 1), int), axis=1),
    ],
    linear=True,
)
def take_along_axis(arr: ArrayLike, indices: ArrayLike, axis: int | None = -1) -> Any:
    """Return the elements at `indices` along `axis`, separately at each position of the other axes (as for `argsort`).

    `indices` has as many axes as `arr`; with axis=None both are read as one row.

    >>> take_along_axis([[3.0, 1.0], [2.0, 4.0]], np.array([[1], [0]]))
    Tensor([[1.],
            [2.]])
    """
    return np.take_along_axis(arr, as_array(indices), axis)


def _put_into_copy(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> Any:
    copy = np.array(arr)
    np.put_along_axis(copy, indices, values, axis)
    return copy


@composed(
    "arr",
    "values",
    examples=[
        case((3,), (), indices=np.array([1, -1]), axis=0),
        case((2, 3), (2, 1), indices=np.array([[0], [2]]), axis=-1),
        case((2, 3), (3,), indices=np.array([[1, 0, 1]]), axis=0),
        case((2, 3), (2,), indices=np.array([5, 0]), axis=None),
        case((3,), (2,), indices=np.array([1, 1]), axis=0),
    ],
    reference=_put_into_copy,
)
def put_along_axis(arr: ArrayLike, indices: ArrayLike, values: ArrayLike, axis: int | None = -1) -> Tensor:
    """Return a copy of `arr` with `values` at the positions that `take_along_axis` would take.

    (`np.put_along_axis(t, …)` assigns, as it does to arrays: `t` becomes the new value, as with `t[i] = v`.)
    If a position occurs twice in `indices`, the last value is used and receives the gradient.

    Raises:
        ValueError: `indices` and `arr` differ in their number of axes.
        IndexError: an index out of range.

    >>> put_along_axis([[3.0, 1.0], [2.0, 4.0]], np.array([[1], [0]]), 0.0)
    Tensor([[3., 0.],
            [0., 4.]])
    """
    shape = np.shape(arr)
    expected = 1 if axis is None else len(shape)
    if axis is not None:
        np.lib.array_utils.normalize_axis_index(axis, expected)
    if np.ndim(indices) != expected:
        raise ValueError(f"expected indices of {expected} axes, got shape {np.shape(indices)}")
    target = arr if isinstance(arr, Tensor) else Tensor(arr)
    return with_item(target, values, _along_axis(indices, shape, axis))


def _assign_along_axis(arr: Any, indices: Any, values: Any, axis: int | None = -1) -> None:
    """`np.put_along_axis` with a tensor among its arguments."""
    if not isinstance(arr, Tensor):
        raise TypeError(
            "put_along_axis: a tensor cannot be put into a plain array without losing its gradient. "
            "Use tg.put_along_axis, which returns a new tensor."
        )
    arr[...] = put_along_axis(arr, indices, values, axis)


numpy_dispatch.answers[np.put_along_axis] = _assign_along_axis


def _true_places(condition: Any, length: int) -> Any:
    """`condition`, which may be shorter or longer than the axis, as one truth value for each of its places."""
    return np.isin(np.arange(length), np.flatnonzero(condition))


@op(
    a=lambda g, a_shape, condition, axis: _put_back(g, _true_places(condition, _length(a_shape, axis)), a_shape, axis),
    numpy=np.compress,
    examples=[
        case((3,), condition=[True, False, True]),
        case((2, 3), condition=[False, True]),
        case((2, 3), condition=[0, 1, 1], axis=-1),
        case((3, 2), condition=[True, True], axis=0),
        case((2, 3), condition=[False, False], axis=0),
        case((0, 2), condition=[True], axis=1),
    ],
    linear=True,
)
def compress(condition: ArrayLike, a: ArrayLike, axis: int | None = None) -> Any:
    """Return the slices along `axis` where the condition is True; by default of the flattened array.

    `condition` is a vector of truth values; if it is shorter than the axis, it is extended with False.

    >>> compress([True, False, True], [1.0, 2.0, 3.0])
    Tensor([1., 3.])
    """
    if not has_values(condition):
        raise _messages.numpy_only("compress", CONDITION_DECIDES)
    return np.compress(condition, a, axis)  # type: ignore[arg-type]


def _compress_method(self: Tensor, condition: Any, axis: int | None = None) -> Tensor:
    return compress(condition, self, axis)


method("compress", _compress_method)


@op(
    arr=lambda g, arr_shape, condition: _put_back(
        g, _true_places(condition, _length(arr_shape, None)), arr_shape, None
    ),
    numpy=np.extract,
    examples=[
        case((3,), condition=np.array([True, False, True])),
        case((2, 3), condition=np.array([[True, False, True], [False, False, True]])),
        case((2, 2), condition=np.zeros((2, 2), bool)),
        case((), condition=np.array(True)),
        case((0,), condition=np.zeros(0, bool)),
    ],
    linear=True,
)
def extract(condition: ArrayLike, arr: ArrayLike) -> Any:
    """Return the elements for which the condition is True, as a vector.

    >>> extract([True, False, True], [1.0, 2.0, 3.0])
    Tensor([1., 3.])
    """
    if not has_values(condition):
        raise _messages.numpy_only("extract", CONDITION_DECIDES)
    return np.extract(condition, arr)
