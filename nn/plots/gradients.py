"""Gradients of a network: their size in each layer, and those of single samples."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._hints import PLOT
from nn._validation import whole_number
from nn.module import Module, in_mode
from nn.plots.inputs import Model, checked_model, checked_outputs, checked_pair
from nn.plots.signs import signed
from nn.plots.style import COLOURS, INK, Picture, blank, checked_destination, colour_scale, finish, headline, saved
from tensorgrad import Tensor
from tensorgrad.arguments import with_hints


@with_hints(PLOT)
def gradient_sizes(
    models: Model | Mapping[str, Model], X: ArrayLike, y: ArrayLike, *, path: str | Path | None = None
) -> Picture:
    """Plot the size of the gradient in each layer, for one network or several side by side.

    Each bar is the root mean square of the gradient of the loss with respect to the weights of a layer, on a
    logarithmic scale that all networks share. Bars that become shorter from the last layer to the first show a
    vanishing gradient. To compare activations, normalisation or residual connections, pass two networks.

    Copies of the networks run in training mode, so that batch normalisation and dropout act as in a training step. The
    networks themselves are not changed.

    Args:
        models: a model, or several by name.
        X, y: samples and targets, as for `fit`.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: a model is not an `nn.Model`, or X or y are not numbers.
        ValueError: there are no models, a network has no weights, a gradient is not finite, or the suffix is unknown.

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> def deep(activation):
    ...     layers = [layer for rng in range(8) for layer in (nn.Dense(16, 16, rng=rng), activation())]
    ...     return nn.Model(
    ...         nn.Sequential(nn.Dense(2, 16, rng=8), *layers, nn.Dense(16, 3, rng=9)), loss=nn.SoftmaxCrossEntropy()
    ...     )
    >>> picture = gradient_sizes({"sigmoid": deep(nn.Sigmoid), "ReLU": deep(nn.ReLU)}, X, y)
    >>> [axes.get_title(loc="left") for axes in picture.axes]
    ['sigmoid', 'ReLU']
    """
    asker = "gradient_sizes"
    destination = checked_destination(asker, path)
    named = dict(models) if isinstance(models, Mapping) else {"": models}
    if not named:
        raise ValueError(f"{asker}: expected at least one model.")
    samples, targets = checked_pair(asker, X, y)
    sizes = {name: _sizes(asker, checked_model(asker, model), samples, targets) for name, model in named.items()}

    known = [size for found in sizes.values() for size in found.values() if size > 0] or [1.0]
    low, high = 10 ** np.floor(np.log10(min(known)) - 0.3), 10 ** np.ceil(np.log10(max(known)) + 0.05)
    rows = max(map(len, sizes.values()))
    picture = blank(4.4 * len(named) + 0.6, 1.4 + 0.3 * rows)
    headline(picture, "Size of the gradient in each layer, root mean square")
    for column, (name, found) in enumerate(sizes.items(), start=1):
        axes = picture.add_subplot(1, len(named), column)
        heights = np.arange(len(found))
        shown = [size if size > 0 else np.nan for size in found.values()]
        axes.barh(heights, shown, color=COLOURS[(column - 1) % len(COLOURS)], height=0.7)
        for height, size in enumerate(found.values()):
            text = f" {size:.1e}" if size else " 0"
            axes.text(max(size, low), height, text, va="center", fontsize=8, color=INK)
        finish(axes, name)
        axes.set_xscale("log")
        axes.set_xlim(low, high * (high / low) ** 0.18)
        axes.set_ylim(rows - 0.5, -0.5)
        axes.set_yticks(heights, [label.replace("$", r"\$") for label in found])
        axes.grid(visible=False, axis="y")
    return saved(picture, destination)


@with_hints(PLOT)
def sample_gradients(
    model: Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    parameter: str | None = None,
    samples: int = 16,
    path: str | Path | None = None,
) -> Picture:
    """Plot the gradients of single samples, and their mean, which is the gradient of the batch.

    Each row is the gradient of the loss of one sample with respect to one parameter. The last row is the mean of the
    rows. Where samples disagree, they cancel: the norm of the mean is less than the mean norm.

    The network runs in evaluation mode and is not changed. The loss must be a mean over the samples.

    Args:
        model: a network and its loss.
        X, y: samples and targets, as for `fit`.
        parameter: the name of the parameter, such as `"0.weight"`; default: the last one with two axes. At most 40
            elements are shown, those of the largest mean square.
        samples: the number of rows: the first samples of X.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`, or X or y are not numbers.
        ValueError: there is no such parameter, `samples` is below 1, or the suffix is unknown.

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 3, rng=1))
    >>> picture = sample_gradients(nn.Model(network, loss=nn.SoftmaxCrossEntropy()), X, y, samples=8)
    >>> picture.axes[0].get_title(loc="left")
    'Gradients of 8 samples with respect to 2.weight'
    """
    asker = "sample_gradients"
    destination = checked_destination(asker, path)
    rows, targets = checked_pair(asker, X, y)
    count = min(whole_number(f"{asker}: samples", samples, lowest=1), len(rows))
    parameters = dict(checked_model(asker, model).network.named_parameters())
    if parameter is None:
        parameter = next((name for name, each in reversed(parameters.items()) if each.ndim == 2), "")
    if parameter not in parameters:
        raise ValueError(f"{asker}: there is no parameter {parameter!r}. Choose one of {', '.join(parameters)}.")
    tensor = parameters[parameter]
    network, pairs = model.network, [(rows[i : i + 1], targets[i : i + 1]) for i in range(count)]
    found = [_gradients(network, model.loss, *pair, [tensor], training=False)[0] for pair in pairs]
    gradients = checked_outputs(asker, np.stack(found).reshape(count, -1))
    shown = np.sort(np.argsort(-np.mean(gradients**2, axis=0), kind="stable")[:40])
    mean = gradients.mean(axis=0)
    norms = np.linalg.norm(gradients, axis=1)

    picture = blank(9.0, 1.6 + 0.24 * (count + 1))
    left, right = picture.subplots(1, 2, width_ratios=[3, 1], sharey=True)
    gap = np.full((1, len(shown)), np.nan)
    image = signed(left, np.concatenate([gradients[:, shown], gap, mean[None, shown]]))
    heights = [*range(count), count + 1]
    left.set_yticks(heights, [*map(str, range(count)), "mean"])
    colour_scale(picture, image, left, location="bottom", shrink=0.5, aspect=40, pad=0.02)
    right.barh(heights, [*norms, np.linalg.norm(mean)], color=[COLOURS[0]] * count + [COLOURS[3]], height=0.7)
    finish(left, f"Gradients of {count} samples with respect to {parameter}", y="sample", grid=False)
    of_all = "" if len(shown) == gradients.shape[1] else f", {len(shown)} of {gradients.shape[1]}"
    left.set_xlabel(f"elements{of_all}")
    left.set_xticks([])
    finish(right)
    right.set_title(f"Norms: mean {norms.mean():.2g},\nof the mean {np.linalg.norm(mean):.2g}", loc="left", fontsize=9)
    right.tick_params(labelleft=True)
    return saved(picture, destination)


def _gradients(
    network: Module, loss: Any, X: NDArray[Any], y: NDArray[Any], tensors: list[Tensor], *, training: bool
) -> list[NDArray[Any]]:
    """Return the gradients of the loss with respect to some tensors; 0 where it does not depend on them."""
    dtype = next(iter(network.parameters())).dtype
    with in_mode(network, training=training), tg.enable_grad():
        loss = loss(network(Tensor(X.astype(dtype, copy=False))), y)
    found = tg.gradient(loss, tensors, allow_unused=True)
    return [np.zeros(tensor.shape) if each is None else np.asarray(each, float) for tensor, each in zip(tensors, found)]


def _sizes(asker: str, model: Model, X: NDArray[Any], y: NDArray[Any]) -> dict[str, float]:
    """Return the root mean square of the gradient of each layer's weights, by path and class of the layer."""
    network = copy.deepcopy(model.network)  # training mode changes running statistics and random generators
    classes = {path: type(module).__name__ for path, module in network.named_modules()}
    weights = {name: tensor for name, tensor in network.named_parameters() if tensor.ndim >= 2}
    if not weights:
        raise ValueError(f"{asker}: the network has no weights, so there are no gradients to look at.")
    found = _gradients(network, model.loss, X, y, list(weights.values()), training=True)
    sizes: dict[str, float] = {}
    for name, gradient in zip(weights, found):
        layer, _, own = name.rpartition(".")
        label = f"{layer} {classes[layer]}".strip() + ("" if own == "weight" else f" {own}")
        sizes[label] = float(np.sqrt(np.mean(checked_outputs(asker, gradient) ** 2)))
    return sizes
