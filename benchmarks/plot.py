"""Plot the ratios: for each workload, tensorgrad's time divided by that of each other library."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from table import Row

COLOURS = {
    "torch": "#d55e00", "numpy": "#0072b2", "jax": "#009e73", "mygrad": "#cc79a7", "autograd": "#e69f00",
}  # fmt: skip
"""From Okabe and Ito's palette, by the first word of a contestant's name."""

MARKERS = dict(zip(COLOURS, "Dos^v"))


def draw(rows: Sequence[Row]) -> Figure:
    """Draw a row for each workload and thread count, and a point for each library. Below 1, tensorgrad is faster.

    A short line in a peer's colour is the target against it; hollow points are PyTorch with its default Adam, and tuned
    NumPy. Contestants outside `COLOURS`, which are tensorgrad itself at other work, are left out.
    """
    shown = [row for row in rows if row.ratio is not None and peer(row) in COLOURS]
    lines = list(dict.fromkeys(map(label, shown)))
    figure = Figure(figsize=(9, 1.2 + 0.3 * len(lines)), facecolor="white", layout="constrained")
    axes = figure.add_subplot()
    for row in shown:
        assert row.ratio is not None
        height, name = lines.index(label(row)), peer(row)
        colour = COLOURS[name]
        second = "default" in row.who or "tuned" in row.who  # PyTorch and NumPy a second time: hollow
        axes.plot(
            row.ratio.median, height, MARKERS[name], color=colour, markerfacecolor="white" if second else colour,
            markersize=6, zorder=3,
        )  # fmt: skip
        axes.plot([row.ratio.low, row.ratio.high], [height, height], color=colour, linewidth=1.5, zorder=2)
        if row.ratio.at_most is not None:
            axes.plot([row.ratio.at_most] * 2, [height - 0.35, height + 0.35], color=colour, linewidth=2, alpha=0.6)
    for name in dict.fromkeys(map(peer, shown)):
        axes.plot([], [], MARKERS[name], color=COLOURS[name], label=name)
    axes.plot([], [], "|", color="#666666", markersize=10, markeredgewidth=2, label="target")
    if any("tuned" in row.who for row in shown):
        axes.plot([], [], "o", color="#666666", markerfacecolor="white", label="hollow: default Adam, tuned NumPy")
    axes.axvline(1, color="#222222", linewidth=1)
    axes.set_xscale("log")
    ticks = [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.set_yticks(range(len(lines)), lines)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    axes.set_xlabel("tensorgrad's time (memory) ÷ the peer's: left of 1 tensorgrad needs less")
    axes.grid(axis="x", color="#dddddd", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return figure


def peer(row: Row) -> str:
    """Return the first word of the contestant's name."""
    return row.who.replace(",", " ").split()[0]


def label(row: Row) -> str:
    """Return the workload and its number of threads."""
    return f"{row.workload} ({row.threads} thread{'s' if row.threads > 1 else ''})"
