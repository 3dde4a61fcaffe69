"""Decision boundaries of classifiers with two features."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import whole_number
from nn.plots.decisions import Decisions, decide, labels_of
from nn.plots.inputs import Model, checked_model, checked_names, checked_pair, percent
from nn.plots.style import COLOURS, INK, MARKERS, Picture, blank, checked_destination, finish, legend_beside, saved
from tensorgrad.arguments import with_hints

MARGIN = 0.08
"""Margin around the samples, as a fraction of the width and height."""

FAINT, STRONG = 0.12, 0.5
"""Opacity of a region where the model is uncertain, and where it is certain."""


@dataclass(frozen=True)
class Map:
    """Decisions of a model on a grid.

    Attributes:
        x, y: the grid's coordinates, `(columns,)` and `(rows,)`.
        scores: `(rows, columns, classes)`.
        certainty: `(rows, columns)`.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    scores: NDArray[Any]
    certainty: NDArray[Any]


@with_hints(PLOT)
def decision_boundary(
    model: Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    names: Sequence[str] | None = None,
    resolution: int = 200,
    path: str | Path | None = None,
) -> Picture:
    """Plot the class that the model predicts at each point of the plane, together with the samples.

    Colours are stronger where the model is more certain. Misclassified samples have a black edge.

    Args:
        model: it has one output per class (the largest decides), or a single output for class 1: a logit with
            `SigmoidBinaryCrossEntropy`, otherwise a probability.
        X: samples `(samples, 2)`.
        y: their classes: numbers `(samples,)` or `(samples, 1)`, or one-hot rows.
        names: the names of the classes; default: their numbers.
        resolution: the number of grid points along each side.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Returns:
        A matplotlib `Figure`.

    Raises:
        TypeError: `model` is not an `nn.Model`, or X or y are not numbers.
        ValueError: X does not have two features, y does not fit, the model returns NaN or infinity, or the suffix is
            unknown.

    >>> import nn
    >>> X, y = nn.datasets.vertical(20, 2, rng=0)
    >>> model = nn.Model(nn.Sequential(nn.Dense(2, 2, rng=0)), loss=nn.SoftmaxCrossEntropy())
    >>> picture = nn.plots.decision_boundary(model, X, y, resolution=20)
    >>> picture.axes[0].get_title(loc="left")
    'Decision boundary: 30 % of 40 samples are right'
    """
    asker = "decision_boundary"
    destination = checked_destination(asker, path)
    points, targets = checked_plane(asker, X, y)
    found = decide(asker, checked_model(asker, model), points)
    labels = labels_of(asker, targets, found.scores.shape[1])
    shown_names = checked_names(asker, names, found.scores.shape[1])
    picture = blank(5.6 + 0.08 * max(10, *map(len, shown_names)), 5.2)
    axes = picture.subplots()
    draw_map(axes, survey(asker, model, points, whole_number(f"{asker}: resolution", resolution, lowest=2)))
    draw_samples(axes, points, labels, shown_names)
    wrong = found.classes != labels
    if wrong.any():
        label = f"wrong ({wrong.sum()})"
        size = 2.2 * size_of_points(len(points))
        across, up = points[wrong].T
        axes.scatter(across, up, s=size, facecolor="none", edgecolor="black", linewidth=1.4, label=label)
    share = percent(1 - wrong.mean())
    finish(axes, f"Decision boundary: {share} of {len(points)} samples are right", "X[:, 0]", "X[:, 1]", grid=False)
    legend_beside(axes)
    return saved(picture, destination)


def checked_plane(asker: str, X: ArrayLike, y: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return X and y as validated arrays, where X has two features.

    Raises:
        TypeError, ValueError: as for `checked_pair`, or X does not have two features.
    """
    points, targets = checked_pair(asker, X, y)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{asker}: X must have two features, (samples, 2), got shape {points.shape}.")
    return points, targets


def survey(asker: str, model: Model, points: NDArray[Any], resolution: int) -> Map:
    """Return the model's decisions on a grid over the points and a margin around them."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    margin = np.where(high > low, MARGIN * (high - low), 1.0)
    x, y = np.linspace(low - margin, high + margin, resolution).T
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    found: Decisions = decide(asker, model, grid)
    shape = (resolution, resolution)
    return Map(x, y, found.scores.reshape(*shape, -1), found.certainty.reshape(shape))


def draw_map(axes: Axes, area: Map) -> None:
    """Colour the regions of the classes, and draw the boundaries between them."""
    classes = area.scores.shape[-1]
    colours = ListedColormap([COLOURS[label % len(COLOURS)] for label in range(classes)])
    axes.imshow(
        area.scores.argmax(axis=-1),
        extent=(area.x[0], area.x[-1], area.y[0], area.y[-1]),
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        cmap=colours,
        vmin=-0.5,
        vmax=classes - 0.5,
        alpha=FAINT + (STRONG - FAINT) * area.certainty.astype(float),
    )
    for label in range(classes if classes > 2 else 1):
        lead = area.scores[..., label] - np.delete(area.scores, label, axis=-1).max(axis=-1)
        if lead.min() < 0 < lead.max():
            axes.contour(area.x, area.y, lead, levels=[0.0], colors=[INK], linewidths=0.9)
    axes.set_box_aspect(1)


def draw_samples(
    axes: Axes, points: NDArray[Any], labels: NDArray[np.intp], names: Sequence[str], scale: float = 1.0
) -> None:
    """Draw the samples, with a colour and shape per class."""
    for label, name in enumerate(names):
        x, y = points[labels == label].T
        axes.scatter(
            x,
            y,
            s=scale * size_of_points(len(points)),
            color=COLOURS[label % len(COLOURS)],
            marker=MARKERS[(label + label // len(COLOURS)) % len(MARKERS)],
            edgecolor="white",
            linewidth=0.5,
            label=name,
        )


def size_of_points(count: int) -> float:
    """Return the marker size in square points, which decreases with the number of samples."""
    return float(np.clip(min(6000 / count, 400 / count**0.5), 5, 110))
