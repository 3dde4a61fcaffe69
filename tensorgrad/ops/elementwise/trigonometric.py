"""Trigonometric and hyperbolic functions, element by element. Angles are in radians."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, Domain
from tensorgrad.op import op
from tensorgrad.ops._singular import zero_slope

__all__ = [
    "acos", "acosh", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctan2", "arctanh", "asin", "asinh", "atan",
    "atan2", "atanh", "cos", "cosh", "deg2rad", "degrees", "hypot", "rad2deg", "radians", "sin", "sinh", "tan", "tanh",
]  # fmt: skip

_INSIDE_ONE = Domain(-0.9, 0.9)


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


@op(x=lambda g, out: g * (1 + out * out), numpy=np.tan, domain=Domain(-1.2, 1.2))
def tan(x: ArrayLike) -> Any:
    """Tangent: with t the result, the derivative is 1 + t².

    >>> tan([0.0, 1.0])
    Tensor([0.        , 1.55740772])
    """
    return np.tan(x)


@op(x=lambda g, x: g / np.sqrt(1 - x * x), numpy=np.arcsin, domain=_INSIDE_ONE)
def arcsin(x: ArrayLike) -> Any:
    """Inverse sine on [-1, 1]: the derivative is 1/√(1 - x²).

    >>> arcsin([0.0, 1.0])
    Tensor([0.        , 1.57079633])
    """
    return np.arcsin(x)


@op(x=lambda g, x: -g / np.sqrt(1 - x * x), numpy=np.arccos, domain=_INSIDE_ONE)
def arccos(x: ArrayLike) -> Any:
    """Inverse cosine on [-1, 1]: the derivative is -1/√(1 - x²).

    >>> arccos([0.0, 1.0])
    Tensor([1.57079633, 0.        ])
    """
    return np.arccos(x)


@op(x=lambda g, x: g / (1 + x * x), numpy=np.arctan)
def arctan(x: ArrayLike) -> Any:
    """Inverse tangent: the derivative is 1/(1 + x²).

    >>> arctan([0.0, 1.0])
    Tensor([0.        , 0.78539816])
    """
    return np.arctan(x)


def _over_square_of_length(a: Any, x: Any, y: Any) -> Any:
    """`a / (x**2 + y**2)`, and 0 at the origin."""
    squared = np.square(x) + np.square(y)
    origin = squared == 0
    return np.where(origin, zero_slope(squared, origin), a / np.where(origin, 1.0, squared))


@op(
    y=lambda g, y, x: g * _over_square_of_length(x, x, y),
    x=lambda g, y, x: -g * _over_square_of_length(y, x, y),
    numpy=np.arctan2,
    domain=NONZERO,
)
def arctan2(y: ArrayLike, x: ArrayLike) -> Any:
    """The angle of the point (x, y), elementwise: ∂/∂y = x/(x² + y²), ∂/∂x = -y/(x² + y²), both 0 at the origin.

    >>> arctan2([0.0, 1.0], [1.0, 0.0])
    Tensor([0.        , 1.57079633])
    """
    return np.arctan2(y, x)


def _over_length(a: Any, length: Any) -> Any:
    """`a / length`, and 0 at the origin."""
    origin = length == 0
    return np.where(origin, zero_slope(length, origin), a / np.where(origin, 1.0, length))


@op(
    x=lambda g, x, out: g * _over_length(x, out),
    y=lambda g, y, out: g * _over_length(y, out),
    numpy=np.hypot,
    domain=NONZERO,
)
def hypot(x: ArrayLike, y: ArrayLike) -> Any:
    """√(x² + y²), elementwise, without overflow: with h the result, ∂/∂x = x/h, ∂/∂y = y/h, both 0 at the origin.

    >>> hypot(3.0, 4.0)
    Tensor(5.)
    """
    return np.hypot(x, y)


@op(x=lambda g: g * (180 / math.pi), numpy=[np.degrees, np.rad2deg])
def degrees(x: ArrayLike) -> Any:
    """Radians to degrees: the derivative is 180/π.

    >>> degrees([0.0, 1.0])
    Tensor([ 0.        , 57.29577951])
    """
    return np.degrees(x)


@op(x=lambda g: g * (math.pi / 180), numpy=[np.radians, np.deg2rad])
def radians(x: ArrayLike) -> Any:
    """Degrees to radians: the derivative is π/180.

    >>> radians([0.0, 180.0])
    Tensor([0.        , 3.14159265])
    """
    return np.radians(x)


@op(x=lambda g, x: g * np.cosh(x), numpy=np.sinh)
def sinh(x: ArrayLike) -> Any:
    """Hyperbolic sine: the derivative is cosh x.

    >>> sinh([0.0, 1.0])
    Tensor([0.        , 1.17520119])
    """
    return np.sinh(x)


@op(x=lambda g, x: g * np.sinh(x), numpy=np.cosh)
def cosh(x: ArrayLike) -> Any:
    """Hyperbolic cosine: the derivative is sinh x.

    >>> cosh([0.0, 1.0])
    Tensor([1.        , 1.54308063])
    """
    return np.cosh(x)


@op(x=lambda g, out: g - g * out * out, numpy=np.tanh)
def tanh(x: ArrayLike) -> Any:
    """Hyperbolic tangent: with t the result, the derivative is 1 - t².

    >>> tanh([0.0, 1.0])
    Tensor([0.        , 0.76159416])
    """
    return np.tanh(x)


@op(x=lambda g, x: g / np.hypot(x, 1), numpy=np.arcsinh)
def arcsinh(x: ArrayLike) -> Any:
    """Inverse hyperbolic sine: the derivative is 1/√(x² + 1).

    >>> arcsinh([0.0, 1.0])
    Tensor([0.        , 0.88137359])
    """
    return np.arcsinh(x)


@op(x=lambda g, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)), numpy=np.arccosh, domain=Domain(1.2, 4.0))
def arccosh(x: ArrayLike) -> Any:
    """Inverse hyperbolic cosine for x ≥ 1: the derivative is 1/√(x² - 1).

    >>> arccosh([1.0, 2.0])
    Tensor([0.        , 1.3169579])
    """
    return np.arccosh(x)


@op(x=lambda g, x: g / (1 - x * x), numpy=np.arctanh, domain=_INSIDE_ONE)
def arctanh(x: ArrayLike) -> Any:
    """Inverse hyperbolic tangent on (-1, 1): the derivative is 1/(1 - x²).

    >>> arctanh([0.0, 0.5])
    Tensor([0.        , 0.54930614])
    """
    return np.arctanh(x)


acos, asin, atan, atan2 = arccos, arcsin, arctan, arctan2
acosh, asinh, atanh = arccosh, arcsinh, arctanh
deg2rad, rad2deg = radians, degrees
