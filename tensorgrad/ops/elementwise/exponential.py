"""Exponentials, logarithms, and the stable functions made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad._arrays import holds
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import ABOVE_MINUS_ONE, POSITIVE, Domain
from tensorgrad.op import op

__all__ = [
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "logaddexp", "logaddexp2", "logit", "sigmoid", "softplus",
]  # fmt: skip

_LOG_2, _LOG_10 = math.log(2), math.log(10)


@op(x=lambda g, out: g * out, numpy=np.exp)
def exp(x: ArrayLike) -> Any:
    """eˣ, elementwise: its own derivative.

    >>> exp([0.0, 1.0])
    Tensor([1.        , 2.71828183])
    """
    return np.exp(x)


@op(x=lambda g, out: g * (out + 1), numpy=np.expm1)
def expm1(x: ArrayLike) -> Any:
    """eˣ - 1, elementwise, accurate near 0: the derivative is eˣ.

    >>> expm1([0.0, 1.0])
    Tensor([0.        , 1.71828183])
    """
    return np.expm1(x)


@op(x=lambda g, out: g * (out * _LOG_2), numpy=np.exp2)
def exp2(x: ArrayLike) -> Any:
    """2ˣ, elementwise: the derivative is 2ˣ·log 2.

    >>> exp2([0.0, 3.0])
    Tensor([1., 8.])
    """
    return np.exp2(x)


@op(x=lambda g, x: g / x, numpy=np.log, domain=POSITIVE)
def log(x: ArrayLike) -> Any:
    """Natural logarithm, elementwise: the derivative is 1/x.

    >>> log([1.0, 10.0])
    Tensor([0.        , 2.30258509])
    """
    return np.log(x)


@op(x=lambda g, x: g / (x * _LOG_2), numpy=np.log2, domain=POSITIVE)
def log2(x: ArrayLike) -> Any:
    """Logarithm to base 2, elementwise: the derivative is 1/(x·log 2).

    >>> log2([1.0, 8.0])
    Tensor([0., 3.])
    """
    return np.log2(x)


@op(x=lambda g, x: g / (x * _LOG_10), numpy=np.log10, domain=POSITIVE)
def log10(x: ArrayLike) -> Any:
    """Logarithm to base 10, elementwise: the derivative is 1/(x·log 10).

    >>> log10([1.0, 100.0])
    Tensor([0., 2.])
    """
    return np.log10(x)


@op(x=lambda g, x: g / (1 + x), numpy=np.log1p, domain=ABOVE_MINUS_ONE)
def log1p(x: ArrayLike) -> Any:
    """log(1 + x), elementwise, accurate near 0: the derivative is 1/(1 + x).

    >>> log1p([0.0, 9.0])
    Tensor([0.        , 2.30258509])
    """
    return np.log1p(x)


@op(x=lambda g, out: g * (out - out * out), reference=lambda x: (1 + np.tanh(x / 2)) / 2)
def sigmoid(x: ArrayLike) -> Any:
    """1/(1 + e⁻ˣ), elementwise: with s the result, the derivative is s(1 - s). Never overflows.

    >>> sigmoid([0.0, 1e4, -1e4])
    Tensor([0.5, 1. , 0. ])
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.absolute(x)))


def _difference(x: Any, y: Any) -> Any:
    """`x - y`, where two equal infinities differ by 0."""
    same = np.equal(x, y) & np.isinf(x)
    if holds(np.logical_not(same)):
        return np.subtract(x, y)
    return np.where(same, 0.0, x) - np.where(same, 0.0, y)


@op(
    x=lambda g, x, y: g * sigmoid.apply(_difference(x, y)),
    y=lambda g, x, y: g * sigmoid.apply(_difference(y, x)),
    numpy=np.logaddexp,
)
def logaddexp(x: ArrayLike, y: ArrayLike) -> Any:
    """log(eˣ + eʸ), elementwise, without overflow: ∂/∂x = 1/(1 + eʸ⁻ˣ), ∂/∂y = 1/(1 + eˣ⁻ʸ).

    >>> logaddexp([0.0, 1e4], 0.0)
    Tensor([6.93147181e-01, 1.00000000e+04])
    """
    return np.logaddexp(x, y)


@op(
    x=lambda g, x, y: g * sigmoid.apply(_LOG_2 * _difference(x, y)),
    y=lambda g, x, y: g * sigmoid.apply(_LOG_2 * _difference(y, x)),
    numpy=np.logaddexp2,
)
def logaddexp2(x: ArrayLike, y: ArrayLike) -> Any:
    """log₂(2ˣ + 2ʸ), elementwise, without overflow: ∂/∂x = 1/(1 + 2ʸ⁻ˣ), ∂/∂y = 1/(1 + 2ˣ⁻ʸ).

    >>> logaddexp2([0.0, 1e4], 0.0)
    Tensor([1.e+00, 1.e+04])
    """
    return np.logaddexp2(x, y)


@op(x=lambda g, out: -g * np.expm1(-out), reference=lambda x: np.logaddexp(0, x))
def softplus(x: ArrayLike) -> Any:
    """log(1 + eˣ), elementwise, without overflow: the derivative is the sigmoid of x.

    >>> softplus([0.0, 1e4, -1e4])
    Tensor([6.93147181e-01, 1.00000000e+04, 0.00000000e+00])
    """
    return np.maximum(x, 0) + np.log1p(np.exp(-np.absolute(x)))


@op(x=lambda g, x: g / (x * (1 - x)), domain=Domain(0.05, 0.95), reference=lambda x: np.log(x / (1 - x)))
def logit(x: ArrayLike) -> Any:
    """log(x/(1 - x)) for x in (0, 1), elementwise, the inverse of `sigmoid`: the derivative is 1/(x(1 - x)).

    >>> logit([0.5, 0.9])
    Tensor([0.        , 2.19722458])
    """
    return np.log(x) - np.log1p(np.negative(x))
