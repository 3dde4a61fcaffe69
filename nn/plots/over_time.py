"""Plots over the training steps: layer statistics and update sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import MaxNLocator, PercentFormatter

from nn.plots.activity import Layer
from nn.plots.style import COLOURS, DASHES, GRID, INK, Picture, blank, colour_scale, finish, legend_beside

MOST_CURVES = 8
"""Maximum number of layers or parameters that are drawn as curves. More are drawn as rows of colours."""
ROW = 0.24
"""Height of such a row, in inches."""

GUIDE = 1e-3
"""The recommended order of magnitude of the update-to-data ratio."""


def draw_updates(steps: Sequence[int], ratios: Mapping[str, Sequence[float]]) -> Picture:
    """Plot the update-to-data ratio of each parameter on a logarithmic scale, with a line at the recommended value.

    More than 8 parameters are drawn as rows of colours; the title then names the recommended value.
    """
    title = "Update-to-data ratio, ‖change‖ / ‖value‖"
    if len(ratios) > MOST_CURVES:
        picture = blank(8.0, 1.2 + ROW * len(ratios))
        _draw_rows(picture, picture.subplots(), steps, ratios, f"{title} (about right: 1e-3)", log=True)
        return picture
    picture = blank(8.0, 4.2)
    axes = picture.subplots()
    axes.axhline(GUIDE, color=INK, linewidth=1.6, label="about right: 1e-3")
    _draw(axes, steps, ratios, title, log=True)
    return picture


def draw_health(steps: Sequence[int], looks: Sequence[Sequence[Layer]]) -> Picture:
    """Plot the fractions of saturated and dead units, and the gradient that arrives, for each layer.

    Args:
        steps: the step of each measurement.
        looks: the layer statistics of each measurement.
    """
    layers = {layer.name: [_find(look, layer.name) for look in looks] for layer in looks[0]}
    shares: dict[str, list[float]] = {}
    for name, seen in layers.items():
        if any(layer and layer.dead is not None for layer in seen):
            shares[f"{name}: dead"] = [(layer.dead or 0) / layer.units if layer else np.nan for layer in seen]
        if any(layer and layer.saturated is not None for layer in seen):
            shares[f"{name}: saturated"] = [layer.saturated or 0.0 if layer else np.nan for layer in seen]
    gradients = {name: [layer.gradient if layer else np.nan for layer in seen] for name, seen in layers.items()}

    heights = [max(3.4, 1.2 + ROW * len(curves)) for curves in (shares, gradients) if curves]
    picture = blank(8.0, sum(heights))
    panels = list(picture.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0])
    if shares:
        title = "Fractions of dead units and of saturated activations"
        if len(shares) > MOST_CURVES:
            _draw_rows(picture, panels[0], steps, shares, title, log=False)
        else:
            _draw(panels[0], steps, shares, title, log=False)
            panels[0].set_ylim(-0.03, 1.03)
            panels[0].yaxis.set_major_formatter(PercentFormatter(1.0))
    title = "Gradients that arrive, root mean square"
    if len(gradients) > MOST_CURVES:
        _draw_rows(picture, panels[-1], steps, gradients, title, log=True)
    else:
        _draw(panels[-1], steps, gradients, title, log=True)
    return picture


def _draw_rows(
    picture: Picture, axes: Axes, steps: Sequence[int], curves: Mapping[str, Sequence[float]], title: str, *, log: bool
) -> None:
    """Draw a row of colours for each layer, the first layer at the top."""
    values = np.array(list(curves.values()), float)
    positive = values[np.isfinite(values) & (values > 0)]
    norm: Normalize = Normalize(0, 1)
    if log:
        low, high = (positive.min(), positive.max()) if positive.size else (0.1, 1.0)
        norm = LogNorm(low, high if high > low else 10 * low)
        values = np.where(values > 0, values, np.nan)  # a logarithmic scale cannot show 0
    step = np.diff(steps).min() if len(steps) > 1 else 1
    edges = [*steps, steps[-1] + step]
    mesh = axes.pcolormesh(edges, np.arange(len(values) + 1), values, norm=norm, cmap="cividis")
    scale = None if log else PercentFormatter(1.0)
    colour_scale(picture, mesh, axes, format=scale, aspect=30, pad=0.02)
    finish(axes, title, "step", grid=False)
    axes.set_facecolor(GRID)
    axes.set_yticks(np.arange(len(values)) + 0.5, list(curves), fontsize=8, parse_math=False)
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _find(look: Sequence[Layer], name: str) -> Layer | None:
    return next((layer for layer in look if layer.name == name), None)


def _draw(axes: Axes, steps: Sequence[int], curves: Mapping[str, Sequence[float]], title: str, *, log: bool) -> None:
    for number, (name, values) in enumerate(curves.items()):
        shown = [value or np.nan for value in values] if log else values  # a logarithmic axis cannot show 0
        colour, dashes = COLOURS[number % len(COLOURS)], DASHES[number % len(DASHES)]
        axes.plot(steps, shown, label=name, linewidth=1.5, color=colour, linestyle=dashes)
    finish(axes, title, "step")
    if log:
        axes.set_yscale("log")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    legend_beside(axes)
