"""Answers about values that have no derivative: places, counts and truths, as plain arrays and numbers.

`np.argmax(t)` and its like give the same: see `tensorgrad.numpy_dispatch`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._composing import method
from tensorgrad._typing import ArrayLike, Axis
from tensorgrad.tensor import plain

__all__ = ["all", "any", "argmax", "argmin", "argsort", "count_nonzero", "nonzero"]

P = ParamSpec("P")
T = TypeVar("T")


def _named(function: Callable[P, T]) -> Callable[P, T]:
    """Have the function's errors name it, as those of operations do."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (ValueError, OverflowError) as error:
            better = _messages.explained(error, function.__name__, {})
            if better is None:
                raise
            raise better from error

    return call


@_named
def argmax(a: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """Where the largest element is along `axis`, or (by default) among all elements in a row; the first that ties.

    >>> argmax([1.0, 3.0, 2.0])
    np.int64(1)
    """
    return np.argmax(plain(a), axis=axis, keepdims=keepdims)


@_named
def argmin(a: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """Where the smallest element is along `axis`, or (by default) among all elements in a row; the first that ties.

    >>> argmin([[1.0, 3.0], [2.0, 0.0]], axis=1)
    array([0, 1])
    """
    return np.argmin(plain(a), axis=axis, keepdims=keepdims)


def opposite(a: Any) -> Any:
    """Values in the opposite order, none of which overflows; NaN stays NaN. Applied twice, it gives `a` again."""
    return np.negative(a) if np.issubdtype(a.dtype, np.inexact) else np.invert(a)


@_named
def argsort(
    a: ArrayLike,
    axis: int | None = -1,
    kind: Any = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Any:
    """The places from which `sort` takes the elements along `axis`; with axis=None, among all elements in a row.

    >>> argsort([3.0, 1.0, 2.0])
    array([1, 2, 0])
    """
    algorithm: dict[str, Any] = {
        name: value for name, value in (("kind", kind), ("stable", stable)) if value is not None
    }
    values = as_array(plain(a))
    return np.argsort(opposite(values) if descending else values, axis=axis, **algorithm)


@_named
def count_nonzero(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """How many elements over `axis` (all axes by default) are not 0.

    >>> count_nonzero([[1.0, 0.0], [2.0, 3.0]], axis=0)
    array([2, 1])
    """
    return np.count_nonzero(plain(a), axis=axis, keepdims=keepdims)


@_named
def nonzero(a: ArrayLike) -> tuple[Any, ...]:
    """Where elements are not 0: an array of places for each axis, which together index them.

    >>> nonzero([1.0, 0.0, 2.0])
    (array([0, 2]),)
    """
    array = plain(a)
    if is_foreign(array):
        raise _messages.numpy_only("nonzero", "the shape of the result depends on the values")
    return np.nonzero(array)


@_named
def all(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """Whether all elements over `axis` (all axes by default) are not 0.

    >>> all([[1.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.all(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


@_named
def any(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """Whether any element over `axis` (all axes by default) is not 0.

    >>> any([[0.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.any(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


def _tolist(self: Any) -> Any:
    return self.array.tolist()


for _query in (argmax, argmin, argsort, nonzero, all, any):
    method(_query.__name__, _query)
method("tolist", _tolist)
