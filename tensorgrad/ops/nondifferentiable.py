"""Functions without a derivative: positions, counts and truth values, as plain arrays and numbers.

NumPy's functions, such as `np.argmax(t)`, return the same: see `tensorgrad.numpy_dispatch`.
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
    """Add the function's name to its errors, as operations do."""

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
    """Return the index of the largest element along `axis`, or (by default) of the flattened array; the first of ties.

    >>> argmax([1.0, 3.0, 2.0])
    np.int64(1)
    """
    return np.argmax(plain(a), axis=axis, keepdims=keepdims)


@_named
def argmin(a: ArrayLike, axis: int | None = None, *, keepdims: bool = False) -> Any:
    """Return the index of the smallest element along `axis`, or (by default) of the flattened array; the first of ties.

    >>> argmin([[1.0, 3.0], [2.0, 0.0]], axis=1)
    array([0, 1])
    """
    return np.argmin(plain(a), axis=axis, keepdims=keepdims)


def opposite(a: Any) -> Any:
    """Return values in the opposite order, without overflow; NaN stays NaN. Applied twice, it returns `a`."""
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
    """Return the indices that sort the elements along `axis`; with axis=None, those of the flattened array.

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
    """Count the elements over `axis` (all axes by default) that are not 0.

    >>> count_nonzero([[1.0, 0.0], [2.0, 3.0]], axis=0)
    array([2, 1])
    """
    return np.count_nonzero(plain(a), axis=axis, keepdims=keepdims)


@_named
def nonzero(a: ArrayLike) -> tuple[Any, ...]:
    """Return the indices of elements that are not 0, as one array for each axis.

    >>> nonzero([1.0, 0.0, 2.0])
    (array([0, 2]),)
    """
    array = plain(a)
    if is_foreign(array):
        raise _messages.numpy_only("nonzero", "the shape of the result depends on the values")
    return np.nonzero(array)


@_named
def all(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """Return whether all elements over `axis` (all axes by default) are not 0.

    >>> all([[1.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.all(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


@_named
def any(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: Any = True) -> Any:
    """Return whether any element over `axis` (all axes by default) is not 0.

    >>> any([[0.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.any(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


def _tolist(self: Any) -> Any:
    return self.array.tolist()


for _query in (argmax, argmin, argsort, nonzero, all, any):
    method(_query.__name__, _query)
method("tolist", _tolist)
