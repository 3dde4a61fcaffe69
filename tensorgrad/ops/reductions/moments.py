"""Averages, variance and standard deviation over axes."""

from __future__ import annotations

from typing import Any, Literal, overload

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis, DTypeLike
from tensorgrad.domains import POSITIVE, REAL, case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import FLOAT16, SOME, adds_in_float32, counted, masked, over_axes, restored, wide
from tensorgrad.ops._singular import zero_slope
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.reshaping import astype
from tensorgrad.tensor import Tensor

__all__ = ["average", "mean", "std", "var"]


def _shared(g: Any, shape: tuple[int, ...], axis: Axis, keepdims: bool, where: Any) -> Any:
    """`restored(g / counted(shape, axis, where), shape, axis, keepdims)`: shared evenly among the elements."""
    if where is True:
        g = g.astype(np.float32) if g.dtype is FLOAT16 else g
        return restored(g / counted(shape, axis), shape, axis, keepdims)
    count = counted(shape, axis, where).astype(wide(g.dtype))
    return masked(restored(g, shape, axis, keepdims) / count, where)


@op(
    a=lambda g, a_shape, axis, keepdims, where: _shared(g, a_shape, axis, keepdims, where),
    numpy=np.mean,
    methods=["mean"],
    examples=[*over_axes(), case((2, 3), axis=1, where=SOME)],
    linear=True,
)
def mean(
    a: ArrayLike, axis: Axis = None, dtype: DTypeLike | None = None, *, keepdims: bool = False, where: ArrayLike = True
) -> Any:
    """Average over `axis` (all axes by default): each of n elements receives 1/n of the gradient.

    >>> mean([[1.0, 2.0], [3.0, 4.0]])
    Tensor(2.5)
    """
    return np.mean(a, axis=axis, dtype=dtype, keepdims=keepdims, where=where)  # type: ignore[arg-type, misc]


def _deviation(a: Any, mean: Any, axis: Axis, where: Any) -> Any:
    return masked(a - (np.mean(a, axis=axis, keepdims=True, where=where) if mean is None else mean), where)


def _freedom(g: Any, a: Any, axis: Axis, ddof: float, where: Any) -> Any:
    """n - ddof in the dtype of `g`, or float32; no Python number, so that 0 gives NumPy's NaN and not an error."""
    return np.subtract(counted(np.shape(a), axis, where), ddof, dtype=wide(g.dtype))


def _reduction(ddof: float, correction: float | None) -> float:
    """Return what is subtracted from n: `correction` is the Python array API's name for `ddof`."""
    if correction is None:
        return ddof
    if ddof != 0:
        raise ValueError(f"ddof and correction are the same; expected one of them, got {ddof} and {correction}.")
    return correction


def _given(mean: Any) -> dict[str, Any]:
    """Return the option `mean` if it is used: not every library knows it."""
    return {} if mean is None else {"mean": mean}


def _var_slope(
    g: Any, a: Any, mean: Any, axis: Axis, ddof: float, correction: float | None, keepdims: bool, where: Any
) -> Any:
    """`2 * g * (a - np.mean(a, axis=axis, keepdims=True)) / (counted(np.shape(a), axis, where) - ddof)`."""
    freedom = _freedom(g, a, axis, _reduction(ddof, correction), where)
    return restored(2 * g, np.shape(a), axis, keepdims) / freedom * _deviation(a, mean, axis, where)


_WITH_MEAN = [case((2, 3), (2, 1), axis=1), case((3,), (), correction=1)]
_SPREADS = [case((4, 3), axis=0, ddof=1), case((2, 3), axis=1, where=SOME), *_WITH_MEAN]


@op(
    a=_var_slope,
    mean=lambda g, a, mean, axis, ddof, correction, keepdims, where: (
        -_var_slope(g, a, mean, axis, ddof, correction, keepdims, where)
    ),
    numpy=np.var,
    methods=["var"],
    examples=[*over_axes(), *_SPREADS],
)
def var(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Any:
    """Variance over `axis` (all axes by default), Σ(a - mean)²/(n - ddof): the derivative is 2(a - mean)/(n - ddof).

    `correction` is another name for `ddof`. A `mean` that was computed before, with the axes kept, saves time.

    >>> var([1.0, 3.0])
    Tensor(1.)
    """
    if adds_in_float32(a, dtype):
        options: dict[str, Any] = {"ddof": ddof, "keepdims": keepdims, "where": where, "correction": correction}
        return var.apply(a, axis, np.float32, mean=mean, **options).astype(np.float16)
    ddof = _reduction(ddof, correction)
    return np.var(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where, **_given(mean))  # type: ignore[arg-type]


def _std_slope(
    g: Any, a: Any, mean: Any, out: Any, axis: Axis, ddof: float, correction: float | None, keepdims: bool, where: Any
) -> Any:
    """`g * (a - np.mean(a, axis=axis, keepdims=True)) / (out * (counted(np.shape(a), axis, where) - ddof))`."""
    if mean is None:
        bounds = {"axis": axis, "keepdims": keepdims, "where": where}
        constant = np.equal(np.max(a, initial=-np.inf, **bounds), np.min(a, initial=np.inf, **bounds))
    else:
        constant = np.equal(out, 0)
    safe = np.where(constant, 1.0, out)  # the mean of equal numbers may be off by rounding, and so may `out` from 0
    freedom = _freedom(g, a, axis, _reduction(ddof, correction), where)
    scale = restored(g / safe, np.shape(a), axis, keepdims) / freedom
    constant = restored(constant, np.shape(a), axis, keepdims)
    several = mean is not None or counted(np.shape(a), axis, where) > 1  # one element does not deviate from its mean
    slope = zero_slope(a, masked(constant & several, where))
    return np.where(constant, slope, scale * _deviation(a, mean, axis, where))


@op(
    a=_std_slope,
    mean=lambda g, a, mean, out, axis, ddof, correction, keepdims, where: (
        -_std_slope(g, a, mean, out, axis, ddof, correction, keepdims, where)
    ),
    numpy=np.std,
    methods=["std"],
    examples=[*over_axes()[1:], *_SPREADS],
)
def std(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike | None = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike = True,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Any:
    """Standard deviation over `axis` (all axes by default), the square root of `var`. For constants the gradient is 0.

    >>> std([1.0, 3.0])
    Tensor(1.)
    """
    if adds_in_float32(a, dtype):
        options: dict[str, Any] = {"ddof": ddof, "keepdims": keepdims, "where": where, "correction": correction}
        return std.apply(a, axis, np.float32, mean=mean, **options).astype(np.float16)
    ddof = _reduction(ddof, correction)
    return np.std(a, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims, where=where, **_given(mean))  # type: ignore[arg-type]


@overload
def average(
    a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, returned: Literal[False] = False, *,
    keepdims: bool = False,
) -> Tensor: ...  # fmt: skip


@overload
def average(
    a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, *, returned: Literal[True],
    keepdims: bool = False,
) -> tuple[Tensor, Tensor]: ...  # fmt: skip


@overload
def average(
    a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Any: ...  # fmt: skip


@composed(
    "a",
    "weights",
    numpy=np.average,
    domain={"a": REAL, "weights": POSITIVE},
    examples=[
        case((2, 3), (2, 3)),
        case((2, 3), (3,), axis=1),
        case((2, 3), (2,), axis=0, keepdims=True),
        case((3,), (3,)),
    ],
)
def average(
    a: ArrayLike, axis: Axis = None, weights: ArrayLike | None = None, returned: bool = False, *, keepdims: bool = False
) -> Any:
    """Σwa/Σw over `axis` (all axes by default); without weights the `mean`.

    With `returned=True` the result is (average, Σw).

    >>> average([1.0, 3.0], weights=[3.0, 1.0])
    Tensor(1.5)
    """
    shape, narrow = np.shape(a), adds_in_float32(a, None)
    if narrow:
        a, weights = astype(a, np.float32), None if weights is None else astype(weights, np.float32)
    if axis is not None:
        axis = normalize_axis_tuple(axis, len(shape))
    result: Any
    total: Any
    if weights is None:
        result, total = mean(a, axis, keepdims=keepdims), np.asarray(float(counted(shape, axis)))
    else:
        if np.shape(weights) != shape:
            if axis is None or len(axis) > 1 or np.shape(weights) != (shape[axis[0]],):
                raise ValueError(
                    f"average: weights of shape {np.shape(weights)} fit neither the shape {shape} nor axis {axis}."
                )
            weights = np.reshape(weights, tuple(-1 if i == axis[0] else 1 for i in range(len(shape))))
        total = sum(np.broadcast_to(weights, shape), axis, keepdims=keepdims)
        result = sum(np.multiply(a, weights), axis, keepdims=keepdims) / total
    if narrow:
        result = astype(result, np.float16)
    return (result, np.broadcast_to(total, np.shape(result))) if returned else result
