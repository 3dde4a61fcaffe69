"""Lengths of free axes, such as the batch, and lengths that depend on them, in shapes that are otherwise known."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

Shape: TypeAlias = tuple[int, ...]

STEP = 2**20
"""Difference between the two values of the length of a free axis other than the batch. It exceeds any stride."""


class Size(int):
    """A length that depends on free axes, with its values for two choices of their lengths.

    It is an integer, so code that reads `x.shape[0]` runs unchanged. Sums, differences, products and quotients depend
    on the free axes too, unless the two values are equal.

    >>> batch = Size(2, 3)
    >>> rows = batch * 5
    >>> rows, rows.other
    (10, 15)
    >>> rows // batch
    5
    """

    other: int

    def __new__(cls, value: int, other: int) -> Size:
        """Return the length with these two values."""
        size = super().__new__(cls, value)
        size.other = other
        return size

    def __reduce__(self) -> tuple[Any, ...]:
        return size, (int(self), self.other)


def size(value: int, other: int) -> int:
    """Return a length with these two values; a plain integer if they are equal."""
    return value if value == other else Size(value, other)


def other(length: int) -> int:
    """Return the length for the other choice of the lengths of free axes."""
    return length.other if isinstance(length, Size) else length


def is_dynamic(length: int) -> bool:
    """Return whether the length depends on a free axis."""
    return isinstance(length, Size)


def described(shape: Shape) -> str:
    """Return a shape for messages, in which `Size(2, 3)` is the batch size, and other free lengths differ by `STEP`.

    >>> described((Size(2, 3), 5, Size(4, 6), Size(8, 8 + STEP)))
    '(batch, 5, 2·batch, free)'
    """
    names = []
    for length in shape:
        if not isinstance(length, Size):
            names.append(str(length))
        elif length.other > 2 * length + 256:
            names.append("free")
        else:
            each = length.other - int(length)
            rest = int(length) - 2 * each
            names.append(("batch" if each == 1 else f"{each}·batch") + (f" + {rest}" if rest else ""))
    return f"({', '.join(names)}{',' if len(names) == 1 else ''})"


def _method(compute: Callable[[int, int], int], *, reflected: bool) -> Callable[[Size, Any], Any]:
    def method(self: Size, operand: Any) -> Any:
        if not isinstance(operand, int):
            return NotImplemented
        first, second = (int(self), int(operand)), (self.other, other(operand))
        if reflected:
            first, second = first[::-1], second[::-1]
        return size(compute(*first), compute(*second))

    return method


for _name in ("add", "sub", "mul", "floordiv"):
    setattr(Size, f"__{_name}__", _method(getattr(operator, _name), reflected=False))
    setattr(Size, f"__r{_name}__", _method(getattr(operator, _name), reflected=True))
