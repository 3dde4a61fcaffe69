"""Helpers of SciPy's functions: test calls, and the precision of parameters that have no derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.domains import Case, case

NUMPY_ONLY = "SciPy computes it"
"""The reason why these functions do not run on the arrays of other libraries."""

NO_CLOSED_FORM = "this derivative has no closed form"
"""The reason why an order or a shape parameter has no derivative rule."""

TWO_OPERANDS = [
    case((), ()),
    case((3,), ()),
    case((2, 1), (1, 3)),
    case((2, 3), (3,)),
    case((0,), ()),
    case((3,), (1,)),
]
"""Shapes for functions of two operands. Declared as examples, they replace the long default list."""


def one_operand(**options: Any) -> list[Case]:
    """Return test calls of a function with one operand and the given options."""
    return [case((), **options), case((3,), **options), case((2, 0), **options), case((2, 3), **options)]


def moved(order: Any, by: int) -> Any:
    """Return `order + by`; a Python number remains one, so that it does not promote float32."""
    return order + by if isinstance(order, (int, float)) else np.add(order, by)


def in_precision_of(*operands: Any, value: Any) -> Any:
    """Return `value` in the precision to which NumPy promotes the operands.

    SciPy computes some functions of an order or a parameter in float64, whatever the operands are.
    """
    dtype = np.result_type(*operands)
    return value.astype(dtype) if dtype.kind == "f" else value


def parameter(value: Any, x: Any) -> Any:
    """Return a parameter that has no derivative as an array in the precision to which NumPy promotes it and `x`."""
    return np.asarray(value, np.result_type(value, x.dtype))
