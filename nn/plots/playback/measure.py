"""Measurements of a recorded training: pictures of neurons, weights, decisions and gradients for each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import tensorgrad as tg
from nn.layers import Conv2D, Dense
from nn.losses import BinaryCrossEntropy, CategoricalCrossEntropy, SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy
from nn.module import in_mode
from nn.plots.boundary import MARGIN
from nn.plots.decisions import labels_of
from nn.plots.inputs import Model, checked_names, checked_outputs
from nn.plots.playback.columns import Column, columns_of, outputs_of
from tensorgrad import Tensor

SIDES = 20, 40
"""Fewest and most points along each side of the plane of the inputs."""

ALONG = 121
"""Points along the axis of a single input."""

MOST_POINTS = 9_000_000
"""Maximum number of points in the pictures of all frames, which keeps the page below 3 MB."""

MOST_SAMPLES = 500
"""Maximum number of samples evaluated in each frame. If there are more, evenly spaced ones are used."""

MOST_IMAGES = 24
"""Maximum number of images whose predictions are shown."""

Kind = Literal["curve", "plane", "weights", "means"]
State = Mapping[str, NDArray[Any]]
CLASSIFIERS = BinaryCrossEntropy, CategoricalCrossEntropy, SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy


@dataclass(frozen=True)
class Layer:
    """Column of the page over all frames.

    Attributes:
        column: the layer of the network.
        kind: the pictures of its neurons: outputs over the axis of the input or the plane of the inputs, weights as
            images, or the mean output for each class.
        pictures: `(frames, neurons shown, height, width)`. The height of curves is 1.
        weights: `(frames, inputs shown, neurons shown)`; None if they are not lines.
        bias: `(frames, neurons shown)`; None without a bias.
        gradient: `(frames,)`, the root mean square of the gradient of the loss with respect to the weights.
    """

    column: Column
    kind: Kind
    pictures: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    bias: NDArray[np.float32] | None
    gradient: NDArray[np.float64]


@dataclass(frozen=True)
class Film:
    """Contents of the page.

    Attributes:
        epochs: the completed epochs at each frame.
        history: the values of each epoch, by name.
        layers: the columns.
        names: the names of the classes; empty for regression.
        samples: `(samples, features)` with one or two features, or images `(samples, height, width)`; otherwise None.
        targets: class numbers or values, for each sample.
        extent: left, right, bottom and top of the plane; for one feature, the limits of a plot over it. None unless the
            samples have one or two features.
        outputs: probabilities `(frames, classes, height, width)` or values `(frames, 1, height, width)` over the plane;
            for one feature, the height is 1. None without an extent.
        chosen: `(frames, images)`, the predicted class of each image; None if there are no images or no classes.
        right: `(frames,)`, the fraction of samples that are classified correctly; None for regression.
    """

    epochs: list[int]
    history: dict[str, list[float]]
    layers: list[Layer]
    names: list[str]
    samples: NDArray[Any] | None
    targets: NDArray[Any]
    extent: tuple[float, float, float, float] | None
    outputs: NDArray[np.float32] | None
    chosen: NDArray[np.intp] | None
    right: NDArray[np.float64] | None


def measure(
    model: Model,
    history: Mapping[str, Sequence[float]],
    states: Sequence[State],
    epochs: Sequence[int],
    X: NDArray[Any],
    y: NDArray[Any],
    names: Sequence[str] | None,
    image_shape: tuple[int, ...] | None,
) -> Film:
    """Measure the network in every recorded state, and restore its current state."""
    network = model.network
    dtype = next(iter(network.parameters())).dtype
    every = -(-len(X) // MOST_SAMPLES)
    X, y = X[::every].astype(dtype), y[::every]
    present = network.state_dict()
    try:
        output, results = outputs_of(network, X)
        moved = {name: np.abs(states[-1][name] - states[0][name]) for name in states[0]}
        columns = columns_of(network, results, moved)
        if not columns:
            raise ValueError("Playground: the network calls no Dense or Conv2D layer, so there are no neurons to draw.")
        classifies = isinstance(model.loss, CLASSIFIERS)
        if isinstance(model.loss, (BinaryCrossEntropy, SigmoidBinaryCrossEntropy)) and output.shape[-1] > 1:
            raise ValueError(
                f"Playground: with {type(model.loss).__name__} each of the {output.shape[-1]} outputs is a separate "
                "yes-or-no answer, not a class. Record a model with a single output."
            )
        classes = max(output.shape[-1], 2) if classifies else 0
        labels = labels_of("Playground", y, classes) if classifies else y
        shown_names = checked_names("Playground", names, classes) if classifies else []
        pictures = len(states) * (sum(len(column.shown) for column in columns) + max(classes, 1))
        side = int(np.clip((MOST_POINTS / pictures) ** 0.5, *SIDES))
        targets = labels if classifies else labels.reshape(len(labels), -1)[:, 0]
        heights = np.array([0.0, 1.0]) if classifies else targets
        grid, extent = _grid(X, heights, side) if X.shape[1:] in ((1,), (2,)) else (None, None)
        kinds = [_kind(column, grid, image_shape) for column in columns]
        frames = []
        for state in states:
            network.load_state_dict(state)
            frames.append(_frame(model, columns, kinds, X, y, labels if classifies else None, grid, image_shape))
    finally:
        network.load_state_dict(present)

    layers = [
        Layer(
            column,
            kind,
            np.stack([frame.pictures[number] for frame in frames]),
            _lines(columns, number, states, grid),
            _biases(column, states),
            np.array([frame.gradients[number] for frame in frames]),
        )
        for number, (column, kind) in enumerate(zip(columns, kinds))
    ]
    images = None
    if image_shape is not None and grid is None:
        images = X[:MOST_IMAGES].reshape(-1, *image_shape)
        images = images.mean(axis=-1) if images.ndim == 4 else images
    shows_choices = images is not None and classifies
    return Film(
        epochs=list(epochs),
        history={name: [float(value) for value in values] for name, values in history.items()},
        layers=layers,
        names=shown_names,
        samples=X if grid is not None else images,
        targets=targets,
        extent=extent,
        outputs=np.stack([frame.outputs for frame in frames]) if grid is not None else None,
        chosen=np.stack([frame.chosen for frame in frames])[:, :MOST_IMAGES] if shows_choices else None,
        right=np.array([np.mean(frame.chosen == labels) for frame in frames]) if classifies else None,
    )


@dataclass(frozen=True)
class _Frame:
    pictures: list[NDArray[np.float32]]
    gradients: list[float]
    outputs: NDArray[np.float32]
    chosen: NDArray[np.intp]


def _frame(
    model: Model,
    columns: Sequence[Column],
    kinds: Sequence[Kind],
    X: NDArray[Any],
    y: NDArray[Any],
    labels: NDArray[np.intp] | None,
    grid: NDArray[Any] | None,
    image_shape: tuple[int, ...] | None,
) -> _Frame:
    """Measure the network in its current state."""
    output, results = outputs_of(model.network, X)
    seen = results
    over_grid = np.zeros(0, np.float32)
    if grid is not None:
        there, seen = outputs_of(model.network, grid.astype(X.dtype))
        over_grid = _over_grid(_scores(model, there), grid.shape[1])
    pictures = [
        _pictures(column, kind, seen[column.output][2].data, labels, image_shape)
        for column, kind in zip(columns, kinds)
    ]
    with in_mode(model.network, training=False), tg.enable_grad():
        loss = model.loss(model.network(Tensor(X)), y)
        weights = [column.module.weight for column in columns]
        gradients = tg.gradient(loss, weights, allow_unused=True)
    return _Frame(
        pictures,
        [0.0 if each is None else float(np.sqrt(np.mean(np.asarray(each, float) ** 2))) for each in gradients],
        checked_outputs("Playground", over_grid.astype(np.float32)),
        _scores(model, output).argmax(axis=-1),
    )


def _kind(column: Column, grid: NDArray[Any] | None, image_shape: tuple[int, ...] | None) -> Kind:
    if grid is not None:
        return "plane" if grid.shape[1] == 2 else "curve"
    if isinstance(column.module, Conv2D):
        return "weights"
    is_first = image_shape is not None and not column.follows and column.module.inputs == np.prod(image_shape)
    return "weights" if is_first else "means"


def _pictures(
    column: Column,
    kind: Kind,
    values: NDArray[Any],
    labels: NDArray[np.intp] | None,
    image_shape: tuple[int, ...] | None,
) -> NDArray[np.float32]:
    """Return the pictures of the neurons that are shown, `(neurons, height, width)`."""
    if kind in ("curve", "plane"):
        found = _over_grid(values[:, column.shown], 2 if kind == "plane" else 1)
    elif kind == "weights":
        weight = column.module.weight.data[..., column.shown]
        if isinstance(column.module, Dense):
            assert image_shape is not None
            weight = weight.reshape(*image_shape, len(column.shown))
        images = np.moveaxis(weight, -1, 0)
        found = images.mean(axis=-1) if images.ndim == 4 else images  # over the channels
    else:
        flat = values.reshape(len(values), -1, column.neurons).mean(axis=1)[:, column.shown]
        groups = [flat] if labels is None else [flat[labels == label] for label in range(labels.max() + 1)]
        means = [group.mean(axis=0) if len(group) else np.zeros(len(column.shown)) for group in groups]
        found = np.stack(means, axis=-1)[:, None, :]
    return checked_outputs("Playground", found.astype(np.float32))


def _lines(
    columns: Sequence[Column], number: int, states: Sequence[State], grid: NDArray[Any] | None
) -> NDArray[np.float32] | None:
    """Return the weights between the neurons that are shown."""
    column = columns[number]
    if column.follows:
        rows = columns[number - 1].shown
    elif number == 0 and grid is not None and isinstance(column.module, Dense):
        rows = np.arange(grid.shape[1])
    else:
        return None
    name = f"{column.path}.weight".lstrip(".")
    return np.stack([state[name][np.ix_(rows, column.shown)] for state in states]).astype(np.float32)


def _biases(column: Column, states: Sequence[State]) -> NDArray[np.float32] | None:
    name = f"{column.path}.bias".lstrip(".")
    if name not in states[0]:
        return None
    return np.stack([state[name][column.shown] for state in states]).astype(np.float32)


def _scores(model: Model, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return probabilities `(samples, classes)`, or the values `(samples, 1)` of a regression."""
    outputs = outputs.reshape(len(outputs), -1)
    if not isinstance(model.loss, CLASSIFIERS):
        return outputs[:, :1]
    probabilities = model.loss.probabilities(outputs)
    if probabilities.shape[1] > 1:
        return probabilities
    return np.concatenate([1 - probabilities, probabilities], axis=1)


def _over_grid(values: NDArray[Any], features: int) -> NDArray[Any]:
    """Reshape `(points, pictures)` to `(pictures, side, side)` for two features, or `(pictures, 1, points)` for one."""
    side = round(len(values) ** 0.5) if features == 2 else 1
    return values.T.reshape(values.shape[1], side, -1)


def _grid(X: NDArray[Any], heights: NDArray[Any], side: int) -> tuple[NDArray[Any], tuple[float, float, float, float]]:
    """Return the points of a grid over the samples, and the extent of the picture.

    Points in a plane are ordered by row, from the top. With one feature, `heights` determine the vertical extent.
    """
    if X.shape[1] == 1:
        across, up = _range(X[:, 0]), _range(heights)
        return np.linspace(*across, ALONG)[:, None], (*across, *up)
    (left, right), (bottom, top) = _range(X[:, 0]), _range(X[:, 1])
    points = np.meshgrid(np.linspace(left, right, side), np.linspace(top, bottom, side))
    return np.stack(points, axis=-1).reshape(-1, 2), (left, right, bottom, top)


def _range(values: NDArray[Any]) -> tuple[float, float]:
    """Return the smallest and the largest value, with a margin."""
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) if high > low else 1.0
    return low - margin, high + margin
