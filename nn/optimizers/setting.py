"""A number that an optimizer or a schedule was given, checked whenever it is set."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Any


class Setting:
    """A number that must be finite, at least 0 and less than `below`."""

    def __init__(self, below: float = math.inf) -> None:
        self.below = below

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Setting {self.name!r}>"

    if TYPE_CHECKING:  # without a __get__, Python finds the number in the instance at once

        def __get__(self, instance: object, owner: type) -> float: ...

    def __set__(self, instance: object, value: float) -> None:
        vars(instance)[self.name] = self.checked(type(instance).__name__, value)

    def checked(self, owner: str, value: Any) -> float:
        """`value` as a Python number, which unlike NumPy's never widens float32.

        Raises:
            TypeError: not a real number.
            ValueError: negative, not finite, or too large.
        """
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise TypeError(f"{owner}: {self.name} must be a number, got {value!r}.")
        try:
            number = float(value)
        except OverflowError:  # an int that no float can be
            number = math.inf
        if not (math.isfinite(number) and 0 <= number < self.below):
            limit = f" and less than {self.below:g}" if self.below < math.inf else ""
            raise ValueError(f"{owner}: {self.name} must be finite, at least 0{limit}, got {value!r}.")
        return number
