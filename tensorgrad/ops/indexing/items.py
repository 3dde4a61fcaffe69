"""Taking elements out, and putting them in. A slice is a value of its own, never a window into another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._composing import method
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.tensor import Tensor

__all__ = ["getitem"]


def _repeats(index: Any) -> bool:
    """Whether `index` may name an element more than once: only arrays of integers can."""
    items = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in items if not (i is None or i is ... or isinstance(i, (slice, int, np.integer)))]
    return any(np.asarray(i).dtype != bool for i in arrays)


def _counted(values: Any, index: Any, shape: Shape) -> Any:
    """What `scatter` returns, by counting how often each place is named."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    values = np.reshape(values, np.shape(values)[max(0, np.ndim(values) - np.ndim(places)) :])
    weights = np.broadcast_to(values, np.shape(places)).ravel()
    return np.bincount(np.ravel(places), weights, minlength=np.prod(shape, dtype=int)).reshape(shape).astype(float)


@op(
    values=lambda g, index: g[index],
    examples=[case((2,), index=slice(1, 3), shape=(4,)), case((3,), index=np.array([0, 2, 0]), shape=(4,))],
    linear=True,
    reference=_counted,
)
def scatter(values: ArrayLike, index: Any, shape: Shape) -> Any:
    """Zeros of the given shape with `values` added at `index`, as often as it names a place: `getitem` backwards.

    >>> scatter(np.array([1.0, 10.0, 100.0]), np.array([0, 2, 0]), (3,))
    Tensor([101.,   0.,  10.])
    """
    result = np.zeros(shape, dtype=np.asarray(values).dtype)
    if _repeats(index):
        np.add.at(result, index, values)
    else:
        result[index] = values
    return result


@op(
    x=lambda g, x_shape, index: scatter.apply(g, index, x_shape),
    methods=["__getitem__"],
    examples=[
        case((3,), index=1),
        case((4, 3), index=(slice(None, None, -2), 0)),
        case((4, 3), index=(..., None, slice(1, 2))),
        case((4, 3), index=np.array([0, 0, 3])),
        case((4, 3), index=(np.array([[0, 1], [0, 1]]), np.array([2, 0]))),
        case((2, 3), index=np.array([[True, False, True], [False, False, True]])),
        case((), index=()),
        case((4, 3), index=(slice(0, 0),)),
    ],
    linear=True,
    reference=lambda x, index: x[index],
)
def getitem(x: ArrayLike, index: Any) -> Any:
    """`x[index]` with every index NumPy knows: numbers, slices, `...`, None, arrays of integers or booleans.

    An element that was taken several times receives the sum of the gradients.

    >>> getitem([1.0, 2.0, 3.0], [0, 0, 2])
    Tensor([1., 1., 3.])
    """
    return np.array(np.asarray(x)[index])


def _overwritten(value_places: Any, index: Any, shape: Shape) -> Any:
    """Which of the assigned elements a later one replaced, where `index` names a place twice."""
    numbers = np.arange(value_places.size).reshape(value_places.shape)
    last: Any = with_item.apply(np.zeros(shape, dtype=int), numbers, index)
    return last[index] != numbers


def _taken(g: Any, index: Any, x_shape: Shape) -> Any:
    at_index = g[index]
    if not _repeats(index):
        return at_index
    return np.where(_overwritten(at_index, index, x_shape), 0.0, at_index)


def _cleared(g: Any, index: Any) -> Any:
    return with_item.apply(g, 0.0, index)


def _put(x: Any, value: Any, index: Any) -> Any:
    """What `with_item` returns, by `np.put` into the flattened array."""
    flat = np.ravel(x).copy()
    places = np.arange(flat.size).reshape(np.shape(x))[index]
    value = np.reshape(value, np.shape(value)[max(0, np.ndim(value) - np.ndim(places)) :])
    np.put(flat, places, np.broadcast_to(value, np.shape(places)))
    return flat.reshape(np.shape(x))


@op(
    x=_cleared,
    value=_taken,
    examples=[
        case((3,), (), index=1),
        case((4, 3), (2, 1), index=(slice(0, 2),)),
        case((4, 3), (3,), index=np.array([0, 0, 3])),
        case((2, 3), (2,), index=np.array([[True, False, True], [False, False, False]])),
    ],
    reference=_put,
)
def with_item(x: ArrayLike, value: ArrayLike, index: Any) -> Any:
    """A copy of `x` with `value` at `index`: what `t[index] = value` rebinds `t` to.

    >>> with_item([1.0, 2.0, 3.0], 9.0, index=slice(1, None))
    Tensor([1., 9., 9.])
    """
    result = np.array(x)
    result[index] = value
    return result


def _setitem_method(self: Tensor, index: Any, value: Any) -> None:
    """`t[index] = value`: `t` becomes a new value. What was computed from the old one still sees the old one."""
    if self.node is not None and self.is_leaf:
        raise RuntimeError(
            "setitem: this tensor is a leaf that requires a gradient; assigning would cut it off. "
            "Work on a copy (u = t.copy(); u[i] = v), use tg.where, or assign to t.data to change it for good."
        )
    self.become(with_item(self, value, index))


method("__setitem__", _setitem_method)
