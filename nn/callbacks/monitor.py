"""Monitoring of one value for the best epoch so far."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

Mode = Literal["auto", "min", "max"]
"""Whether lower or higher is better. "auto": lower for names that end in "loss", higher for "accuracy"."""


class Monitor:
    """Tracker of the best value over the epochs.

    Args:
        owner: the name of the callback in messages.
        name: the name of the value in `History`.
        mode: see `Mode`.
        min_delta: an epoch must be better by more than this to count as better; at least 0.

    Attributes:
        best: the best value; None before the first epoch.
        best_epoch: the epoch of the best value, counted from 0; None before the first epoch.

    Raises:
        TypeError: `name` is not a string.
        ValueError: an unknown `mode`, "auto" for a name that it does not cover, or an invalid `min_delta`.

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
        """Discard the epochs so far."""
        self.best: float | None = None
        self.best_epoch: int | None = None

    def is_best(self, epoch: int, logs: Mapping[str, float]) -> bool:
        """Record an epoch, and return whether it is the best so far. NaN is never the best.

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
    """Return 1 if higher is better, -1 if lower is better."""
    if mode not in ("auto", "min", "max"):
        raise ValueError(f'{owner}: mode must be "auto", "min" or "max", got {mode!r}.')
    if mode == "auto" and not name.endswith(("loss", "accuracy")):
        raise ValueError(f'{owner}: should {name!r} increase or decrease? Pass mode="max" or mode="min".')
    return 1 if mode == "max" or (mode == "auto" and name.endswith("accuracy")) else -1
