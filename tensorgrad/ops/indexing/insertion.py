"""Deletion and insertion of elements along an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tensorgrad import _messages
from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import getitem, scatter
from tensorgrad.tensor import Tensor

__all__ = ["delete", "insert", "trim_zeros"]


def _as_row(shape: Shape) -> Shape:
    return (int(np.prod(shape, dtype=int)),)


def _undeleted(g: Any, arr_shape: Shape, obj: Any, axis: int | None) -> Any:
    """`g` at the places that were kept, 0 at the others."""
    if axis is None:
        return np.reshape(_undeleted(g, _as_row(arr_shape), obj, 0), arr_shape)
    places = np.arange(arr_shape[axis])
    kept = np.isin(places, np.delete(places, obj))
    return scatter.apply(g, (slice(None),) * (axis % len(arr_shape)) + (kept,), arr_shape)


@op(
    arr=_undeleted,
    numpy=np.delete,
    examples=[
        case((4,), obj=1),
        case((2, 3), obj=[0, 4, -1]),
        case((2, 3), obj=slice(None, None, 2), axis=-1),
        case((3, 2), obj=np.array([True, False, True]), axis=0),
        case((2, 3, 2), obj=[2, 2], axis=1),
        case((3,), obj=[]),
    ],
    linear=True,
)
def delete(arr: ArrayLike, obj: ArrayLike | slice, axis: int | None = None) -> Any:
    """Delete the slices at `obj` (a position, several, a slice or truth values) along `axis`; by default of the
    flattened array. Deleted elements receive the gradient 0.

    >>> delete([1.0, 2.0, 3.0], 1)
    Tensor([1., 3.])
    """
    if is_foreign(obj):
        raise _messages.numpy_only("delete", "the shape of the result depends on the values of obj")
    return np.delete(arr, obj, axis)  # type: ignore[arg-type]


def _arrangement(length: int, new_length: int, obj: Any) -> tuple[Any, Any]:
    """Return the positions of the old elements after `np.insert`, and those of the inserted elements."""
    labels = np.insert(np.full(length, -1), obj, np.arange(new_length - length))
    places = np.argsort(labels, kind="stable")
    return places[:length], places[length:]


def _at_old(g: Any, arr_shape: Shape, obj: Any, axis: int | None) -> Any:
    if axis is None:
        return np.reshape(_at_old(g, _as_row(arr_shape), obj, 0), arr_shape)
    old, _ = _arrangement(arr_shape[axis], g.shape[axis], obj)
    return np.take(g, old, axis)


def _at_inserted(g: Any, arr_shape: Shape, obj: Any, axis: int | None) -> Any:
    """Return the gradients at the inserted places, in the order and with the axes of the values."""
    if axis is None:
        return _at_inserted(g, _as_row(arr_shape), obj, 0)
    _, inserted = _arrangement(arr_shape[axis], g.shape[axis], obj)
    gradients = np.take(g, inserted, axis)
    return np.moveaxis(gradients, axis, 0) if np.ndim(obj) == 0 and not isinstance(obj, slice) else gradients


@op(
    arr=_at_old,
    values=_at_inserted,
    numpy=np.insert,
    examples=[
        case((3,), (), obj=1),
        case((3,), (2,), obj=[3, 1]),
        case((3,), (2,), obj=1),
        case((2, 3), (3,), obj=[0, 2, 2]),
        case((2, 3), (2,), obj=1, axis=-1),
        case((2, 3), (2, 1), obj=[1], axis=1),
        case((2, 3), (3,), obj=-1, axis=0),
        case((2, 3), (2, 3), obj=1, axis=0),
        case((2, 3), (), obj=[0, 2], axis=1),
        case((2, 3), (2,), obj=slice(0, 2), axis=1),
        case((0, 2), (2,), obj=0, axis=0),
    ],
)
def insert(arr: ArrayLike, obj: ArrayLike | slice, values: ArrayLike, axis: int | None = None) -> Any:
    """Insert `values` before the positions `obj` along `axis`; by default into the flattened array.

    >>> insert([1.0, 2.0, 3.0], [0, 2], [10.0, 20.0])
    Tensor([10.,  1.,  2., 20.,  3.])
    """
    if is_foreign(obj):
        raise _messages.numpy_only("insert", "the derivative needs the values of obj")
    if isinstance(obj, (bool, np.bool)):
        raise TypeError(f"expected positions as obj, got {obj!r}")
    return np.insert(arr, obj, values, axis)  # type: ignore[arg-type]


@composed(
    "filt",
    numpy=np.trim_zeros,
    numpy_only="the shape of the result depends on the values",
    examples=[case((3,)), case((4,), trim="f"), case((0,))],
)
def trim_zeros(filt: ArrayLike, trim: str = "fb", axis: Axis = None) -> Tensor:
    """Remove the zeros at the front ("f") and the back ("b") of a vector, or the slices of zeros of an array.

    Args:
        filt: a vector, or an array of several axes.
        trim: which ends to trim: "f", "b" or "fb".
        axis: the axis or axes to trim; default all.

    Raises:
        ValueError: `trim` is none of these.

    >>> trim_zeros([0.0, 1.0, 0.0, 2.0, 0.0])
    Tensor([1., 0., 2.])
    """
    ends = trim.lower() if isinstance(trim, str) else ""
    if ends not in ("f", "b", "fb", "bf"):
        raise ValueError(f"expected 'f', 'b' or 'fb' as trim, got {trim!r}")
    array = filt if isinstance(filt, Tensor) else Tensor(as_array(filt))
    places = np.argwhere(array.array)
    axes = range(array.ndim) if axis is None else normalize_axis_tuple(axis, array.ndim)
    index = [slice(None)] * array.ndim
    for each in axes:
        first, last = (places[:, each].min(), places[:, each].max()) if len(places) else (array.shape[each], -1)
        start = int(first) if "f" in ends else 0
        index[each] = slice(start, max(int(last) + 1, start) if "b" in ends else None)
    return getitem(array, tuple(index))
