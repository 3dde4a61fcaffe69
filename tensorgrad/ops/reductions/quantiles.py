"""Median, quantiles and percentiles: interpolation between two sorted elements.

Hyndman and Fan (1996), "Sample quantiles in statistical packages", compare the definitions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.typing import NDArray

from tensorgrad._arrays import holds
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis, Shape
from tensorgrad.domains import REAL, Domain, case
from tensorgrad.ops._reduced_axes import axes_of, counted, over_axes
from tensorgrad.ops._tracking import tracked
from tensorgrad.ops.elementwise.arithmetic import positive
from tensorgrad.ops.elementwise.where import clip, where
from tensorgrad.ops.indexing.sorting import sort
from tensorgrad.ops.indexing.taking import take, take_along_axis
from tensorgrad.ops.reductions.moments import mean
from tensorgrad.ops.shape.axes import transpose
from tensorgrad.ops.shape.reshaping import astype, reshape
from tensorgrad.tensor import Tensor, plain

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]

_BETWEEN = {
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "linear": (1.0, 1.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
"""The α and β of Hyndman and Fan: the quantile q of n elements is at position q(n + 1 - α - β) + α - 1."""

_ONE_ELEMENT = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")
_ONE_OR_HALFWAY = ("averaged_inverted_cdf", "midpoint")


def _rows(a: Any, axis: Axis) -> Any:
    """Return the elements over which a quantile is computed along one last axis."""
    axes = tuple(range(a.ndim)) if axis is None else normalize_axis_tuple(axis, a.ndim)
    others = [other for other in range(a.ndim) if other not in axes]
    shape = (*(a.shape[other] for other in others), counted(a.shape, axis))
    if shape[-1] == 0:
        raise ValueError(f"there are no elements over axis {axis} of shape {a.shape}.")
    return np.reshape(np.transpose(a, [*others, *axes]), shape)


def _sorted_rows(a: Any, axis: Axis) -> Any:
    """Return the elements over which a quantile is computed, in ascending order along one last axis."""
    return sort(_rows(a, axis))


def _position(q: Any, n: int, method: str) -> Any:
    """Return the position of the quantile among n sorted elements: 0 is the first, 0.5 halfway to the second."""
    if method in _BETWEEN:
        alpha, beta = _BETWEEN[method]
        return clip(q * (n + 1 - alpha - beta) + (alpha - 1), 0, n - 1)
    return positive(np.quantile(np.arange(n), plain(q), method=method))  # type: ignore[call-overload]


def _interpolated(rows: Any, position: Any) -> Any:
    """Interpolate between the elements below and above each position, starting from the nearer one, as NumPy does."""
    below: NDArray[np.int_] = np.floor(position.array).astype(int)
    low, high = take(rows, below, -1), take(rows, np.minimum(below + 1, rows.shape[-1] - 1), -1)
    gap = high - low
    share = astype(position - below, rows.dtype if rows.dtype.kind == "f" else float)
    return where(share < 0.5, low + gap * share, high - gap * (1 - share))


def _with_zero_slope(result: Tensor, q: Any) -> Tensor:
    """Return `result`, whose values jump with q, recorded as a function of q with the derivative 0."""
    return where(True, result, astype(q, result.dtype)) if tracked(q) else result


def _checked(q: Any, method: str) -> None:
    if holds(np.logical_not(np.all((q >= 0) & (q <= 1)))):
        raise ValueError(f"expected quantiles from 0 to 1 (percentiles from 0 to 100), got {q} as quantile.")
    methods = (*_BETWEEN, *_ONE_ELEMENT, *_ONE_OR_HALFWAY)
    if method not in methods:
        raise ValueError(f"expected one of the methods {', '.join(methods)}, got {method!r}.")


def _nan_if_any(result: Tensor, rows: Tensor) -> Tensor:
    """`result`, with the last element of each row instead where that is NaN: it is if any element is."""
    last = reshape(rows[..., -1], (*rows.shape[:-1], *(1,) * (result.ndim - rows.ndim + 1)))
    missing = np.isnan(last.array)
    return result if holds(np.logical_not(missing)) else where(missing, last, result)


def _arranged(result: Tensor, q_shape: Shape, a_shape: Shape, axis: Axis, keepdims: bool) -> Tensor:
    """Return `result` with the axes of q first, as in NumPy, followed by the remaining axes of `a`."""
    if q_shape:
        kept = result.ndim - len(q_shape)
        result = transpose(result, [*range(kept, result.ndim), *range(kept)])
    if not keepdims:
        return result
    axes = axes_of(axis, len(a_shape))
    return reshape(result, (*q_shape, *(1 if k in axes else length for k, length in enumerate(a_shape))))


def _weighted(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, weights: Any, *, ignore_nan: bool) -> Tensor:
    """Return weighted quantiles, each one of the elements: the first where the sum of the weights reaches q.

    The position in sorted order is NumPy's answer for the positions themselves.
    """
    if method != "inverted_cdf":
        raise ValueError(f"expected the method 'inverted_cdf' with weights, got {method!r}.")
    if tracked(weights):
        raise TypeError("the result jumps from element to element, so the weights have no derivative: detach them.")
    weights = np.asarray(plain(weights))
    if np.any(weights < 0):
        raise ValueError("expected weights ≥ 0.")
    if weights.shape != a.shape:
        axes = axes_of(axis, a.ndim)
        if axis is None or weights.shape != tuple(a.shape[each] for each in axes):
            raise ValueError(f"weights of shape {weights.shape} fit neither the shape {a.shape} nor axis {axis}.")
        weights = np.transpose(weights, np.argsort(axes))
        weights = np.reshape(weights, [length if k in axes else 1 for k, length in enumerate(a.shape)])
    values, weights = _rows(a.array, axis), _rows(np.broadcast_to(weights, a.shape), axis)
    if ignore_nan:
        weights = np.where(np.isnan(values), 0, weights)
    rows = sort(_rows(a, axis))
    order = np.argsort(values, axis=-1, kind="stable")
    positions = np.broadcast_to(np.arange(rows.shape[-1]), rows.shape)
    chosen = np.quantile(
        positions, q.array, axis=-1, weights=np.take_along_axis(weights, order, -1), method="inverted_cdf"
    )
    chosen = np.moveaxis(np.reshape(chosen, (-1, *rows.shape[:-1])), 0, -1).astype(int)
    result = _with_zero_slope(reshape(take_along_axis(rows, chosen, -1), (*rows.shape[:-1], *q.shape)), q)
    result = result if ignore_nan else _nan_if_any(result, rows)
    return _arranged(result, q.shape, a.shape, axis, keepdims)


def _quantile(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, weights: Any = None) -> Tensor:
    a, q = positive(a), positive(q)
    _checked(q.array, method)
    if weights is not None:
        return _weighted(a, q, axis, method, keepdims, weights, ignore_nan=False)
    rows = _sorted_rows(a, axis)
    position = _position(q, rows.shape[-1], method)
    result = take(rows, position.array, -1) if method in _ONE_ELEMENT else _interpolated(rows, position)
    if method not in _BETWEEN:
        result = _with_zero_slope(result, q)
    return _arranged(_nan_if_any(result, rows), q.shape, a.shape, axis, keepdims)


def _examples(scale: float) -> list[Any]:
    cases = [
        case((), ()),
        case((4,), ()),
        case((4,), (2,)),
        case((2, 3), (), axis=0),
        case((2, 3), (2,), axis=-1, keepdims=True),
        case((2, 3, 2), (1, 2), axis=(0, 2)),
        case((2, 3), (0,), keepdims=True),
        case((0, 3), (2,), axis=1),
    ]
    cases += [case((5,), (3,), method=method) for method in _BETWEEN]
    cases += [case((5,), None, q=0.4 * scale, method=method) for method in (*_ONE_ELEMENT, *_ONE_OR_HALFWAY)]
    return cases + _weighted_examples(scale)


def _weighted_examples(scale: float) -> list[Any]:
    weights = np.array([[2.0, 1.0, 0.5], [0.0, 3.0, 1.0]])
    options: dict[str, Any] = {"q": np.array([0.3, 0.8]) * scale, "method": "inverted_cdf"}
    return [
        case((2, 3), None, weights=weights, **options),
        case((2, 3), None, weights=weights, axis=1, **options),
        case((2, 3), None, weights=weights[0], axis=-1, keepdims=True, **options),
    ]


@composed(
    "a",
    "q",
    numpy=np.quantile,
    domain={"a": REAL, "q": Domain(0.02, 0.98)},
    examples=_examples(1.0),
)
def quantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: ArrayLike | None = None,
) -> Tensor:
    """Quantile: the value below which a fraction `q` of the elements over `axis` (all axes by default) lies.

    The gradient goes to the two neighbours in sorted order, (1 - s) to the lower and s to the upper one if the
    quantile is a fraction s of the way between them; ties share evenly. The derivative with respect to `q` is the
    slope between them, or at an element the slope to the right, so it is 0 at the last one. Rows that contain NaN
    return NaN, and beside an infinity the result may be NaN too, as in NumPy.

    Args:
        a: any shape.
        q: numbers from 0 to 1, of any shape; its axes come first in the result. Does not change the dtype.
        axis: the axis or axes to reduce.
        method: as in NumPy. The derivative of a discontinuous method with respect to `q` is 0, also at the jumps.
        keepdims: keep the reduced axes, with length 1.
        weights: a weight ≥ 0 for each element, or for each along `axis`, with the method "inverted_cdf" only: the
            result is the first element where the sum of the weights reaches the fraction `q`. No derivative.

    Raises:
        ValueError: q outside [0, 1], an unknown method, weights that do not fit, or no elements.
        TypeError: `weights` requires a gradient.

    >>> quantile([4.0, 1.0, 3.0, 2.0], [0.0, 0.5])
    Tensor([1. , 2.5])
    """
    return _quantile(a, q, axis, method, keepdims, weights)


@composed(
    "a",
    "q",
    numpy=np.percentile,
    domain={"a": REAL, "q": Domain(2.0, 98.0)},
    examples=_examples(100.0),
)
def percentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: ArrayLike | None = None,
) -> Tensor:
    """Percentile: the value below which `q` percent of the elements over `axis` lie, `quantile` of q/100.

    >>> percentile([4.0, 1.0, 3.0, 2.0], 50)
    Tensor(2.5)
    """
    return _quantile(a, positive(q) / 100, axis, method, keepdims, weights)


@composed("a", numpy=np.median, examples=[*over_axes(), case((4,)), case((0, 3), axis=1)])
def median(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Median over `axis` (all axes by default): the middle one of the sorted elements, or the mean of the middle two.

    They receive the gradient, two of them one half each; ties share evenly. Rows that contain NaN return NaN.

    Raises:
        ValueError: there are no elements.

    >>> median([4.0, 1.0, 3.0, 2.0])
    Tensor(2.5)
    """
    a = positive(a)
    rows = _sorted_rows(a, axis)
    n = rows.shape[-1]
    result = mean(rows[..., (n - 1) // 2 : n // 2 + 1], -1)
    return _arranged(_nan_if_any(result, rows), (), a.shape, axis, keepdims)


def _nan_quantile(a: Any, q: Any, axis: Axis, method: str, keepdims: bool, weights: Any = None) -> Tensor:
    """Return the quantiles of what is not NaN, which comes first in sorted rows; NaN for rows without a number."""
    a, q = positive(a), positive(q)
    _checked(q.array, method)
    if weights is not None:
        return _weighted(a, q, axis, method, keepdims, weights, ignore_nan=True)
    rows = _sorted_rows(a, axis)
    if holds(np.logical_not(np.isnan(rows.array))):
        return _quantile(a, q, axis, method, keepdims)
    counts = np.sum(np.logical_not(np.isnan(rows.array)), axis=-1)
    fractions = reshape(q, -1)
    result: Any = np.nan
    for count in range(1, rows.shape[-1] + 1):  # rows with the same count have the same positions
        position = _position(fractions, count, method)
        elements = rows[..., :count]
        found = take(elements, position.array, -1) if method in _ONE_ELEMENT else _interpolated(elements, position)
        result = where(np.expand_dims(counts == count, -1), found, result)
    if method not in _BETWEEN:
        result = _with_zero_slope(result, fractions)
    return _arranged(reshape(result, (*rows.shape[:-1], *q.shape)), q.shape, a.shape, axis, keepdims)


_NAN_EXAMPLES = [case((4,), ()), case((2, 3), (2,), axis=-1, keepdims=True), case((2, 3, 2), (2,), axis=(0, 2))]


@composed(
    "a",
    "q",
    numpy=np.nanquantile,
    domain={"a": REAL, "q": Domain(0.02, 0.98)},
    examples=[*_NAN_EXAMPLES, *_weighted_examples(1.0)[:2], case((5,), None, q=0.4, method="lower")],
)
def nanquantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: ArrayLike | None = None,
) -> Tensor:
    """Quantile over `axis` (all axes by default), ignoring NaN; NaN, without a warning, where all elements are NaN.

    >>> nanquantile([4.0, float("nan"), 2.0], 0.5)
    Tensor(3.)
    """
    return _nan_quantile(a, q, axis, method, keepdims, weights)


@composed(
    "a",
    "q",
    numpy=np.nanpercentile,
    domain={"a": REAL, "q": Domain(2.0, 98.0)},
    examples=[*_NAN_EXAMPLES, *_weighted_examples(100.0)[:2]],
)
def nanpercentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    *,
    method: str = "linear",
    keepdims: bool = False,
    weights: ArrayLike | None = None,
) -> Tensor:
    """Percentile over `axis` (all axes by default), ignoring NaN: `nanquantile` of q/100.

    >>> nanpercentile([4.0, float("nan"), 2.0], 50)
    Tensor(3.)
    """
    return _nan_quantile(a, positive(q) / 100, axis, method, keepdims, weights)


@composed(
    "a", numpy=np.nanmedian, examples=[case((4,)), case((2, 3), axis=-1, keepdims=True), case((2, 3), axis=(0, 1))]
)
def nanmedian(a: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Tensor:
    """Median over `axis` (all axes by default), ignoring NaN; NaN, without a warning, where all elements are NaN.

    >>> nanmedian([4.0, float("nan"), 2.0])
    Tensor(3.)
    """
    return _nan_quantile(a, 0.5, axis, "midpoint", keepdims)
