"""Numbers that optimizers and schedules are configured with, checked whenever they are set."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nn._validation import real_number


class Setting:
    """A number that must be finite, at least 0 and less than `below`.

    Assigning a setting of an optimizer also sets it in all of its parameter groups.

    Args:
        below: The limit.
        absent: The value for states that were saved before the optimizer had this setting. None if there are none.
    """

    def __init__(self, below: float = math.inf, *, absent: float | None = None) -> None:
        self.below = below
        self.absent = absent

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<Setting {self.name!r}>"

    if TYPE_CHECKING:  # without a __get__, Python finds the number in the instance at once

        def __get__(self, instance: object, owner: type) -> float: ...

    def __set__(self, instance: object, value: float) -> None:
        values = vars(instance)
        old, new = values.get(self.name), self.checked(type(instance).__name__, value)
        values[self.name] = new
        for group in values.get("groups", ()):
            if old is None:  # the constructor's value, for groups that have none yet
                group.settings.setdefault(self.name, new)
            else:
                group.settings[self.name] = self.changed(group.settings[self.name], old, new)

    def checked(self, owner: str, value: Any) -> Any:
        """Return `value` as a Python number, which unlike NumPy's never widens float32.

        Raises:
            TypeError: If `value` is not a real number.
            ValueError: If `value` is negative, not finite, or too large.
        """
        number = real_number(f"{owner}: {self.name}", value)
        if not (math.isfinite(number) and 0 <= number < self.below):
            limit = f" and less than {self.below:g}" if self.below < math.inf else ""
            raise ValueError(f"{owner}: {self.name} must be finite, at least 0{limit}, got {value!r}.")
        return number

    def changed(self, of_group: Any, old: Any, new: Any) -> Any:
        """Return a group's value after the optimizer's changed from `old` to `new`: the new one."""
        return new


def settings_of(kind: type) -> dict[str, Setting]:
    """Return the settings that a class declares, those of its base classes first."""
    classes = reversed(kind.__mro__)
    return {name: value for each in classes for name, value in vars(each).items() if isinstance(value, Setting)}
