"""Powers and roots, element by element."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._arrays import holds
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, POSITIVE
from tensorgrad.op import op
from tensorgrad.ops._singular import zero_slope
from tensorgrad.tensor import Tensor, plain

__all__ = ["cbrt", "float_power", "pow", "power", "reciprocal", "sqrt", "square"]


@op(x=lambda g, out: -g * out * out, numpy=np.reciprocal, domain=NONZERO)
def reciprocal(x: ArrayLike) -> Any:
    """1/x, elementwise: the derivative is -1/x².

    >>> reciprocal([2.0, -4.0])
    Tensor([ 0.5 , -0.25])
    """
    return np.reciprocal(x)


@op(x=lambda g, x: g * (2 * x), numpy=np.square)
def square(x: ArrayLike) -> Any:
    """x², elementwise: the derivative is 2x.

    >>> square([1.0, -3.0])
    Tensor([1., 9.])
    """
    return np.square(x)


def _root_slope(out: Any) -> Any:
    """`1 / (2 * out)`; 0 at x = 0, where the true slope is infinite, so that √(Σx²) has the subgradient 0 there."""
    at_zero = out == 0
    return np.where(at_zero, zero_slope(out, at_zero), 0.5 / np.where(at_zero, 1.0, out))


@op(x=lambda g, out: g * _root_slope(out), numpy=np.sqrt, domain=POSITIVE)
def sqrt(x: ArrayLike) -> Any:
    """Square root, elementwise: the derivative is 1/(2√x), and 0 at x = 0 (a subgradient of √(Σx²) there).

    >>> sqrt([4.0, 9.0])
    Tensor([2., 3.])
    """
    return np.sqrt(x)


def _cube_root_slope(out: Any) -> Any:
    """`1 / (3 * out**2)`; 0 at x = 0, where the true slope is infinite."""
    at_zero = out == 0
    return np.where(at_zero, zero_slope(out, at_zero), 1 / (3 * np.square(np.where(at_zero, 1.0, out))))


@op(x=lambda g, out: g * _cube_root_slope(out), numpy=np.cbrt, domain=NONZERO)
def cbrt(x: ArrayLike) -> Any:
    """Cube root, elementwise: the derivative is 1/(3∛x²), and 0 at x = 0, where it is infinite.

    >>> cbrt([8.0, -27.0])
    Tensor([ 2., -3.])
    """
    return np.cbrt(x)


def _power_slope(x: Any, y: Any) -> Any:
    """`y * x ** (y - 1)`; 0 where that formula would give 0·∞, and where x = 0 and 0 < y < 1."""
    if isinstance(y, (int, float)):
        if y == 0:
            return np.zeros_like(x)
        if y < 0 or y == 1 or y >= 2:
            return y * x ** (y - 1)
    overflowing = np.absolute(plain(x)) < 1 / float(np.finfo(x.dtype).max)  # 1/x would be infinite
    guarded = (overflowing & (y == 0)) | ((x == 0) & (y >= 0) & (y < 1))
    singular = (x == 0) & (y > 0) & (y < 2) & (y != 1)  # for the next derivative
    if holds(np.logical_not(guarded | singular)):
        return y * x ** (y - 1)
    slope = np.where(guarded, 0.0, y * np.where(guarded, 1.0, x) ** (y - 1))
    return np.where(singular, zero_slope(x, singular), slope) if isinstance(x, Tensor) else slope


def _log_of_base(x: Any) -> Any:
    """`log(x)`; 0 at x = 0, where 0^y · log 0 would give 0·∞."""
    return np.log(np.where(x == 0, 1.0, x))


@op(
    x=lambda g, x, y: g * _power_slope(x, y),
    y=lambda g, x, out: g * out * _log_of_base(x),
    numpy=np.power,
    methods=["__pow__"],
    reflected="__rpow__",
    domain=POSITIVE,
)
def power(x: ArrayLike, y: ArrayLike) -> Any:
    """x to the power y, elementwise: ∂/∂x = y·x^(y-1), ∂/∂y = x^y·log x.

    At x = 0 both are 0 wherever the formula would give 0·∞ (or, for 0 < y < 1, an infinite slope).

    >>> power([2.0, 3.0], 2)
    Tensor([4., 9.])
    """
    return x**y  # type: ignore[operator]


@op(
    x=lambda g, x, y: g * _power_slope(x, y),
    y=lambda g, x, out: g * out * _log_of_base(x),
    numpy=np.float_power,
    domain=POSITIVE,
)
def float_power(x: ArrayLike, y: ArrayLike) -> Any:
    """x to the power y, elementwise, always in float64, as in NumPy: the derivatives are those of `power`.

    >>> float_power([2, 3], -1)
    Tensor([0.5       , 0.33333333])
    """
    return np.float_power(x, y)


pow = power
