"""Exponentials, logarithms, and the stable functions made of them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad.domains import ABOVE_MINUS_ONE, POSITIVE, case
from tensorgrad.op import op
from tensorgrad.ops.reductions import over_axes, restored
from tensorgrad.typing import ArrayLike, Axis

__all__ = [
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "log_softmax", "logaddexp", "logaddexp2", "logsumexp",
    "sigmoid", "softmax",
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


@op(x=lambda g, out: g * (out - out * out))
def sigmoid(x: ArrayLike) -> Any:
    """1/(1 + e⁻ˣ), elementwise: with s the result, the derivative is s(1 - s). Never overflows.

    >>> sigmoid([0.0, 1e4, -1e4])
    Tensor([0.5, 1. , 0. ])
    """
    return np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.absolute(x)))


def _below(x: Any, out: Any) -> Any:
    """`x - out`, where two equal infinities differ by 0."""
    same = x == out
    return np.where(same, 0.0, x) - np.where(same, 0.0, out)


@op(
    x=lambda g, x, out: g * np.exp(_below(x, out)),
    y=lambda g, y, out: g * np.exp(_below(y, out)),
    numpy=np.logaddexp,
)
def logaddexp(x: ArrayLike, y: ArrayLike) -> Any:
    """log(eˣ + eʸ), elementwise, without overflow: with l the result, ∂/∂x = eˣ⁻ˡ, ∂/∂y = eʸ⁻ˡ.

    >>> logaddexp([0.0, 1e4], 0.0)
    Tensor([6.93147181e-01, 1.00000000e+04])
    """
    return np.logaddexp(x, y)


@op(
    x=lambda g, x, out: g * np.exp2(_below(x, out)),
    y=lambda g, y, out: g * np.exp2(_below(y, out)),
    numpy=np.logaddexp2,
)
def logaddexp2(x: ArrayLike, y: ArrayLike) -> Any:
    """log₂(2ˣ + 2ʸ), elementwise, without overflow: with l the result, ∂/∂x = 2ˣ⁻ˡ, ∂/∂y = 2ʸ⁻ˡ.

    >>> logaddexp2([0.0, 1e4], 0.0)
    Tensor([1.e+00, 1.e+04])
    """
    return np.logaddexp2(x, y)


def _finite(x: Any) -> Any:
    """`x`, with 0 in place of infinities, as a shift that keeps exp(x - shift) from becoming NaN."""
    return np.where(np.isfinite(x), x, 0)


@op(
    x=lambda g, x, out, axis, keepdims: (
        restored(g, np.shape(x), axis, keepdims) * np.exp(x - _finite(restored(out, np.shape(x), axis, keepdims)))
    ),
    examples=over_axes(),
)
def logsumexp(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """log Σ eˣ over `axis` (all axes by default), shifted by the maximum: never overflows.

    The derivative is softmax(x).

    >>> logsumexp([1e4, 1e4])
    Tensor(10000.69314718)
    """
    shift = _finite(np.max(x, axis=axis, keepdims=True))
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for x = -inf
        total = np.log(np.sum(np.exp(x - shift), axis=axis, keepdims=True)) + shift
    return total if keepdims else np.reshape(total, np.shape(np.sum(x, axis=axis)))


@op(
    x=lambda g, out, axis: out * (g - np.sum(g * out, axis=axis, keepdims=True)),
    examples=[case((3,)), case((2, 3)), case((2, 3, 2), axis=1), case((2, 3), axis=0)],
)
def softmax(x: ArrayLike, axis: Axis = -1) -> Any:
    """eˣ/Σeˣ along `axis` (the last by default), shifted by the maximum: never overflows.

    With s the result, the derivative sends g to s·(g - Σ g·s): *Neural Networks from Scratch*, chapter 9.

    >>> softmax([0.0, 1e4])
    Tensor([0., 1.])
    """
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / np.sum(powers, axis=axis, keepdims=True)


@op(
    x=lambda g, out, axis: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True),
    examples=[case((3,)), case((2, 3)), case((2, 3, 2), axis=1), case((2, 3), axis=0)],
)
def log_softmax(x: ArrayLike, axis: Axis = -1) -> Any:
    """log of `softmax` along `axis` (the last by default), exact where softmax itself underflows to 0.

    >>> log_softmax([0.0, 1e4])
    Tensor([-10000.,      0.])
    """
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
