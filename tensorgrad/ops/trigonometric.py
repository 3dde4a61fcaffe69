"""Trigonometric and hyperbolic functions, element by element. Angles are in radians."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.op import op
from tensorgrad.typing import ArrayLike


@op(x=lambda g, x: g * np.cos(x), numpy=np.sin)
def sin(x: ArrayLike) -> Any:
    """Sine: the derivative is cos x.

    >>> sin([0.0, 1.0])
    Tensor([0.        , 0.84147098])
    """
    return np.sin(x)


@op(x=lambda g, x: -g * np.sin(x), numpy=np.cos)
def cos(x: ArrayLike) -> Any:
    """Cosine: the derivative is -sin x.

    >>> cos([0.0, 1.0])
    Tensor([1.        , 0.54030231])
    """
    return np.cos(x)


@op(x=lambda g, out: g * (1 - out * out), numpy=np.tanh)
def tanh(x: ArrayLike) -> Any:
    """Hyperbolic tangent: with t the result, the derivative is 1 - t².

    >>> tanh([0.0, 1.0])
    Tensor([0.        , 0.76159416])
    """
    return np.tanh(x)
