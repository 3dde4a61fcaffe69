"""Products with a logarithm, such as entropies, with the limit 0 where x log x is 0·∞; and sums of exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis
from tensorgrad.domains import ABOVE_MINUS_ONE, POSITIVE, REAL, case
from tensorgrad.op import op
from tensorgrad.ops._singular import zero_slope
from tensorgrad.ops.elementwise.arithmetic import absolute, add, multiply, subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.where import where
from tensorgrad.ops.reductions.softmax import logsumexp as unweighted
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.scipy._shared import NUMPY_ONLY, TWO_OPERANDS
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import checked_array, plain

__all__ = ["entr", "kl_div", "logsumexp", "rel_entr", "xlog1py", "xlogy"]


def _log_or_zero(x: Any, y: Any) -> Any:
    """`log(y)`, and 0 where x and y are 0."""
    both = (x == 0) & (y == 0)
    return np.where(both, zero_slope(y, both), np.log(np.where(both, 1.0, y)))


def _log1p_or_zero(x: Any, y: Any) -> Any:
    """`log1p(y)`, and 0 where x and 1 + y are 0."""
    both = (x == 0) & (y == -1)
    return np.where(both, zero_slope(y, both), np.log1p(np.where(both, 0.0, y)))


def _ratio_or_zero(x: Any, y: Any) -> Any:
    """`x / y`, and 0 where x and y are 0."""
    both = (x == 0) & (y == 0)
    return np.where(both, zero_slope(y, both), x / np.where(both, 1.0, y))


@op(
    x=lambda g, x, y: g * _log_or_zero(x, y),
    y=lambda g, x, y: g * _ratio_or_zero(x, y),
    numpy=special.xlogy,
    domain={"x": REAL, "y": POSITIVE},
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def xlogy(x: ArrayLike, y: ArrayLike) -> Any:
    """x·log y, and 0 where x = 0, elementwise: ∂/∂x = log y, ∂/∂y = x/y, both 0 where x and y are 0.

    >>> xlogy([0.0, 2.0], [0.0, 3.0])
    Tensor([0.        , 2.19722458])
    """
    return special.xlogy(x, y)


@op(
    x=lambda g, x, y: g * _log1p_or_zero(x, y),
    y=lambda g, x, y: g * _ratio_or_zero(x, 1 + y),
    numpy=special.xlog1py,
    domain={"x": REAL, "y": ABOVE_MINUS_ONE},
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def xlog1py(x: ArrayLike, y: ArrayLike) -> Any:
    """x·log(1 + y), and 0 where x = 0, elementwise: ∂/∂x = log(1 + y), ∂/∂y = x/(1 + y), both 0 where x = 1 + y = 0.

    >>> xlog1py([0.0, 2.0], [-1.0, 2.0])
    Tensor([0.        , 2.19722458])
    """
    return special.xlog1py(x, y)


@op(x=lambda g, x: -g * (1 + np.log(x)), numpy=special.entr, domain=POSITIVE, numpy_only=NUMPY_ONLY)
def entr(x: ArrayLike) -> Any:
    """Entropy -x·log x, 0 at x = 0 and -inf below, elementwise: the derivative is -(1 + log x).

    >>> entr([0.0, 0.5])
    Tensor([0.        , 0.34657359])
    """
    return special.entr(x)


@op(
    x=lambda g, x, y: g * (np.log(x / y) + 1),
    y=lambda g, x, y: -g * _ratio_or_zero(x, y),
    numpy=special.rel_entr,
    domain=POSITIVE,
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def rel_entr(x: ArrayLike, y: ArrayLike) -> Any:
    """Relative entropy x·log(x/y), 0 where x = 0, elementwise: ∂/∂x = log(x/y) + 1, ∂/∂y = -x/y.

    >>> rel_entr([0.0, 0.5], [0.5, 0.25])
    Tensor([0.        , 0.34657359])
    """
    return special.rel_entr(x, y)


@op(
    x=lambda g, x, y: g * np.log(x / y),
    y=lambda g, x, y: g * (1 - _ratio_or_zero(x, y)),
    numpy=special.kl_div,
    domain=POSITIVE,
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def kl_div(x: ArrayLike, y: ArrayLike) -> Any:
    """Kullback-Leibler divergence x·log(x/y) - x + y, elementwise: ∂/∂x = log(x/y), ∂/∂y = 1 - x/y.

    >>> kl_div([0.0, 0.5], [0.5, 0.25])
    Tensor([0.5       , 0.09657359])
    """
    return special.kl_div(x, y)


@composed(
    "a",
    "b",
    domain={"a": REAL, "b": POSITIVE},
    examples=[
        case((3,), (3,)), case((2, 3), (3,), axis=1), case((2, 3), (2, 1), axis=0, keepdims=True), case((2, 3), ()),
        case((2, 3), None, axis=-1), case((2, 2), (2, 2), axis=(0, 1)),
    ],
    reference=lambda a, b=1.0, axis=None, keepdims=False: np.log(np.sum(b * np.exp(a), axis, keepdims=keepdims)),
    numpy_only=NUMPY_ONLY,
)  # fmt: skip
def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """log Σ b·eᵃ over `axis` (all axes by default), shifted by the maximum: never overflows.

    Args:
        a: the exponents.
        axis: the axis or axes to sum over.
        b: factors of the exponentials, which may be 0 or negative. With r the result, ∂/∂b = exp(a - r).
        keepdims: keep the axes as axes of length 1.
        return_sign: return the logarithm of the absolute value of the sum, and its sign.

    Returns:
        The logarithm; NaN if the sum is negative. With `return_sign`, a pair of it and an array without a gradient.

    >>> logsumexp([1000.0, 1000.0], b=[1.0, 3.0])  # 1000 + log 4
    Tensor(1001.38629436)
    """
    if b is None and not return_sign:
        return unweighted(a, axis=axis, keepdims=keepdims)
    values = checked_array(plain(a))
    factors = np.ones((), values.dtype) if b is None else b
    exponents, weights = np.broadcast_arrays(values, checked_array(plain(factors)))
    counted = np.where(weights != 0, exponents, -np.inf)
    largest = np.max(counted, axis=axis, keepdims=True)
    shift = np.where(np.isfinite(largest), largest, 0.0).astype(np.result_type(values, np.float16))
    moved = subtract(a, shift)
    with np.errstate(over="ignore"):
        overflowing = (weights == 0) & np.isinf(np.exp(plain(moved)))
    terms = multiply(factors, exp(where(overflowing, -np.inf, moved) if overflowing.any() else moved))
    total = sum(terms, axis=axis, keepdims=keepdims)
    sign = np.sign(plain(total))
    with np.errstate(divide="ignore", invalid="ignore"):  # log 0 = -inf, and NaN for a negative sum
        logarithm = log(absolute(total) if return_sign else total)
    result = add(logarithm, reshape(shift, total.shape))
    return (result, sign) if return_sign else result
