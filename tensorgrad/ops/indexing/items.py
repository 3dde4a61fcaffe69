"""Indexing and item assignment. A slice is a separate value and never aliases another tensor."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import as_array, has_values, is_foreign
from tensorgrad._composing import method
from tensorgrad._typing import ArrayLike, Index, Shape
from tensorgrad.domains import case
from tensorgrad.modes import enable_grad, is_grad_enabled
from tensorgrad.op import op
from tensorgrad.tensor import Tensor, plain

__all__ = ["getitem"]


def _repeats(index: Any) -> bool:
    """Return whether `index` may select an element more than once: only integer arrays can."""
    items = index if isinstance(index, tuple) else (index,)
    arrays = [i for i in items if not (i is None or i is ... or isinstance(i, (slice, int, np.integer)))]
    return any(as_array(i).dtype != bool for i in arrays)


def _check_no_mask(index: Any, name: str) -> None:
    """Refuse a mask whose values cannot be read, because the shape of the result would be unknown."""
    for each in index if isinstance(index, tuple) else (index,):
        if is_foreign(each) and each.dtype.kind == "b" and not has_values(each):
            raise _messages.numpy_only(name, "the shape of the result depends on the values of the mask")


def _places(index: Any, shape: Shape) -> Any:
    """Return what `index` takes from an array of the given shape: the number of each element, counted row by row."""
    items = index if isinstance(index, tuple) else (index,)
    foreign = next((each for each in items if is_foreign(each)), None)
    count = int(np.prod(shape, dtype=int))
    return np.reshape(np.arange(count) if foreign is None else np.arange(count, like=foreign), shape)[index]


def _summed(values: Any, places: Any, shape: Shape) -> Any:
    """Return zeros with `values` added at `places`, without item assignment."""
    count = int(np.prod(shape, dtype=int))
    weights = np.reshape(np.broadcast_to(values, np.shape(places)), -1)
    return np.reshape(np.bincount(np.reshape(places, -1), weights, count), shape).astype(values.dtype)


def _assigned(x: Any, value: Any, index: Any) -> Any:
    """Return `x` with `value` at `index`, without item assignment: of several values for one place the last counts."""
    x = as_array(x)
    shape, places = x.shape, _places(index, x.shape)
    value = np.broadcast_to(value, np.shape(places))
    assigned = _summed(np.where(_replaced(places), 0, value).astype(x.dtype), places, shape)
    count = np.bincount(np.reshape(places, -1), minlength=int(np.prod(shape, dtype=int)))
    return np.where(np.reshape(count, shape) > 0, assigned, x)


def _replaced(places: Any) -> Any:
    """Return which of the values assigned to `places` are replaced by a later one."""
    row = np.reshape(places, -1)
    order = np.argsort(row, kind="stable")
    in_order = np.take(row, order)
    again = np.concatenate([in_order[1:] == in_order[:-1], np.zeros_like(in_order[:1], dtype=bool)])
    return np.reshape(np.take(again, np.argsort(order)), np.shape(places))


def _counted(values: Any, index: Any, shape: Shape) -> Any:
    """What `scatter` returns, by counting how often each place is named."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)[index]
    values = np.reshape(values, np.shape(values)[max(0, np.ndim(values) - np.ndim(places)) :])
    weights = np.broadcast_to(values, np.shape(places)).ravel()
    return np.bincount(np.ravel(places), weights, minlength=np.prod(shape, dtype=int)).reshape(shape).astype(float)


_USUAL = frozenset({int, slice, tuple, list, np.ndarray, type(None), type(...)})
"""Types of indices that are no arrays of other libraries. A tuple may contain some, which is not checked for speed."""


@op(
    values=lambda g, index: g[index],
    examples=[case((2,), index=slice(1, 3), shape=(4,)), case((3,), index=np.array([0, 2, 0]), shape=(4,))],
    linear=True,
    reference=_counted,
)
def scatter(values: ArrayLike, index: Any, shape: Shape) -> Any:
    """Add `values` to zeros of the given shape at `index`, which may repeat positions: the gradient of `getitem`.

    >>> scatter(np.array([1.0, 10.0, 100.0]), np.array([0, 2, 0]), (3,))
    Tensor([101.,   0.,  10.])
    """
    array: Any = as_array(values)
    if array.__class__ is not np.ndarray or (index.__class__ not in _USUAL and is_foreign(index)):
        if hasattr(array, "scattered"):
            return array.scattered(index, shape)
        return _summed(array, _places(index, shape), shape)
    result = np.zeros(shape, array.dtype)
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
    view=True,
    reference=lambda x, index: x[index],
)
def getitem(x: ArrayLike, index: Index) -> Any:
    """Return `x[index]` for every index NumPy supports: numbers, slices, `...`, None, arrays of integers or booleans.

    An element that was taken several times receives the sum of the gradients.

    >>> getitem([1.0, 2.0, 3.0], [0, 0, 2])
    Tensor([1., 1., 3.])
    """
    if x.__class__ is not np.ndarray:
        _check_no_mask(index, "getitem")
    elif index.__class__ not in _USUAL and is_foreign(index):
        x = np.zeros_like(index, dtype=x.dtype, shape=x.shape) + x  # an array of the same library
    return x[index]  # type: ignore[index]


def _taken(g: Any, index: Any, x_shape: Shape) -> Any:
    at_index = g[index]
    if not _repeats(index):
        return at_index
    return np.where(_replaced(_places(index, x_shape)), 0.0, at_index)


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
    """Return a copy of `x` with `value` at `index`; `t[index] = value` assigns it to `t`.

    >>> with_item([1.0, 2.0, 3.0], 9.0, index=slice(1, None))
    Tensor([1., 9., 9.])
    """
    if is_foreign(x) or is_foreign(value):
        _check_no_mask(index, "with_item")
        if hasattr(x, "with_item") and not _repeats(index):
            return x.with_item(index, value)
        return _assigned(x, value, index)
    result = np.array(x)
    result[index] = value
    return result


def _setitem_method(self: Tensor, index: Any, value: Any) -> None:
    """Replace the value of `t` by a copy with `value` at `index`. Earlier results still refer to the old value.

    Inside `no_grad`, `value` is a constant; the other elements keep their gradients.
    """
    if self.node is not None and self.is_leaf:
        raise RuntimeError(
            "setitem: this tensor is a leaf that requires a gradient; assigning would cut it off. "
            "Work on a copy (u = t.copy(); u[i] = v), use tg.where, or assign to t.data to change it for good."
        )
    if self.node is not None and not is_grad_enabled():  # `value` is a constant then, but the other elements are not
        with enable_grad():
            self.become(with_item(self, plain(value), index))
    else:
        self.become(with_item(self, value, index))


method("__setitem__", _setitem_method)
