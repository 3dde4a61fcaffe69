"""Histograms of the activations and gradients of a network's layers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from nn._hints import PLOT
from nn.plots.activity import DECADES, Histogram, Layer, examine
from nn.plots.inputs import Model, checked_model, checked_outputs, checked_pair, percent
from nn.plots.style import COLOURS, INK, Picture, blank, checked_destination, finish, legend_below, saved
from tensorgrad.arguments import with_hints

COLOURS_OF = {"activations": COLOURS[0], "gradients": COLOURS[1]}
HEADROOM = 1.45
"""Height of a panel whose highest bar is 1, with space for a line of text."""


@with_hints(PLOT)
def layer_histograms(model: Model, X: ArrayLike, y: ArrayLike, *, path: str | Path | None = None) -> Picture:
    """Plot the distribution of each layer's output for some samples, and of the gradient of the loss that arrives.

    The left column shows the nonzero activations, with the fraction of zeros, the dead units (0 for every sample) and,
    for `Tanh` and `Sigmoid`, the fraction that is saturated: within 1.5 % of the range from a bound, where the gradient
    nearly vanishes. The right column shows the magnitudes of the gradient's elements on a logarithmic scale common to
    all layers. Magnitudes that shrink from the last layer to the first indicate a vanishing gradient.

    The network is evaluated in evaluation mode and is not changed.

    Args:
        model: a network and its loss.
        X, y: samples and targets, as for `fit`; a few hundred are enough.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Returns:
        A matplotlib `Figure`.

    Raises:
        TypeError: `model` is not an `nn.Model`, or X or y are not numbers.
        ValueError: the network has no parameters, X or y do not fit it, a layer returns NaN or infinity, or the suffix
            is unknown.

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.ReLU(), nn.Dense(8, 3, rng=1))
    >>> picture = nn.plots.layer_histograms(nn.Model(network, loss=nn.SoftmaxCrossEntropy()), X, y)
    >>> [axes.get_ylabel() for axes in picture.axes[::2]]
    ['0 Dense', '1 ReLU', '2 Dense']
    """
    destination = checked_destination("layer_histograms", path)
    samples, targets = checked_pair("layer_histograms", X, y)
    layers = examine("layer_histograms", checked_model("layer_histograms", model), samples, targets)
    for layer in layers:
        checked_outputs(f"layer_histograms: in layer {layer.name}", np.array([layer.std, layer.gradient]))
    return saved(draw_layers(layers), destination)


def draw_layers(
    layers: Sequence[Layer], before: Sequence[Layer] = (), moments: tuple[str, str] = ("now", "before")
) -> Picture:
    """Draw a row for each layer, with the previous state in outline.

    Args:
        layers: the current statistics of the layers.
        before: the previous statistics of the same layers; empty to omit them.
        moments: the labels of the current and the previous state.
    """
    picture = blank(9.0, 1.0 + 1.2 * len(layers))
    panels = picture.subplots(len(layers), 2, squeeze=False)
    sizes = _decades([layer.gradients for layer in (*layers, *before)])
    earlier = {layer.name: layer for layer in before}
    for row, layer in enumerate(layers):
        left, right = panels[row]
        for axes, of in ((left, "activations"), (right, "gradients")):
            _draw(axes, getattr(layer, of), moments[0], fill=COLOURS_OF[of])
            if layer.name in earlier:
                _draw(axes, getattr(earlier[layer.name], of), moments[1], fill=None)
        right.set_xscale("log")
        right.set_xlim(*sizes)
        _note(left, _health(layer))
        _note(right, f"root mean square {layer.gradient:.1e}" if layer.gradient else "no gradient arrives")
        finish(left, "Activations, zeros left out" if row == 0 else "", y=layer.name, grid=False)
        finish(right, "Sizes of their gradients" if row == 0 else "", grid=False)
        left.set_ylabel(layer.name, parse_math=False)
    if before:
        legend_below(picture, panels[0, 0])
    return picture


def _draw(axes: Axes, histogram: Histogram, label: str, *, fill: str | None) -> None:
    """Draw bars of this colour, or a dashed outline, scaled to the height of the panel."""
    heights = histogram.counts / max(histogram.counts.max(), 1)
    if fill:
        axes.stairs(heights, histogram.edges, fill=True, color=fill, alpha=0.75, label=label)
    else:
        axes.stairs(heights, histogram.edges, color=INK, linewidth=1.0, linestyle="--", label=label)
    axes.set_ylim(0, HEADROOM)
    axes.set_yticks([])


def _note(axes: Axes, text: str) -> None:
    axes.text(0.995, 0.97, text, transform=axes.transAxes, ha="right", va="top", fontsize=9, color=INK)


def _health(layer: Layer) -> str:
    notes = [f"std {layer.std:.2g}"]
    if layer.saturated is not None:
        notes.append(f"saturated {percent(layer.saturated)}")
    if layer.dead is not None:
        notes += [f"zeros {percent(layer.zeros)}", f"dead {layer.dead} of {layer.units}"]
    return ",  ".join(notes)


def _decades(histograms: Sequence[Histogram]) -> tuple[float, float]:
    """Return the powers of ten that enclose the data, except the lowest and highest 0.5 % of each histogram."""
    shares = [np.cumsum(each.counts) / each.counts.sum() for each in histograms if each.counts.any()]
    if not shares:
        return 1e-3, 1.0
    first = min(np.searchsorted(share, 0.005, side="right") for share in shares)
    last = max(np.searchsorted(share, 0.995) for share in shares)
    low, high = np.log10([DECADES[first], DECADES[last + 1]])
    return float(10 ** np.floor(low + 0.01)), float(10 ** np.ceil(high - 0.01))
