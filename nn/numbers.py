"""Whole numbers that were given, checked."""

from __future__ import annotations

import operator
from typing import Any


def whole_number(what: str, value: Any, lowest: int = 1) -> int:
    """`value`, if it is a whole number of at least `lowest`, as Python's `int`.

    Raises:
        TypeError: it is no whole number.
        ValueError: it is too small.

    >>> whole_number("fit: epochs", 0)
    Traceback (most recent call last):
    ValueError: fit: epochs must be at least 1, got 0.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {value!r}.") from None
    if number < lowest:
        raise ValueError(f"{what} must be at least {lowest}, got {number}.")
    return number
