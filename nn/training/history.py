"""What happened during training, and its picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING = "#0072b2"  # blue and vermilion of Okabe and Ito's palette, told apart by colour-blind people as well;
VALIDATION = "#d55e00"  # validation is dashed, too
QUIET = "#666666"

NOT_METRICS = ("loss", "data_loss", "regularization_loss", "learning_rate")
"""What is recorded beside the metrics; no metric may have such a name."""


class History(Mapping[str, list[float]]):
    """The values of every epoch of one `fit`, by name: a mapping of lists.

    `loss` is what was minimised: `data_loss` + `regularization_loss`. These and the metrics are means over the samples
    of an epoch, each measured before the update of its batch. `val_loss` (without regularisation) and `val_…` metrics
    were measured after the epoch, in evaluation mode. `learning_rate` is that of the epoch's last update.

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

    def record(self, values: Mapping[str, float]) -> None:
        """Add an epoch. It must have the names of those before.

        Raises:
            ValueError: it has others, or a value is no number. Nothing has been added then.
            TypeError: a value is no number. Nothing has been added then.
        """
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
        count = f"{len(self.epochs)} epoch{'' if len(self.epochs) == 1 else 's'}"
        return f"History({count}: {last})" if last else f"History({count})"

    def plot(self, path: str | Path | None = None) -> Figure:
        """Draw the loss, each metric and the learning rate over the epochs, training and validation together.

        Args:
            path: where to save the picture; its suffix (`.png`, `.svg`, `.pdf`) says as what. Default: nowhere.

        Returns:
            A matplotlib `Figure`. It needs no display, and leaves matplotlib's settings and current figure alone.

        Raises:
            ValueError: there is no epoch to draw, or the suffix is unknown.
        """
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
        from matplotlib.layout_engine import ConstrainedLayoutEngine

        if not self.epochs:
            raise ValueError("History.plot: no epoch has been finished yet, so there is nothing to draw.")
        names = [name for name in self._values if self._has_panel(name)]
        figure = Figure(figsize=(4.6 * len(names), 3.6), layout=ConstrainedLayoutEngine(wspace=0.05))
        if path is not None:
            suffixes = FigureCanvasAgg(figure).get_supported_filetypes()
            if Path(path).suffix.lower().lstrip(".") not in suffixes:
                raise ValueError(f"History.plot: cannot save as {str(path)!r}. Use one of .{', .'.join(suffixes)}.")
        for position, name in enumerate(names, start=1):
            self._draw_panel(figure.add_subplot(1, len(names), position), name)
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def _has_panel(self, name: str) -> bool:
        """Whether `name` gets a panel of its own; the other curves are drawn beside theirs."""
        return not name.startswith("val_") and name not in ("data_loss", "regularization_loss")

    def _draw_panel(self, axes: Axes, name: str) -> None:
        from matplotlib.ticker import MaxNLocator

        epochs = [epoch + 1 for epoch in self.epochs]
        few: dict[str, Any] = {"marker": "o", "markersize": 3.5} if len(epochs) <= 20 else {}
        label = "training" if f"val_{name}" in self else None
        axes.plot(epochs, self[name], color=TRAINING, linewidth=1.8, label=label, **few)
        if name == "loss" and any(self._values.get("regularization_loss", ())):
            axes.plot(
                epochs,
                self["data_loss"],
                color=TRAINING,
                linewidth=1.2,
                linestyle=":",
                label="training, without penalty",
            )
        if f"val_{name}" in self:
            axes.plot(
                epochs, self[f"val_{name}"], color=VALIDATION, linewidth=1.8, linestyle="--", label="validation", **few
            )

        axes.set_title(name.replace("_", " "), loc="left", fontsize=11, fontweight="bold")
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        margin = max(0.5, 0.02 * len(epochs))
        axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
        axes.grid(color="#dddddd", linewidth=0.7)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(color=QUIET, labelcolor="#333333", labelsize=9)
        axes.margins(y=0.08)
        if name in ("loss", "learning_rate") and axes.dataLim.ymin >= 0:
            axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
        if axes.get_legend_handles_labels()[1]:
            axes.legend(frameon=False, fontsize=9)
