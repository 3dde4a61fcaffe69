"""Callback that records layer statistics during training, and plots of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._validation import whole_number
from nn.callbacks import Callback
from nn.plots.activity import Layer, examine
from nn.plots.histograms import draw_layers
from nn.plots.inputs import checked_pair
from nn.plots.over_time import draw_health, draw_updates
from nn.plots.style import Picture, checked_destination, saved
from tensorgrad import Tensor

MOST_LOOKS = 256
"""Beyond this number, every other measurement is discarded and the interval doubles, which bounds memory."""


class LayerStatistics(Callback):
    """Callback that records statistics of layers and updates during `Model.fit`, and plots them.

    At regular intervals it runs the samples forward and backward through the network, in evaluation mode and without
    affecting the training, and measures the following update of each parameter. Training is unaffected: the weights are
    the same bit for bit as without the callback.

    Args:
        X, y: samples and targets for the measurements; a few hundred of the training samples are enough.
        every: the number of steps between measurements. It doubles whenever there are more than 256 measurements.

    Raises:
        TypeError, ValueError: X or y are not numbers or differ in length, or `every` is below 1.

    Attributes:
        steps: for each measurement, the number of completed optimizer steps, including those before training was
            resumed.
        layers: for each measurement, a list of `Layer` in the order of the network.
        ratios: for each parameter and measurement, the update-to-data ratio ‖change‖ / ‖value‖; NaN where the value is
            0.

    The ratio follows Andrej Karpathy (notes for Stanford's CS231n, "Ratio of weights:updates"; the lecture on makemore,
    part 3, uses standard deviations): about 1e-3 is appropriate, much less is slow, much more is unstable.

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    >>> statistics = nn.plots.LayerStatistics(X, y, every=10)
    >>> history = model.fit(X, y, epochs=30, callbacks=[statistics], verbose=0)
    >>> statistics.steps
    [0, 10, 20]
    >>> [layer.name for layer in statistics.layers[-1]], list(statistics.ratios)
    (['0 Dense', '1 Tanh', '2 Dense'], ['0.weight', '0.bias', '2.weight', '2.bias'])
    """

    def __init__(self, X: ArrayLike, y: ArrayLike, *, every: int = 10) -> None:
        self.samples, self.targets = checked_pair("LayerStatistics", X, y)
        self.every = whole_number("LayerStatistics: every", every, lowest=1)
        self._start()

    def _start(self) -> None:
        self.steps: list[int] = []
        self.layers: list[list[Layer]] = []
        self.ratios: dict[str, list[float]] = {}
        self._period = self.every
        self._first = self._finished = 0
        self._seen: list[Layer] = []
        self._before: dict[str, NDArray[Any]] = {}

    def on_fit_begin(self, model: Any) -> None:
        """Discard the previous fit, and list the trainable parameters."""
        self._start()
        self._first = self._finished = model.optimizer.iterations
        self.ratios = {name: [] for name, _ in model.network.named_parameters()}

    def on_gradients(self, step: int) -> None:
        """Measure the layers, and store the parameters, if a measurement is due."""
        if (self._finished - self._first) % self._period == 0:
            self._seen = examine("LayerStatistics", self.model, self.samples, self.targets)
            self._before = {name: value.numpy() for name, value in self._parameters().items()}

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        """Measure the update that follows a measurement of the layers."""
        if self._before:
            self.steps.append(self._finished)
            self.layers.append(self._seen)
            for name, value in self._parameters().items():
                self.ratios[name].append(update_ratio(self._before[name], value.array))
            self._before = {}
            if len(self.steps) > MOST_LOOKS:
                self._forget_every_other_look()
        self._finished += 1

    def plot_layers(self, path: str | Path | None = None) -> Picture:
        """Plot the layers at the last measurement and, in outline, at the first: see `layer_histograms`.

        Args:
            path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

        Raises:
            ValueError: nothing has been recorded, or the suffix is unknown.
        """
        destination = self._checked(path)
        first = self.layers[0] if len(self.layers) > 1 else ()
        moments = f"after {self.steps[-1]:,} steps", f"after {self.steps[0]:,} steps"
        return saved(draw_layers(self.layers[-1], first, moments), destination)

    def plot_updates(self, path: str | Path | None = None) -> Picture:
        """Plot the update-to-data ratio of each parameter over the steps.

        Args:
            path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

        Raises:
            ValueError: nothing has been recorded, or the suffix is unknown.
        """
        destination = self._checked(path)
        return saved(draw_updates(self.steps, self.ratios), destination)

    def plot_health(self, path: str | Path | None = None) -> Picture:
        """Plot the fractions of dead units and saturated activations, and the gradient that arrives, over the steps.

        Args:
            path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

        Raises:
            ValueError: nothing has been recorded, or the suffix is unknown.
        """
        destination = self._checked(path)
        return saved(draw_health(self.steps, self.layers), destination)

    def _parameters(self) -> dict[str, Tensor]:
        return {name: tensor for name, tensor in self.model.network.named_state() if name in self.ratios}

    def _forget_every_other_look(self) -> None:
        del self.steps[1::2], self.layers[1::2]
        for ratios in self.ratios.values():
            del ratios[1::2]
        self._period *= 2

    def _checked(self, path: str | Path | None) -> Path | None:
        if not self.steps:
            raise ValueError("LayerStatistics: nothing was seen yet. Pass it to fit: callbacks=[statistics].")
        return checked_destination("LayerStatistics", path)


def update_ratio(before: NDArray[Any], after: NDArray[Any]) -> float:
    """‖after - before‖ / ‖before‖; NaN if `before` is 0.

    >>> update_ratio(np.array([3.0, 4.0]), np.array([3.0, 4.5]))
    0.1
    """
    size = float(np.linalg.norm(before.astype(float)))
    return float(np.linalg.norm(after.astype(float) - before)) / size if size else float("nan")
