"""Functions related to the error function: its inverses, the scaled form, the normal and Student's t distributions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from tensorgrad._typing import ArrayLike
from tensorgrad.domains import Domain, case
from tensorgrad.op import op
from tensorgrad.ops.elementwise.exponential import sigmoid
from tensorgrad.ops.scipy._shared import NO_CLOSED_FORM, NUMPY_ONLY, in_precision_of, one_operand, parameter
from tensorgrad.ops.scipy.gammas import betaln

__all__ = ["erfcinv", "erfcx", "erfinv", "log_expit", "log_ndtr", "ndtr", "ndtri", "stdtr"]

_HALF_ROOT_PI = math.sqrt(math.pi) / 2
_ROOT_2_PI = math.sqrt(2 * math.pi)
_LOG_ROOT_2_PI = math.log(2 * math.pi) / 2


@op(
    x=lambda g, out: g * (_HALF_ROOT_PI * np.exp(out * out)),
    numpy=special.erfinv,
    domain=Domain(-0.9, 0.9),
    numpy_only=NUMPY_ONLY,
)
def erfinv(x: ArrayLike) -> Any:
    """Inverse of `erf` for x in (-1, 1), elementwise: with y the result, the derivative is √π/2·exp(y²).

    >>> erfinv([0.0, 0.5])
    Tensor([0.        , 0.47693628])
    """
    return special.erfinv(x)


@op(
    x=lambda g, out: -g * (_HALF_ROOT_PI * np.exp(out * out)),
    numpy=special.erfcinv,
    domain=Domain(0.1, 1.9),
    numpy_only=NUMPY_ONLY,
)
def erfcinv(x: ArrayLike) -> Any:
    """Inverse of `erfc` for x in (0, 2), elementwise: with y the result, the derivative is -√π/2·exp(y²).

    >>> erfcinv([0.5, 1.5])
    Tensor([ 0.47693628, -0.47693628])
    """
    return special.erfcinv(x)


@op(
    x=lambda g, x, out: g * (2 * x * out - 1 / _HALF_ROOT_PI),
    numpy=special.erfcx,
    numpy_only=NUMPY_ONLY,
)
def erfcx(x: ArrayLike) -> Any:
    """exp(x²)·erfc(x), elementwise, which does not underflow: with y the result, the derivative is 2xy - 2/√π.

    >>> erfcx([0.0, 100.0])
    Tensor([1.        , 0.00564161])
    """
    return special.erfcx(x)


def _normal_density(x: Any) -> Any:
    """`exp(-x * x / 2) / √(2π)`."""
    return np.exp(-x * x / 2) / _ROOT_2_PI


@op(x=lambda g, x: g * _normal_density(x), numpy=special.ndtr, numpy_only=NUMPY_ONLY)
def ndtr(x: ArrayLike) -> Any:
    """Cumulative distribution function of the standard normal distribution: the derivative is exp(-x²/2)/√(2π).

    >>> ndtr([0.0, 1.0])
    Tensor([0.5       , 0.84134475])
    """
    return special.ndtr(x)


@op(
    x=lambda g, x, out: g * np.exp(-x * x / 2 - out - _LOG_ROOT_2_PI),
    numpy=special.log_ndtr,
    numpy_only=NUMPY_ONLY,
)
def log_ndtr(x: ArrayLike) -> Any:
    """Logarithm of `ndtr`, accurate where `ndtr` underflows: with y the result, the derivative is exp(-x²/2 - y)/√(2π).

    >>> log_ndtr([0.0, -100.0])
    Tensor([-6.93147181e-01, -5.00552421e+03])
    """
    return special.log_ndtr(x)


@op(
    x=lambda g, out: g * (_ROOT_2_PI * np.exp(out * out / 2)),
    numpy=special.ndtri,
    domain=Domain(0.05, 0.95),
    numpy_only=NUMPY_ONLY,
)
def ndtri(x: ArrayLike) -> Any:
    """Inverse of `ndtr` for x in (0, 1), elementwise: with y the result, the derivative is √(2π)·exp(y²/2).

    >>> ndtri([0.5, 0.975])
    Tensor([0.        , 1.95996398])
    """
    return special.ndtri(x)


@op(x=lambda g, x: g * sigmoid.apply(-x), numpy=special.log_expit, numpy_only=NUMPY_ONLY)
def log_expit(x: ArrayLike) -> Any:
    """Logarithm of the logistic function 1/(1 + e⁻ˣ), elementwise: the derivative is 1/(1 + eˣ). Never overflows.

    >>> log_expit([0.0, -1000.0])
    Tensor([-6.93147181e-01, -1.00000000e+03])
    """
    return special.log_expit(x)


def _t_density(df: Any, t: Any) -> Any:
    """`exp(-(df + 1) / 2 * log1p(t * t / df) - betaln(df / 2, 0.5)) / √df`."""
    df = parameter(df, t)
    half = np.exp(-betaln.apply(df / 2, parameter(0.5, t))) / np.sqrt(df)
    return np.exp(-(df + 1) / 2 * np.log1p(t * t / df)) * half


@op(
    t=lambda g, df, t: g * _t_density(df, t),
    numpy=special.stdtr,
    examples=[*one_operand(df=3.0), case((2, 3), df=np.array([[0.5], [4]], np.float16))],
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def stdtr(df: ArrayLike, t: ArrayLike) -> Any:
    """Cumulative distribution function of Student's t distribution: ∂/∂t is its density.

    Not differentiable with respect to the degrees of freedom df: this derivative has no closed form.

    Raises:
        TypeError: df is a tensor that requires a gradient.

    >>> stdtr(1.0, [0.0, 1.0])
    Tensor([0.5 , 0.75])
    """
    return in_precision_of(df, t, value=special.stdtr(df, t))
