"""Functions without a derivative: positions, counts and truth values, as plain arrays and numbers.

NumPy's functions, such as `np.argmax(t)`, return the same: see `tensorgrad.numpy_dispatch`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, ParamSpec, TypeVar

import numpy as np

from tensorgrad import _messages, numpy_dispatch
from tensorgrad._arrays import as_array, has_values
from tensorgrad._composing import method
from tensorgrad._hints import renamed_argument
from tensorgrad._typing import ArrayLike, Axis, SortKind
from tensorgrad.tensor import plain

__all__ = [
    "all", "allclose", "any", "argmax", "argmin", "argpartition", "argsort", "argwhere", "array_equal", "array_equiv",
    "bincount", "bitwise_and", "bitwise_count", "bitwise_invert", "bitwise_left_shift", "bitwise_not", "bitwise_or",
    "bitwise_right_shift", "bitwise_xor", "can_cast", "common_type", "count_nonzero", "diag_indices_from", "digitize",
    "einsum_path", "empty_like", "equal", "flatnonzero", "full_like", "gcd", "greater", "greater_equal", "histogram",
    "histogram2d", "histogram_bin_edges", "histogramdd", "intersect1d", "invert", "isclose", "iscomplex",
    "iscomplexobj", "isfinite", "isin", "isinf", "isnan", "isneginf", "isposinf", "isreal", "isrealobj", "ix_", "lcm",
    "left_shift", "less", "less_equal", "lexsort", "logical_and", "logical_not", "logical_or", "logical_xor",
    "may_share_memory", "min_scalar_type", "nanargmax", "nanargmin", "nonzero", "not_equal", "ones_like",
    "ravel_multi_index", "result_type", "right_shift", "searchsorted", "setdiff1d", "setxor1d", "shares_memory",
    "signbit", "tril_indices_from", "triu_indices_from", "union1d", "unique", "unique_all", "unique_counts",
    "unique_inverse", "unique_values", "unravel_index", "zeros_like",
]  # fmt: skip

P = ParamSpec("P")
T = TypeVar("T")


def _named(function: Callable[P, T]) -> Callable[P, T]:
    """Add the function's name, or NumPy's name of an argument, to its errors, as operations do."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except (ValueError, OverflowError) as error:
            better = _messages.explained(error, function.__name__, {})
            if better is None:
                raise
            raise better from error
        except TypeError as error:
            better_name = renamed_argument(error)
            if better_name is None:
                raise
            raise better_name from None

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
    kind: SortKind | None = None,
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
    if not has_values(array):
        raise _messages.numpy_only("nonzero", "the shape of the result depends on the values")
    return np.nonzero(array)


@_named
def all(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: ArrayLike = True) -> Any:
    """Return whether all elements over `axis` (all axes by default) are not 0.

    >>> all([[1.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.all(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


@_named
def any(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, where: ArrayLike = True) -> Any:
    """Return whether any element over `axis` (all axes by default) is not 0.

    >>> any([[0.0, 0.0], [2.0, 3.0]], axis=1)
    array([False,  True])
    """
    return np.any(plain(a), axis=axis, keepdims=keepdims, where=where)  # type: ignore[arg-type]


@_named
def argpartition(
    a: ArrayLike, kth: int | Sequence[int], axis: int | None = -1, kind: Literal["introselect"] = "introselect",
    order: None = None,
) -> Any:  # fmt: skip
    """Return the indices that would partition `a`: those of smaller elements come before that of element `kth`.

    >>> argpartition([3.0, 1.0, 2.0], 0)[0]
    np.int64(1)
    """
    return np.argpartition(plain(a), kth, axis=axis, kind=kind, order=order)


def _numpys(names: str) -> list[Callable[..., Any]]:
    """Return NumPy's functions of these names, which take tensors as well as arrays and return plain arrays."""
    return [_numpys_function(getattr(np, name)) for name in names.split()]


def _numpys_function(function: Callable[..., Any]) -> Callable[..., Any]:
    def call(*args: Any, **kwargs: Any) -> Any:
        if isinstance(function, np.ufunc):
            return numpy_dispatch.answer_ufunc(function, "__call__", args, kwargs, plain)
        return numpy_dispatch.answer_function(function, args, kwargs, plain)

    call.__name__ = call.__qualname__ = function.__name__
    call.__wrapped__ = function  # type: ignore[attr-defined] # for `inspect.signature`
    call.__doc__ = f"Return `np.{function.__name__}` of the values: the result has no gradient."
    return call


equal, not_equal, less, less_equal, greater, greater_equal = _numpys(
    "equal not_equal less less_equal greater greater_equal"
)
logical_and, logical_or, logical_not, logical_xor = _numpys("logical_and logical_or logical_not logical_xor")
isfinite, isinf, isnan, isneginf, isposinf, signbit = _numpys("isfinite isinf isnan isneginf isposinf signbit")
isreal, isrealobj, iscomplex, iscomplexobj = _numpys("isreal isrealobj iscomplex iscomplexobj")
isclose, allclose, array_equal, array_equiv, isin = _numpys("isclose allclose array_equal array_equiv isin")
bitwise_and, bitwise_or, bitwise_xor, bitwise_count, invert = _numpys(
    "bitwise_and bitwise_or bitwise_xor bitwise_count invert"
)
left_shift, right_shift, gcd, lcm = _numpys("left_shift right_shift gcd lcm")
bitwise_invert, bitwise_not, bitwise_left_shift, bitwise_right_shift = invert, invert, left_shift, right_shift
argwhere, flatnonzero, lexsort, nanargmax, nanargmin = _numpys("argwhere flatnonzero lexsort nanargmax nanargmin")
searchsorted, digitize, unravel_index, ravel_multi_index = _numpys(
    "searchsorted digitize unravel_index ravel_multi_index"
)
diag_indices_from, tril_indices_from, triu_indices_from = _numpys(
    "diag_indices_from tril_indices_from triu_indices_from"
)
bincount, histogram, histogram2d, histogram_bin_edges, histogramdd = _numpys(
    "bincount histogram histogram2d histogram_bin_edges histogramdd"
)
unique, unique_all, unique_counts, unique_inverse, unique_values = _numpys(
    "unique unique_all unique_counts unique_inverse unique_values"
)
intersect1d, setdiff1d, setxor1d, union1d = _numpys("intersect1d setdiff1d setxor1d union1d")
zeros_like, ones_like, empty_like, full_like, result_type = _numpys(
    "zeros_like ones_like empty_like full_like result_type"
)
can_cast, common_type, min_scalar_type, shares_memory, may_share_memory, einsum_path, ix_ = _numpys(
    "can_cast common_type min_scalar_type shares_memory may_share_memory einsum_path ix_"
)
matrix_rank = _numpys_function(np.linalg.matrix_rank)


def _tolist(self: Any) -> Any:
    return self.array.tolist()


for _query in (argmax, argmin, argpartition, argsort, nonzero, searchsorted, all, any):
    method(_query.__name__, _query)
method("tolist", _tolist)
