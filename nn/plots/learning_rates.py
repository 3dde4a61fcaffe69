"""The learning-rate range test: train with rates that grow from step to step, and plot the loss."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import finite_number, whole_number
from nn.module import in_mode
from nn.plots.inputs import Model, checked_model, checked_pair
from nn.plots.style import COLOURS, INK, Picture, blank, checked_destination, finish, legend_beside, saved
from tensorgrad import Tensor, enable_grad
from tensorgrad.arguments import with_hints

DIVERGED = 4.0
"""The test ends when the smoothed loss is this many times its minimum."""

SMOOTHING = 0.9
"""Fraction of the previous value in the smoothed loss."""


@with_hints(PLOT)
def learning_rate_finder(
    model: Model,
    X: ArrayLike,
    y: ArrayLike,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 100,
    batch_size: int = 32,
    seed: int = 0,
    path: str | Path | None = None,
) -> Picture:
    """Train with learning rates that grow from step to step, and plot the loss over the rate.

    A good rate is one at which the loss still falls. A tenth of the rate of the lowest loss, a common choice, is
    marked, unless the loss is lowest at the first rates, as for a trained model. Where the loss rises, the rate is too
    large. The test ends early if the loss diverges. Afterwards, parameters, buffers and the optimizer are restored.
    Random generators of layers, such as those of `Dropout`, have advanced.

    Args:
        model: a model with an optimizer.
        X, y: samples and targets, as for `fit`.
        low, high: the first and the last learning rate.
        steps: the number of steps.
        batch_size: the number of samples of a step.
        seed: the random seed of the batches.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: `model` is not an `nn.Model`, or X or y are not numbers.
        ValueError: there is no optimizer, the range is empty, the loss is not finite at the first step, or the suffix
            is unknown.

    References:
        Smith, *Cyclical Learning Rates for Training Neural Networks*, 2017.

    >>> import nn
    >>> X, y = nn.datasets.spiral(100, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 16, rng=0), nn.ReLU(), nn.Dense(16, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    >>> picture = learning_rate_finder(model, X, y, steps=40)
    >>> picture.axes[0].get_xscale()
    'log'
    """
    asker = "learning_rate_finder"
    destination = checked_destination(asker, path)
    samples, targets = checked_pair(asker, X, y)
    checked_model(asker, model)
    if getattr(model, "optimizer", None) is None:
        raise ValueError(f"{asker}: the model has no optimizer. Pass nn.Model(..., optimizer=...).")
    low, high = finite_number(f"{asker}: low", low), finite_number(f"{asker}: high", high)
    if not 0 < low < high:
        raise ValueError(f"{asker}: expected 0 < low < high, got low={low!r} and high={high!r}.")
    count = whole_number(f"{asker}: steps", steps, lowest=3)
    size = min(whole_number(f"{asker}: batch_size", batch_size, lowest=1), len(samples))
    rates = np.geomspace(low, high, count)
    losses = _losses(
        asker,
        model,
        samples,
        targets,
        rates,
        size,
        np.random.default_rng(whole_number(f"{asker}: seed", seed, lowest=0)),
    )

    smooth = _smoothed(losses)
    tried = rates[: len(losses)]
    picture = blank(7.2, 4.2)
    axes = picture.subplots()
    axes.plot(tried, losses, color=COLOURS[0], linewidth=0.8, alpha=0.5, label="loss of each batch")
    axes.plot(tried, smooth, color=COLOURS[0], linewidth=2, label="smoothed")
    best = suggested(tried, smooth)
    if best >= low:
        label = f"a tenth of the rate\nof the lowest loss: {best:.1e}"
        axes.axvline(best, color=INK, linestyle="--", linewidth=1.2, label=label)
    finish(axes, "Loss over the learning rate", "learning rate", "loss")
    axes.set_xscale("log")
    top = max(float(smooth[0]), float(smooth.min())) * 1.6
    axes.set_ylim(max(0.0, float(losses.min()) - 0.1 * top), top)
    legend_beside(axes)
    return saved(picture, destination)


def suggested(rates: NDArray[np.float64], smooth: NDArray[np.float64]) -> float:
    """Return a tenth of the rate at which the smoothed loss is lowest.

    >>> rates = np.geomspace(1e-3, 1, 31)
    >>> round(suggested(rates, (np.log10(rates) + 1) ** 2), 4)
    0.01
    """
    return float(rates[smooth.argmin()] / 10)


def _smoothed(losses: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the exponential moving average, corrected for its start at 0."""
    smooth, average = np.empty_like(losses), 0.0
    for step, loss in enumerate(losses):
        average = SMOOTHING * average + (1 - SMOOTHING) * loss
        smooth[step] = average / (1 - SMOOTHING ** (step + 1))
    return smooth


def _losses(
    asker: str,
    model: Any,
    X: NDArray[Any],
    y: NDArray[Any],
    rates: NDArray[np.float64],
    size: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Return the loss of each step, up to the step that diverges. Network and optimizer are restored."""
    network, optimizer = model.network, model.optimizer
    state, moments = network.state_dict(), copy.deepcopy(optimizer.state_dict())
    dtype = next(iter(network.parameters())).dtype
    order: list[int] = []
    losses: list[float] = []
    try:
        optimizer.decay = 0.0
        with in_mode(network, training=True), enable_grad():
            for each in rates:
                while len(order) < size:
                    order += rng.permutation(len(X)).tolist()
                rows, order = order[:size], order[size:]
                loss = model.loss(network(Tensor(X[rows].astype(dtype, copy=False))), y[rows])
                losses.append(loss.item())
                if not np.isfinite(losses[-1]) or losses[-1] > DIVERGED * (min(losses) + 1e-12) + losses[0]:
                    break
                optimizer.zero_grad()
                loss.backward()
                optimizer.learning_rate = float(each)
                optimizer.step()
    finally:
        optimizer.zero_grad()
        network.load_state_dict(state)
        optimizer.load_state_dict(moments)  # with the learning rate and its decay
    if not np.isfinite(losses[0]):
        raise ValueError(f"{asker}: the loss is {losses[0]} before the first step.")
    return np.array([loss for loss in losses if np.isfinite(loss)])
