"""Watching one value of the epochs: which one was the best so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Mode = Literal["auto", "min", "max"]
"""Whether less or more is better. "auto": less for names that end in "loss", more for those that end in "accuracy"."""


class Monitor:
    """The best of one value, epoch by epoch.

    Args:
        owner: names the callback in messages.
        name: which value, as in `History`.
        mode: see `Mode`.
        min_delta: an epoch that is better by this or less does not count as better; at least 0.

    Attributes:
        best: the best value; None before the first epoch.
        best_epoch: the epoch it was measured in, from 0; None before the first.

    Raises:
        TypeError: `name` is not a string.
        ValueError: another `mode`, "auto" for a name it says nothing about, or a bad `min_delta`.

    >>> monitor = Monitor("EarlyStopping", "val_loss")
    >>> [monitor.is_best(epoch, {"val_loss": loss}) for epoch, loss in enumerate([0.5, 0.25, 0.3])]
    [True, True, False]
    >>> monitor.best, monitor.best_epoch
    (0.25, 1)
    """

    def __init__(self, owner: str, name: str, mode: Mode = "auto", min_delta: float = 0.0) -> None:
        if not isinstance(name, str):
            raise TypeError(
                f'{owner}: monitor must be the name of a value in History, such as "val_loss", got {name!r}.'
            )
        if not (math.isfinite(min_delta) and min_delta >= 0):
            raise ValueError(f"{owner}: min_delta must be finite and at least 0, got {min_delta!r}.")
        self.owner = owner
        self.name = name
        self.sign = _sign(owner, name, mode)
        self.min_delta = min_delta
        self.reset()

    def reset(self) -> None:
        """Forget the epochs so far."""
        self.best: float | None = None
        self.best_epoch: int | None = None

    def is_best(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Take note of an epoch, and say whether it is the best so far. A value that is NaN never is.

        Raises:
            ValueError: the value was not measured.
        """
        if self.name not in logs:
            raise ValueError(
                f"{self.owner}: {self.name!r} was not measured. There are: {', '.join(logs)}."
                f"{' Give fit validation_data=…' if self.name.startswith('val_') else ''}"
            )
        value = logs[self.name]
        if math.isnan(value) or (self.best is not None and self.sign * (value - self.best) <= self.min_delta):
            return False
        self.best, self.best_epoch = value, epoch
        return True


def _sign(owner: str, name: str, mode: Mode) -> int:
    """1 if more is better, -1 if less is."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f'{owner}: mode must be "auto", "min" or "max", got {mode!r}.')
    if mode == "auto" and not name.endswith(("loss", "accuracy")):
        raise ValueError(f'{owner}: is more {name!r} better, or less? Say mode="max" or mode="min".')
    return 1 if mode == "max" or (mode == "auto" and name.endswith("accuracy")) else -1
