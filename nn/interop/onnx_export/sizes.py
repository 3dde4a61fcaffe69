"""Lengths of axes that depend on the batch size, in shapes that are otherwise known."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any, TypeAlias

Shape: TypeAlias = tuple[int, ...]


class Size(int):
    """A length that depends on the batch size: its values for two batch sizes.

    It is an integer, so code that reads `x.shape[0]` runs unchanged. Sums, differences, products and quotients depend
    on the batch size too, unless the two values are equal.

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
    """Return the length for the other batch size."""
    return length.other if isinstance(length, Size) else length


def is_dynamic(length: int) -> bool:
    """Return whether the length depends on the batch size."""
    return isinstance(length, Size)


def described(shape: Shape) -> str:
    """Return a shape for messages, in which `Size(2, 3)` is the batch size.

    >>> described((Size(2, 3), 5, Size(4, 6)))
    '(batch, 5, 2·batch)'
    """
    names = []
    for length in shape:
        if not isinstance(length, Size):
            names.append(str(length))
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
