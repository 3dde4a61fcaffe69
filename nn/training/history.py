"""Values recorded during training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from nn._hints import HISTORY, attribute_hints
from nn._repr import counted
from tensorgrad import interrupts

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NOT_METRICS = ("loss", "data_loss", "regularization_loss", "learning_rate")
"""Names recorded in addition to the metrics; no metric may use them."""


@attribute_hints(HISTORY)
class History(Mapping[str, list[float]]):
    """Values of every epoch of one `fit`, by name: a mapping of lists.

    `loss` is the minimised loss: `data_loss` + `regularization_loss`. These and the metrics are means over the samples
    of an epoch, each measured before the update of its batch. `val_loss` (without regularisation) and the `val_…`
    metrics are measured after the epoch, in evaluation mode. `learning_rate` is that of the last update of the epoch.

    Attributes:
        epochs: the numbers of the finished epochs, from 0.

    >>> history = History()
    >>> history.record({"loss": 1.25, "accuracy": 0.5})
    >>> history.record({"loss": 0.75, "accuracy": 0.75})
    >>> history["loss"]
    [1.25, 0.75]
    >>> history
    History(2 epochs: loss 0.75, accuracy 0.75)
    """

    def __init__(self) -> None:
        self._values: dict[str, list[float]] = {}
        self.epochs: list[int] = []

    @interrupts.uninterrupted
    def record(self, values: Mapping[str, float]) -> None:
        """Add an epoch. It must have the same names as the previous epochs.

        Raises:
            ValueError: the names differ, or a value is not a number. Nothing is added.
            TypeError: a value is not a number. Nothing is added.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"History: expected a dict with the values of an epoch, got {values!r}.")
        if self.epochs and set(values) != set(self._values):
            raise ValueError(f"History: expected values for {sorted(self._values)}, got {sorted(values)}.")
        numbers = {name: float(value) for name, value in values.items()}
        for name, number in numbers.items():
            self._values.setdefault(name, []).append(number)
        self.epochs.append(len(self.epochs))

    def __getitem__(self, name: str) -> list[float]:
        if name not in self._values:
            raise KeyError(f"{name!r} was not recorded. There are: {', '.join(self._values) or 'no epochs yet'}.")
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {values[-1]:.4g}" for name, values in self._values.items())
        count = counted(len(self.epochs), "epoch")
        return f"History({count}: {last})" if last else f"History({count})"

    def _repr_html_(self) -> str:
        from nn._html import history_as_html

        return history_as_html(self)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Plot the loss, each metric and the learning rate over the epochs, training and validation together.

        Args:
            path: where to save the figure; the suffix (`.png`, `.svg`, `.pdf`) determines the format. Default: not
                saved.

        Returns:
            A matplotlib `Figure`, which notebooks display. It requires no display, and leaves matplotlib's settings and
            current figure unchanged.

        Raises:
            ValueError: there is no epoch to plot, or the suffix is unknown.
            FileNotFoundError: the folder does not exist.
        """
        from nn.plots.curves import curves
        from nn.plots.style import checked_destination, saved

        if not self.epochs:
            raise ValueError("History.plot: no epoch has been finished yet, so there is nothing to draw.")
        destination = checked_destination("History.plot", path)
        return saved(curves(self), destination)
