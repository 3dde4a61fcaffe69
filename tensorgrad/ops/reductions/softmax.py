"""Softmax, and the logarithm of a sum of exponentials: shifted by the maximum, so that nothing overflows."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._arrays import holds
from tensorgrad._typing import ArrayLike, Axis
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import over_axes, restored, total
from tensorgrad.tensor import plain

__all__ = ["log_softmax", "logsumexp", "softmax"]


def _finite(x: Any) -> Any:
    """`x`, with 0 in place of infinities, as a shift that keeps exp(x - shift) from becoming NaN."""
    return np.where(np.isfinite(x), x, 0)


def _weights(x: Any, axis: Axis) -> Any:
    """`softmax(x)`; infinities weigh the same among themselves, and -inf weighs 0 also where there is nothing else."""
    largest = np.max(plain(x), axis=axis, keepdims=True)
    if holds(np.isfinite(largest)):
        powers = np.exp(x - largest)
        return powers / total(powers, axis, keepdims=True)
    infinite = np.equal(plain(x), np.inf)
    shift = np.where(np.equal(largest, -np.inf), 0.0, largest)
    powers = np.where(infinite, 1.0, np.exp(np.where(infinite, 0.0, x) - shift))
    added = total(powers, axis, keepdims=True)
    return powers / np.where(np.equal(added, 0.0), 1.0, added)


@op(
    x=lambda g, x, axis, keepdims: restored(g, np.shape(x), axis, keepdims) * _weights(x, axis),
    examples=over_axes(),
    reference=lambda x, axis=None, keepdims=False: np.logaddexp.reduce(x, axis=axis, keepdims=keepdims),
)
def logsumexp(x: ArrayLike, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """log Σ eˣ over `axis` (all axes by default), shifted by the maximum: never overflows.

    The derivative is softmax(x).

    >>> logsumexp([1e4, 1e4])
    Tensor(10000.69314718)
    """
    shift = _finite(np.max(x, axis=axis, keepdims=True))
    with np.errstate(divide="ignore"):  # log 0 = -inf is the right answer for x = -inf
        result = np.log(total(np.exp(x - shift), axis, keepdims=True)) + shift
    return result if keepdims else np.reshape(result, np.shape(np.max(x, axis=axis)))


@op(
    x=lambda g, out, axis: out * (g - total(g * out, axis, keepdims=True)),
    examples=[case((3,)), case((2, 3)), case((2, 3, 2), axis=1), case((2, 3), axis=0)],
    reference=lambda x, axis=-1: np.exp(x - np.logaddexp.reduce(x, axis=axis, keepdims=True)),
)
def softmax(x: ArrayLike, axis: Axis = -1) -> Any:
    """eˣ/Σeˣ along `axis` (the last by default), shifted by the maximum: never overflows.

    With s the result, the derivative sends g to s·(g - Σ g·s): *Neural Networks from Scratch*, chapter 9.

    >>> softmax([0.0, 1e4])
    Tensor([0., 1.])
    """
    if not np.size(x):
        return np.exp(x)
    powers = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return powers / total(powers, axis, keepdims=True)


@op(
    x=lambda g, out, axis: g - np.exp(out) * total(g, axis, keepdims=True),
    examples=[case((3,)), case((2, 3)), case((2, 3, 2), axis=1), case((2, 3), axis=0)],
    reference=lambda x, axis=-1: x - np.logaddexp.reduce(x, axis=axis, keepdims=True),
)
def log_softmax(x: ArrayLike, axis: Axis = -1) -> Any:
    """log of `softmax` along `axis` (the last by default), exact where softmax itself underflows to 0.

    >>> log_softmax([0.0, 1e4])
    Tensor([-10000.,      0.])
    """
    if not np.size(x):
        return np.exp(x)
    shifted = x - np.max(x, axis=axis, keepdims=True)
    return shifted - np.log(total(np.exp(shifted), axis, keepdims=True))
