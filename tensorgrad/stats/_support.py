"""What the distributions have in common: standardised variables, supports, and parameters that are Python numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad.ops.elementwise.arithmetic import divide, subtract
from tensorgrad.ops.elementwise.where import where
from tensorgrad.tensor import Tensor, checked_array, plain


def standardised(x: Any, loc: Any, scale: Any) -> Any:
    """Return (x - loc)/scale; `x` itself for the defaults 0 and 1."""
    if not _is_number(loc, 0):
        x = subtract(x, loc)
    return x if _is_number(scale, 1) else divide(x, scale)


def _is_number(value: Any, number: float) -> bool:
    return isinstance(value, (int, float)) and value == number


def within(inside: Any, x: Any, safe: float, function: Callable[[Any], Tensor], outside: Any = -np.inf) -> Tensor:
    """Return `function(x)` where `inside` is True or x is NaN, and `outside`, which has the gradient 0, elsewhere.

    Args:
        inside: whether `x` is in the support.
        x: the variable.
        safe: a number inside the support. The function is computed with it where `x` is outside.
        function: the density.
        outside: its value outside the support.
    """
    counted = inside | np.isnan(plain(x))
    if counted.all():
        return function(x)
    value = function(where(counted, x, safe))
    return where(counted, value, outside)


def of(operation: Any, *operands: Any) -> Any:
    """Return `operation(*operands)`; for Python numbers a Python number, which does not widen float32."""
    if all(isinstance(operand, (int, float)) for operand in operands):
        return float(operation.apply(*operands))
    return operation(*operands)


def values(x: Any) -> Any:
    """Return the array of an argument, for comparisons that no gradient depends on."""
    return checked_array(plain(x))
