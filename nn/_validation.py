"""Validation of arguments."""

from __future__ import annotations

import math
import numbers
import operator
from typing import Any

import numpy as np

from tensorgrad import Tensor


def as_array(values: Any) -> Any:
    """Return `values` as a NumPy array. The array of a tensor, or of another library, is returned unchanged."""
    if isinstance(values, Tensor):
        return values.array
    foreign = not isinstance(values, np.ndarray) and hasattr(type(values), "__array_function__")
    return Tensor(values).array if foreign else np.asarray(values)


MOST_LAYERS = 1000
"""How many layers may be stacked in one module."""


def whole_number(what: str, value: Any, lowest: int = 1, highest: int | None = None) -> int:
    """Return `value` as an `int` if it is an integer from `lowest` to `highest`.

    Raises:
        TypeError: `value` is not an integer.
        ValueError: `value` is too small or too large.

    >>> whole_number("fit: epochs", 0)
    Traceback (most recent call last):
    ValueError: fit: epochs must be at least 1, got 0.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be an integer, got {value!r}.") from None
    if number < lowest:
        raise ValueError(f"{what} must be at least {lowest}, got {number}.")
    if highest is not None and number > highest:
        raise ValueError(f"{what} must be at most {highest}, got {number}.")
    return number


def real_number(what: str, value: Any) -> float:
    """Return `value` as a `float`; an integer beyond the range of floats becomes infinite.

    Raises:
        TypeError: `value` is not a real number.

    >>> real_number("SGD: learning_rate", "fast")
    Traceback (most recent call last):
    TypeError: SGD: learning_rate must be a number, got 'fast'.
    """
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{what} must be a number, got {value!r}.")
    try:
        return float(value)
    except OverflowError:
        return math.inf


def finite_number(what: str, value: Any) -> float:
    """Return `value` as a `float` if it is a finite real number.

    Raises:
        TypeError: `value` is not a real number.
        ValueError: `value` is not finite.

    >>> finite_number("AveragedWeights: decay", float("nan"))
    Traceback (most recent call last):
    ValueError: AveragedWeights: decay must be finite, got nan.
    """
    number = real_number(what, value)
    if not math.isfinite(number):
        raise ValueError(f"{what} must be finite, got {value!r}.")
    return number
