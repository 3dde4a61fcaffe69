"""Activation functions, as operations declared with their derivatives.

Choices between two branches are written as arithmetic with `_above`: on random signs `np.where` takes 50 µs for
(128, 128), because the processor mispredicts the branch, and the arithmetic takes 12.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional._blocks import aligned
from tensorgrad import domains


def _above(x: Any) -> Any:
    """Return 1 where x > 0, else 0, in the dtype of x."""
    return np.greater(x, 0).astype(x.dtype)


@tg.op(
    x=lambda g, out: g * (out > 0),
    domain=domains.NONZERO,
    reference=lambda x: (x + np.absolute(x)) / 2,
)
def relu(x: ArrayLike) -> Any:
    """max(x, 0), elementwise: the slope is 1 above 0, and 0 below and at 0.

    >>> relu([-1.0, 0.0, 2.0])
    Tensor([0., 0., 2.])
    """
    if not isinstance(x, np.ndarray) or x.dtype.char not in "fd":
        return np.maximum(x, 0)
    return x.clip(0, math.inf)  # half to a third of the time, except for very small arrays (benchmarks/NOTES.md)


def _leaky_relu_slope(g: Any, x: Any, negative_slope: float) -> Any:
    """`g * np.where(x > 0, 1, negative_slope)`."""
    above = _above(x)
    return g * (above + negative_slope * (1 - above))


@tg.op(
    x=_leaky_relu_slope,
    domain=domains.NONZERO,
    reference=lambda x, negative_slope=0.01: np.where(x > 0, x, negative_slope * x),
)
def leaky_relu(x: ArrayLike, *, negative_slope: float = 0.01) -> Any:
    """x where it is positive, else `negative_slope`·x, elementwise. The slope at 0 is `negative_slope`.

    Maas, Hannun, Ng, *Rectifier Nonlinearities Improve Neural Network Acoustic Models*, 2013.

    >>> leaky_relu([-1.0, 2.0])
    Tensor([-0.01,  2.  ])
    """
    return np.maximum(x, 0) + negative_slope * np.minimum(x, 0)


def _elu_slope(g: Any, x: Any, alpha: float) -> Any:
    """`g * np.where(x > 0, 1, alpha * np.exp(x))`."""
    above = _above(x)
    return g * (above + (1 - above) * (alpha * np.exp(np.minimum(x, 0))))


@tg.op(
    x=_elu_slope,
    domain=domains.NONZERO,
    examples=[domains.case((2, 3)), domains.case((2, 3), alpha=0.5), domains.case((0, 2), alpha=2.0)],
    reference=lambda x, alpha=1.0: np.where(x > 0, x, alpha * np.expm1(x)),
)
def elu(x: ArrayLike, *, alpha: float = 1.0) -> Any:
    """x where it is positive, else `alpha`·(eˣ - 1), elementwise. Below 0, and at 0, the slope is alpha·eˣ.

    Clevert, Unterthiner, Hochreiter, *Fast and Accurate Deep Network Learning by Exponential Linear Units*, 2015.

    >>> elu([-1e4, 0.0, 2.0])
    Tensor([-1.,  0.,  2.])
    """
    return np.maximum(x, 0) + alpha * np.expm1(np.minimum(x, 0))


@tg.op(
    x=lambda g, x, gate: g * (gate * (1 + x * (1 - gate))),
    keep=["gate"],
    composed=lambda x: x * tg.sigmoid(x),
    reference=lambda x: x / (1 + np.exp(-x)),
)
def silu(x: ArrayLike) -> Any:
    """x·sigmoid(x), elementwise; also called swish.

    Elfwing, Uchibe, Doya, *Sigmoid-Weighted Linear Units for Neural Network Function Approximation*, 2017.

    >>> silu([-1e4, 0.0, 1e4])
    Tensor([   -0.,     0., 10000.])
    """
    gate = tg.sigmoid.apply(x)
    return np.multiply(x, gate), (gate,)


def _prelu_slope(g: Any, x: Any, weight: Any) -> Any:
    """`g * np.where(x > 0, 1, weight)`."""
    above = _above(x)
    return g * (above + weight * (1 - above))


@tg.op(
    x=_prelu_slope,
    weight=lambda g, x: g * np.minimum(x, 0),
    domain={"x": domains.NONZERO, "weight": domains.REAL},
    reference=lambda x, weight: np.where(np.greater(x, 0), x, np.multiply(weight, x)),
)
def prelu(x: ArrayLike, weight: ArrayLike) -> Any:
    """x where it is positive, else `weight`·x: `leaky_relu` with a slope that is learned. The two broadcast.

    Raises:
        ValueError: shapes that do not broadcast.

    He, Zhang, Ren, Sun, *Delving Deep into Rectifiers*, 2015.

    >>> prelu([-2.0, 2.0], 0.25)
    Tensor([-0.5,  2. ])
    """
    try:
        return np.maximum(x, 0) + weight * np.minimum(x, 0)
    except ValueError:
        raise ValueError(
            f"expected a weight that broadcasts with x, got {np.shape(weight)} for x of shape {np.shape(x)}. Slopes of "
            "features belong to the last axis of x."
        ) from None


def glu(x: ArrayLike, *, axis: int = -1) -> tg.Tensor:
    """a·sigmoid(b), where a and b are the halves of x along `axis`: a gate that is learned.

    Raises:
        ValueError: the length along `axis` is odd.

    Dauphin, Fan, Auli, Grangier, *Language Modeling with Gated Convolutional Networks*, 2017.

    >>> glu([1.0, 2.0, 0.0, 1e4])
    Tensor([0.5, 2. ])
    """
    shape = np.shape(x)
    if not -len(shape) <= axis < len(shape) or shape[axis] % 2:
        raise ValueError(f"glu: expected an even length along axis {axis}, got an array of shape {shape}.")
    values, gates = tg.split(x, 2, axis=axis)
    return values * tg.sigmoid(gates)


_BLOCK = 65_536
"""Numbers in a block that, with the results computed from it, stays in an L2 cache of 2 MB."""


def _gelu_gradients(g: Any, wanted: Any, x: Any, cumulative: Any) -> Any:
    """`g * (Φ(x) + x * φ(x))`, block by block, where φ = Φ' is the density."""
    gradient = np.empty(x.shape, g.dtype)
    numbers, upstream, results = x.reshape(-1), g.reshape(-1), gradient.reshape(-1)
    for start in range(0, x.size, _BLOCK):
        part, slope = numbers[start : start + _BLOCK], results[start : start + _BLOCK]
        np.multiply(part, part, out=slope)
        slope *= -0.5
        np.exp(slope, out=slope)
        slope *= 1 / math.sqrt(2 * math.pi)
        slope *= part
        slope += cumulative[start : start + _BLOCK]
        slope *= upstream[start : start + _BLOCK]
    return (gradient,)


@tg.op(
    joint=_gelu_gradients,
    inputs=["x"],
    keep=["cumulative"],
    composed=lambda x: x * (0.5 * tg.erfc(x * -math.sqrt(0.5))),
    reference=lambda x: x * (1 + np.vectorize(math.erf, otypes=[float])(x / math.sqrt(2))) / 2,
)
def gelu(x: ArrayLike) -> Any:
    """x·Φ(x), elementwise, where Φ is the normal distribution function.

    Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016.

    >>> gelu([0.0, 1.0, 1e4])
    Tensor([0.00000000e+00, 8.41344746e-01, 1.00000000e+04])
    """
    x = np.asarray(x)
    numbers = x.astype(np.result_type(x, np.float16), copy=False).reshape(-1)
    out, cumulative = np.empty(x.shape, numbers.dtype), np.empty(numbers.shape, numbers.dtype)
    results = out.reshape(-1)
    for start in range(0, x.size, _BLOCK):  # the temporary arrays of erfc stay in the cache
        part, phi = numbers[start : start + _BLOCK], cumulative[start : start + _BLOCK]
        phi[...] = tg.erfc.apply(part * -math.sqrt(0.5))
        phi *= 0.5
        np.multiply(part, phi, out=results[start : start + _BLOCK])
    return out, (cumulative,)


_GELU_SCALE = math.sqrt(2 / math.pi)
_GELU_CUBIC = 0.044715


def _gelu_tanh_gradients(g: Any, wanted: Any, x: Any, gate: Any) -> Any:
    """`g * gate * (1 + 2 * (1 - gate) * x * (scale + 3 * scale * cubic * x²))`, block by block."""
    gradient = np.empty(x.shape, g.dtype)
    numbers, upstream, results = x.reshape(-1), g.reshape(-1), gradient.reshape(-1)
    slopes, others = aligned((2, min(_BLOCK, x.size)), g.dtype)
    for start in range(0, x.size, _BLOCK):
        part, open_ = numbers[start : start + _BLOCK], gate[start : start + _BLOCK]
        slope, closed = slopes[: len(part)], others[: len(part)]
        np.multiply(part, part, out=slope)
        slope *= 6 * _GELU_SCALE * _GELU_CUBIC
        slope += 2 * _GELU_SCALE
        slope *= part
        slope *= np.subtract(1, open_, out=closed)
        slope += 1
        slope *= open_
        np.multiply(slope, upstream[start : start + _BLOCK], out=results[start : start + _BLOCK])
    return (gradient,)


def _gelu_tanh_composed(x: Any) -> Any:
    return 0.5 * x * (1 + tg.tanh(_GELU_SCALE * (x + _GELU_CUBIC * x * x * x)))


@tg.op(
    joint=_gelu_tanh_gradients,
    inputs=["x"],
    keep=["gate"],
    composed=_gelu_tanh_composed,
    reference=lambda x: x / (1 + np.exp(-math.sqrt(8 / math.pi) * (x + 0.044715 * x**3))),
)
def gelu_tanh(x: ArrayLike) -> Any:
    """x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, elementwise: within 5e-4 of `gelu`, from the same paper.

    >>> gelu_tanh([0.0, 1.0, 1e4])
    Tensor([0.00000000e+00, 8.41191991e-01, 1.00000000e+04])
    """
    x = np.asarray(x)
    numbers = x.astype(np.result_type(x, np.float16), copy=False).reshape(-1)
    out, gate = np.empty(x.shape, numbers.dtype), aligned(numbers.shape, numbers.dtype)
    results = out.reshape(-1)
    for start in range(0, x.size, _BLOCK):
        part, open_ = numbers[start : start + _BLOCK], gate[start : start + _BLOCK]
        np.multiply(part, part, out=open_)
        open_ *= _GELU_SCALE * _GELU_CUBIC
        open_ += _GELU_SCALE
        open_ *= part
        np.tanh(open_, out=open_)
        open_ *= 0.5
        open_ += 0.5
        np.multiply(part, open_, out=results[start : start + _BLOCK])
    return out, (gate,)
