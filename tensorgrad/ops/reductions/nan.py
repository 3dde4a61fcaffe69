"""Reductions and scans that ignore NaN. NaN elements receive no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis, DTypeLike
from tensorgrad.domains import NONZERO, case
from tensorgrad.ops._reduced_axes import SOME, adds_in_float32, over_axes
from tensorgrad.ops.elementwise.where import where as choose_where
from tensorgrad.ops.reductions.cumulative import cumprod, cumsum
from tensorgrad.ops.reductions.extremes import max, min
from tensorgrad.ops.reductions.moments import std, var
from tensorgrad.ops.reductions.sums import prod, sum
from tensorgrad.ops.shape.reshaping import astype
from tensorgrad.tensor import Tensor

__all__ = ["nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum", "nanvar"]


def _without_nan(a: Any, instead: float) -> Any:
    return choose_where(np.isnan(a), instead, a)


_REDUCTIONS = [*over_axes(), case((2, 3), axis=1, where=SOME, initial=0.3)]


@composed("a", numpy=np.nansum, examples=_REDUCTIONS)
def nansum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: float = 0,
    where: ArrayLike = True,
) -> Tensor:
    """Sum over `axis` (all axes by default), ignoring NaN.

    >>> nansum([1.0, float("nan"), 2.0])
    Tensor(3.)
    """
    return sum(_without_nan(a, 0.0), axis, dtype, keepdims=keepdims, initial=initial, where=where)


@composed("a", numpy=np.nanprod, domain=NONZERO, examples=_REDUCTIONS)
def nanprod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    keepdims: bool = False,
    initial: float = 1,
    where: ArrayLike = True,
) -> Tensor:
    """Product over `axis` (all axes by default), ignoring NaN.

    >>> nanprod([3.0, float("nan"), 2.0])
    Tensor(6.)
    """
    return prod(_without_nan(a, 1.0), axis, dtype, keepdims=keepdims, initial=initial, where=where)


def _extreme(extreme: Callable[..., Tensor], worst: float, a: Any, axis: Any, **options: Any) -> Tensor:
    missing = np.isnan(a)
    found = extreme(_without_nan(a, worst), axis, **options)
    if options["initial"] is not None:
        return found
    return choose_where(np.all(missing, axis=axis, keepdims=options["keepdims"]), np.nan, found)


@composed("a", numpy=np.nanmax, examples=_REDUCTIONS)
def nanmax(
    a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, initial: float | None = None, where: ArrayLike = True
) -> Tensor:
    """Largest element over `axis` that is not NaN; NaN, without a warning, where there is none. Ties share evenly.

    >>> nanmax([1.0, float("nan"), 2.0])
    Tensor(2.)
    """
    return _extreme(max, -np.inf, a, axis, keepdims=keepdims, initial=initial, where=where)


@composed("a", numpy=np.nanmin, examples=_REDUCTIONS)
def nanmin(
    a: ArrayLike, axis: Axis = None, *, keepdims: bool = False, initial: float | None = None, where: ArrayLike = True
) -> Tensor:
    """Smallest element over `axis` that is not NaN; NaN, without a warning, where there is none. Ties share evenly.

    >>> nanmin([1.0, float("nan"), 2.0])
    Tensor(1.)
    """
    return _extreme(min, np.inf, a, axis, keepdims=keepdims, initial=initial, where=where)


@composed("a", numpy=np.nanmean, examples=[*over_axes(), case((2, 3), axis=1, where=SOME)])
def nanmean(
    a: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False, where: ArrayLike = True
) -> Tensor:
    """Average over `axis` (all axes by default), ignoring NaN; NaN, without a warning, where all elements are NaN.

    >>> nanmean([1.0, float("nan"), 2.0])
    Tensor(1.5)
    """
    added = nansum(a, axis, np.float32 if adds_in_float32(a, dtype) else dtype, keepdims=keepdims, where=where)
    count = np.sum(np.logical_and(np.logical_not(np.isnan(a)), where), axis=axis, keepdims=keepdims)
    empty = count == 0
    average = choose_where(empty, np.nan, added / np.where(empty, 1, count).astype(added.dtype))
    return astype(average, np.float16) if adds_in_float32(a, dtype) else average


_SCANS = [case((4,)), case((2, 3)), case((2, 3), axis=0), case((2, 3, 2), axis=-2), case((0,))]


@composed("a", numpy=np.nancumsum, examples=_SCANS)
def nancumsum(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative sums along `axis` (of the flattened array by default), with NaN counted as 0.

    >>> nancumsum([1.0, float("nan"), 2.0])
    Tensor([1., 1., 3.])
    """
    return cumsum(_without_nan(a, 0.0), axis, dtype)


@composed("a", numpy=np.nancumprod, domain=NONZERO, examples=_SCANS)
def nancumprod(a: ArrayLike, axis: int | None = None, dtype: DTypeLike | None = None) -> Tensor:
    """Cumulative products along `axis` (of the flattened array by default), with NaN counted as 1.

    >>> nancumprod([3.0, float("nan"), 2.0])
    Tensor([3., 3., 6.])
    """
    return cumprod(_without_nan(a, 1.0), axis, dtype)


def _spread(
    measure: Callable[..., Tensor],
    a: Any,
    axis: Axis,
    where: Any,
    ddof: float,
    correction: float | None,
    **options: Any,
) -> Tensor:
    """`measure` of what is not NaN; NaN, as NumPy has it, where no more than `ddof` elements are left."""
    present = np.logical_and(np.logical_not(np.isnan(a)), where)
    count = np.sum(present, axis=axis, keepdims=True)
    enough = count > (ddof if correction is None else correction)
    options |= {"ddof": ddof, "correction": correction}
    result = measure(_without_nan(a, 0.0), axis, where=present | ~enough, **options)
    return choose_where(np.reshape(enough, result.shape), result, np.nan)


_SPREADS = [
    case((4, 3), axis=0, ddof=1),
    case((2, 3), axis=1, where=SOME),
    case((2, 3), (2, 1), axis=1),
    case((3,), correction=1),
]


@composed("a", "mean", numpy=np.nanvar, examples=[*over_axes(), *_SPREADS])
def nanvar(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Tensor:
    """Variance over `axis` (all axes by default), ignoring NaN.

    >>> nanvar([1.0, float("nan"), 3.0])
    Tensor(1.)
    """
    return _spread(var, a, axis, where, ddof, correction, dtype=dtype, keepdims=keepdims, mean=mean)


@composed("a", "mean", numpy=np.nanstd, examples=[*over_axes()[1:], *_SPREADS])
def nanstd(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Tensor:
    """Standard deviation over `axis` (all axes by default), ignoring NaN. For constants the gradient is 0.

    >>> nanstd([1.0, float("nan"), 3.0])
    Tensor(1.)
    """
    return _spread(std, a, axis, where, ddof, correction, dtype=dtype, keepdims=keepdims, mean=mean)
