"""Plots of regression models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn.plots.inputs import Model, checked_model, checked_outputs, checked_pair
from nn.plots.style import COLOURS, INK, QUIET, Picture, blank, checked_destination, finish, saved
from tensorgrad.arguments import with_hints

STEPS = 400
"""Number of points at which the curve is computed."""


@with_hints(PLOT)
def regression_fit(model: Model, X: ArrayLike, y: ArrayLike, *, path: str | Path | None = None) -> Picture:
    """Plot a model's predictions together with the data.

    With one feature, the data and the model's curve are plotted over the feature. With more, the prediction of each
    sample is plotted over its target, where a perfect model lies on the diagonal. There is one panel per output.

    Args:
        model: a model whose outputs are real numbers.
        X: samples `(samples, features)`.
        y: targets `(samples, outputs)`, or `(samples,)` for a single output.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Returns:
        A matplotlib `Figure`. The titles show R², the fraction of the targets' variance that the model explains: 1 is
        perfect, 0 is no better than predicting the mean.

    Raises:
        TypeError: `model` is not an `nn.Model`, or X or y are not numbers.
        ValueError: the shape of the outputs differs from y, they are not finite, or the suffix is unknown.

    >>> import nn
    >>> X, y = nn.datasets.sine(100)
    >>> model = nn.Model(nn.Sequential(nn.Dense(1, 1, weight_init=nn.init.zeros())), loss=nn.MeanSquaredError())
    >>> nn.plots.regression_fit(model, X, y).axes[0].get_title(loc="left")
    'Fit: R² = 0.000, mean absolute error 0.64'
    """
    asker = "regression_fit"
    destination = checked_destination(asker, path)
    samples, targets = checked_pair(asker, X, y)
    if samples.ndim != 2:
        raise ValueError(f"{asker}: X must be (samples, features), got shape {samples.shape}.")
    predictions = _column(checked_outputs(asker, checked_model(asker, model).predict(samples)))
    targets = _column(targets)
    if predictions.shape != targets.shape or targets.ndim != 2:
        raise ValueError(f"{asker}: the model gives outputs of shape {predictions.shape}, but y has {targets.shape}.")

    outputs = targets.shape[1]
    one_feature = samples.shape[1] == 1
    picture = blank((6.0 if one_feature else 5.2) * outputs, 4.4)
    for number, axes in enumerate(picture.subplots(1, outputs, squeeze=False)[0]):
        wanted, given = targets[:, number], predictions[:, number]
        if one_feature:
            _draw_curve(axes, model, samples[:, 0], wanted, number)
        else:
            _draw_against(axes, wanted, given)
        name = "Fit" if outputs == 1 else f"Output {number}"
        labels = ("X[:, 0]", "y") if one_feature else ("target", "prediction")
        finish(axes, f"{name}: {_quality(wanted, given)}", *labels)
        axes.legend(frameon=False, fontsize=9, labelcolor=INK)
    return saved(picture, destination)


def _column(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, None] if values.ndim == 1 else values


def _draw_curve(axes: Axes, model: Model, x: NDArray[Any], wanted: NDArray[Any], output: int) -> None:
    curve = np.linspace(x.min(), x.max(), STEPS)[:, None]
    values = _column(model.predict(curve))[:, output]
    axes.scatter(x, wanted, s=16, color=COLOURS[4], linewidth=0, label="data")
    axes.plot(curve[:, 0], values, color=COLOURS[3], linewidth=1.8, label="model")


def _draw_against(axes: Axes, wanted: NDArray[Any], given: NDArray[Any]) -> None:
    low, high = min(wanted.min(), given.min()), max(wanted.max(), given.max())
    axes.plot([low, high], [low, high], color=QUIET, linestyle="--", linewidth=1.2, label="perfect")
    axes.scatter(wanted, given, s=14, facecolor="none", edgecolor=COLOURS[0], linewidth=0.9, label="samples")
    axes.set_box_aspect(1)


def _quality(wanted: NDArray[Any], given: NDArray[Any]) -> str:
    errors = np.subtract(given, wanted, dtype=float)
    spread = np.var(wanted, dtype=float)
    explained = f"R² = {1 - np.mean(errors**2) / spread:.3f}, " if spread else ""
    return f"{explained}mean absolute error {np.mean(np.abs(errors)):.2g}"
