"""The Gaussian error linear unit x·Φ(x), where Φ is the normal distribution function."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg


def gelu(x: ArrayLike) -> tg.Tensor:
    """x·Φ(x), elementwise. Hendrycks and Gimpel, *Gaussian Error Linear Units*, 2016.

    >>> gelu([0.0, 1.0, 1e4])
    Tensor([0.00000000e+00, 8.41344746e-01, 1.00000000e+04])
    """
    return tg.multiply(x, 0.5 * tg.erfc(tg.multiply(x, -math.sqrt(0.5))))


_SCALE = math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _tanh_slope(g: Any, x: Any) -> Any:
    t = np.tanh(_SCALE * (x + _CUBIC * x * x * x))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * (_SCALE * (1 + 3 * _CUBIC * x * x)))


@tg.op(x=_tanh_slope)
def gelu_tanh(x: ArrayLike) -> Any:
    """x·(1 + tanh(√(2/π)·(x + 0.044715·x³)))/2, elementwise: within 5e-4 of `gelu`, from the same paper.

    >>> gelu_tanh([0.0, 1.0, 1e4])
    Tensor([0.00000000e+00, 8.41191991e-01, 1.00000000e+04])
    """
    x = np.asarray(x)
    return 0.5 * x * (1 + np.tanh(_SCALE * (x + _CUBIC * x * x * x)))
