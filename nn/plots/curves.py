"""Learning curves: loss, metrics and learning rate over the epochs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nn.plots.style import INK, TRAINING, VALIDATION, Picture, blank, finish

BESIDE_THE_LOSS = ("data_loss", "regularization_loss")
PANELS_IN_A_ROW = 4


def curves(history: Mapping[str, Sequence[float]]) -> Picture:
    """Plot a panel for each recorded value, training and validation together, and the loss with its components.

    Args:
        history: the values of every epoch, by name, as `nn.History` has them. At least one epoch.
    """
    names = [name for name in history if not name.startswith("val_") and name not in BESIDE_THE_LOSS]
    columns = min(len(names), PANELS_IN_A_ROW)
    rows = -(-len(names) // columns)
    picture = blank(4.4 * columns, 3.6 * rows)
    for position, name in enumerate(names, start=1):
        _draw_panel(picture.add_subplot(rows, columns, position), history, name)
    return picture


def _draw_panel(axes: Axes, history: Mapping[str, Sequence[float]], name: str) -> None:
    epochs = range(1, len(history[name]) + 1)
    style: dict[str, Any] = {"linewidth": 1.8} | ({"marker": "o", "markersize": 3.5} if len(epochs) <= 20 else {})
    validated = f"val_{name}" in history
    axes.plot(epochs, history[name], color=TRAINING, label="training" if validated else None, **style)
    if name == "loss" and any(history.get("regularization_loss", ())):
        label = "training, without penalty"
        axes.plot(epochs, history["data_loss"], color=TRAINING, linewidth=1.2, linestyle=":", label=label)
    if validated:
        axes.plot(epochs, history[f"val_{name}"], color=VALIDATION, linestyle="--", label="validation", **style)

    finish(axes, name.replace("_", " "), "epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    margin = max(0.5, 0.02 * len(epochs))
    axes.set_xlim(epochs[0] - margin, epochs[-1] + margin)
    axes.margins(y=0.08)
    if name in ("loss", "learning_rate") and axes.dataLim.ymin >= 0:
        axes.set_ylim(0, 1.08 * axes.dataLim.ymax or 1)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
