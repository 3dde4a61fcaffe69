"""The loss as a function of two directions in the space of the parameters, with the paths of optimizers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import finite_number, whole_number
from nn.callbacks import Callback
from nn.module import in_mode
from nn.plots.inputs import Model, checked_model, checked_pair
from nn.plots.style import COLOURS, Picture, blank, checked_destination, colour_scale, finish, saved, surface_axes
from tensorgrad import Tensor, no_grad
from tensorgrad.arguments import with_hints

Directions = Literal["random", "pca"]
MOST_SAMPLES = 1000


class ParameterPath(Callback):
    """Callback that records the parameters at each step, or each epoch, for `loss_landscape`.

    Args:
        every: `"epoch"` or `"step"`.

    Attributes:
        states: the parameters as vectors, from the start on.

    >>> import nn
    >>> X, y = nn.datasets.spiral(20, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 3, rng=0))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    >>> track = ParameterPath()
    >>> history = model.fit(X, y, epochs=5, callbacks=[track], verbose=0)
    >>> len(track.states), track.states[0].shape
    (6, (9,))
    """

    def __init__(self, *, every: Literal["epoch", "step"] = "epoch") -> None:
        if every not in ("epoch", "step"):
            raise ValueError(f"ParameterPath: every must be 'epoch' or 'step', got {every!r}.")
        self.every = every
        self.states: list[NDArray[Any]] = []

    def on_fit_begin(self, model: Any) -> None:
        """Record the start."""
        self.states = [_vector(model)]

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        """Record a step."""
        if self.every == "step":
            self.states.append(_vector(self.model))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Record an epoch."""
        if self.every == "epoch":
            self.states.append(_vector(self.model))


@with_hints(PLOT)
def loss_landscape(
    model: Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    paths: Mapping[str, ParameterPath] | None = None,
    directions: Directions | None = None,
    surface: bool = False,
    resolution: int = 31,
    reach: float = 1.0,
    seed: int = 0,
    path: str | Path | None = None,
) -> Picture:
    """Plot the loss around the parameters of a model, in two directions.

    The axes are the distances along two directions in the space of the parameters. Random directions have, for each
    neuron, the norm of its weights, so that the scale of the weights does not matter. PCA takes the plane in which the
    recorded paths vary most; the paths are projected onto it, so that their loss differs from the map's.

    The network runs in evaluation mode on at most 1000 samples, and its parameters are restored.

    Args:
        model: a network and its loss.
        X, y: samples and targets, as for `fit`.
        paths: recorded trainings of networks of the same shape, by name.
        directions: `"random"` or `"pca"`; default: `"pca"` if there are paths.
        surface: whether to draw a surface in three dimensions instead of contours.
        resolution: the number of points along each side.
        reach: how far random directions go, in norms of the weights.
        seed: the random seed of the directions.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`, X or y are not numbers, or `paths` is no dict of paths.
        ValueError: a path is empty or of another network, `"pca"` without paths, or an option or the suffix is unknown.

    References:
        Li, Xu, Taylor, Studer, Goldstein, *Visualizing the Loss Landscape of Neural Nets*, 2018.

    >>> import nn
    >>> X, y = nn.datasets.spiral(20, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 3, rng=0))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy())
    >>> picture = loss_landscape(model, X, y, resolution=5)
    >>> picture.axes[0].get_title(loc="left")
    'Loss in two random directions'
    """
    asker = "loss_landscape"
    destination = checked_destination(asker, path)
    samples, targets = checked_pair(asker, X, y)
    checked_model(asker, model)
    if not (paths is None or isinstance(paths, Mapping)) or any(
        not isinstance(track, ParameterPath) for track in (paths or {}).values()
    ):
        raise TypeError(f"{asker}: paths must be a dict of names to nn.plots.ParameterPath, got {paths!r}.")
    tracks = {name: np.stack(track.states) for name, track in (paths or {}).items() if track.states}
    if len(tracks) < len(paths or {}):
        raise ValueError(f"{asker}: a path is empty. Pass it to fit: callbacks=[path].")
    kind: Directions = directions or ("pca" if tracks else "random")
    if kind not in get_args(Directions) or (kind == "pca" and not tracks):
        raise ValueError(f"{asker}: directions must be 'random', or 'pca' with paths, got {directions!r}.")
    count = whole_number(f"{asker}: resolution", resolution, lowest=2)
    seed = whole_number(f"{asker}: seed", seed, lowest=0)
    reach = finite_number(f"{asker}: reach", reach)
    present = _vector(model)
    for name, track in tracks.items():
        if track.shape[1] != present.size:
            raise ValueError(f"{asker}: path {name!r} has {track.shape[1]} parameters, but the model {present.size}.")

    if kind == "random":
        centre, axes_of = present, _random_directions(model, np.random.default_rng(seed))
        low, high = np.full(2, -reach), np.full(2, reach)
        places = {name: _project(track - centre, axes_of) for name, track in tracks.items()}
    else:
        centre, axes_of = _principal_directions(np.concatenate(list(tracks.values())))
        places = {name: _project(track - centre, axes_of) for name, track in tracks.items()}
        every = np.concatenate(list(places.values()))
        low, high = every.min(axis=0), every.max(axis=0)
        margin = 0.15 * np.maximum(high - low, 0.1 * (high - low).max() + 1e-12)
        low, high = low - margin, high + margin
    across, up = np.linspace(low, high, count).T
    step = -(-len(samples) // MOST_SAMPLES)
    losses = _losses(model, samples[::step], targets[::step], centre, axes_of, across, up, present)
    title = "Loss in two random directions" if kind == "random" else "Loss in the plane of the paths"
    return saved(_draw(across, up, losses, places, title, surface), destination)


def _draw(
    across: NDArray[Any],
    up: NDArray[Any],
    losses: NDArray[Any],
    places: Mapping[str, NDArray[Any]],
    title: str,
    surface: bool,
) -> Picture:
    picture = blank(7.2, 5.4)
    low = losses[losses > 0].min() if (losses > 0).any() else 1e-12
    norm = LogNorm(low, max(losses.max(), low * 1.001)) if losses.max() > 10 * low else None
    if surface:
        axes = surface_axes(picture, title, "direction 1", "direction 2", "log₁₀ loss" if norm else "loss")
        heights = np.log10(np.maximum(losses, low)) if norm else losses
        axes.plot_surface(*np.meshgrid(across, up), heights, cmap="viridis", linewidth=0, antialiased=True)
        return picture
    axes = picture.subplots()
    levels = np.geomspace(low, losses.max(), 24) if norm else 24
    filled = axes.contourf(across, up, losses, levels=levels, norm=norm, cmap="viridis")
    axes.contour(across, up, losses, levels=levels, norm=norm, colors="white", linewidths=0.3)
    ticks = np.geomspace(low, losses.max(), 6) if norm else None
    colour_scale(picture, filled, axes, "loss", format="%.2g" if norm else None, ticks=ticks)
    line = ["#ffffff", "#e69f00", "#56b4e9", "#cc79a7", "#f0e442", *COLOURS]
    for number, (name, points) in enumerate(places.items()):
        colour = line[number % len(line)]
        axes.plot(*points.T, color="black", linewidth=3.2)
        axes.plot(*points.T, color=colour, linewidth=1.8, marker=".", markersize=4, label=name)
        axes.plot(*points[-1], color=colour, marker="*", markersize=13, markeredgecolor="black")
    if not places:
        axes.plot(0, 0, color="white", marker="*", markersize=13, markeredgecolor="black")
    finish(axes, title, "direction 1", "direction 2", grid=False)
    if places:
        handles, labels = axes.get_legend_handles_labels()
        legend = axes.legend(handles, labels, loc="best", fontsize=9, facecolor="#555555", labelcolor="white")
        for text in legend.get_texts():
            text.set_parse_math(False)
    return picture


@no_grad()
def _losses(
    model: Model,
    X: NDArray[Any],
    y: NDArray[Any],
    centre: NDArray[Any],
    directions: NDArray[Any],
    across: NDArray[Any],
    up: NDArray[Any],
    present: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the loss at each point of the plane, `(up, across)`. The parameters are restored."""
    parameters = list(model.network.parameters())
    x = X.astype(parameters[0].dtype, copy=False)
    found = np.empty((len(up), len(across)))
    try:
        with in_mode(model.network, training=False):
            for row, b in enumerate(up):
                for column, a in enumerate(across):
                    _assign(parameters, centre + a * directions[0] + b * directions[1])
                    found[row, column] = model.loss(model.network(Tensor(x)), y).item()
    finally:
        _assign(parameters, present)
    largest = found[np.isfinite(found)].max(initial=1e-12)
    return np.nan_to_num(found, nan=largest, posinf=largest)


def _vector(model: Any) -> NDArray[Any]:
    return np.concatenate([parameter.numpy().ravel() for parameter in model.network.parameters()]).astype(float)


def _assign(parameters: Sequence[Tensor], vector: NDArray[Any]) -> None:
    start = 0
    for parameter in parameters:
        parameter.data[...] = vector[start : start + parameter.size].reshape(parameter.shape)
        start += parameter.size


def _random_directions(model: Model, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return two directions in which each neuron's part has the norm of its weights; 0 for biases."""
    directions = []
    for _ in range(2):
        parts = []
        for parameter in model.network.parameters():
            part = rng.standard_normal(parameter.shape)
            if parameter.ndim < 2:
                parts.append(np.zeros(parameter.size))
                continue
            own = tuple(range(parameter.ndim - 1))  # all axes but that of the neurons
            norms = np.sqrt((part**2).sum(axis=own, keepdims=True))
            parts.append((part / norms * np.sqrt((parameter.data**2).sum(axis=own, keepdims=True))).ravel())
        directions.append(np.concatenate(parts))
    return np.stack(directions)


def _principal_directions(states: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the last state, and the two directions of the largest variance around it, of length 1."""
    centre = states[-1]
    _, _, found = np.linalg.svd(states - states.mean(axis=0), full_matrices=False)
    if len(found) < 2:
        found = np.concatenate([found, np.zeros((2 - len(found), len(centre)))])
    return centre, found[:2]


def _project(points: NDArray[Any], directions: NDArray[Any]) -> NDArray[Any]:
    """Return the coordinates of the points in the plane, by least squares."""
    places: NDArray[Any] = np.linalg.lstsq(directions.T, points.T, rcond=None)[0].T
    return places
