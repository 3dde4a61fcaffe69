"""The style of figures does not depend on Matplotlib's settings."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
import pytest
from matplotlib.figure import Figure

import nn
from nn import plots
from nn.plots.playback.figures import figures
from nn.plots.style import png

X, y = nn.datasets.spiral(20, 3, rng=0)


class Everything:
    """A small trained model, the callbacks of its training, and a deep and a convolutional network."""

    def __init__(self) -> None:
        self.model = self.classifier(8, 2)
        self.strip = plots.BoundaryStrip(X, y, epochs=2, resolution=20)
        self.statistics = plots.LayerStatistics(X, y)
        self.path, self.recorder = plots.ParameterPath(), plots.Playground(X, y)
        callbacks = [self.strip, self.statistics, self.path, self.recorder]
        self.model.fit(X, y, epochs=3, callbacks=callbacks, validation_data=(X, y), verbose=0)
        self.deep = plots.LayerStatistics(X, y)
        self.classifier(4, 9).fit(X, y, epochs=3, callbacks=[self.deep], verbose=0)
        layers = nn.Conv2D(1, 3, 3, rng=0), nn.ReLU(), nn.Flatten(), nn.Dense(108, 2, rng=1)
        self.images = nn.Model(nn.Sequential(*layers), loss=nn.SoftmaxCrossEntropy())
        self.line = nn.Model(nn.Sequential(nn.Dense(1, 1, rng=0)), loss=nn.MeanSquaredError())

    @staticmethod
    def classifier(width: int, depth: int) -> nn.Model:
        sizes = [2] + [width] * (depth - 1)
        hidden = [layer for rng, size in enumerate(sizes) for layer in (nn.Dense(size, width, rng=rng), nn.ReLU())]
        network = nn.Sequential(*hidden, nn.Dense(width, 3, rng=99))
        return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()), rng=0)


@pytest.fixture(scope="module")
def made() -> Everything:
    return Everything()


IMAGES = np.random.default_rng(0).random((2, 8, 8, 1))

FIGURES: dict[str, Callable[[Everything], Figure | plots.Animation]] = {
    "History.plot": lambda made: made.model.history.plot(),
    "BoundaryStrip.plot": lambda made: made.strip.plot(),
    "LayerStatistics.plot_layers": lambda made: made.statistics.plot_layers(),
    "LayerStatistics.plot_updates": lambda made: made.statistics.plot_updates(),
    "LayerStatistics.plot_health": lambda made: made.statistics.plot_health(),
    "LayerStatistics.plot_health, deep": lambda made: made.deep.plot_health(),
    "attention_maps": lambda made: plots.attention_maps(np.full((2, 3, 3), 1 / 3), queries=["a", "b", "c"]),
    "confusion_matrix": lambda made: plots.confusion_matrix(y, made.model.predict(X)),
    "decision_boundary": lambda made: plots.decision_boundary(made.model, X, y, resolution=20),
    "detection_boxes": lambda made: plots.detection_boxes(IMAGES[0], [[1, 1, 5, 5]], labels=["a"], title="boxes"),
    "embedding": lambda made: plots.embedding(np.random.default_rng(0).normal(size=(60, 4)), labels=y),
    "feature_maps": lambda made: plots.feature_maps(made.images, IMAGES[0]),
    "gates": lambda made: plots.gates(nn.LSTM(1, 3, rng=0), IMAGES[0, 0]),
    "gradient_sizes": lambda made: plots.gradient_sizes({"a": made.model, "b": made.model}, X, y),
    "image_grid": lambda made: plots.image_grid(IMAGES, titles=["a", "b"], title="images"),
    "layer_histograms": lambda made: plots.layer_histograms(made.model, X, y),
    "learning_rate_finder": lambda made: plots.learning_rate_finder(Everything.classifier(4, 2), X, y, steps=15),
    "loss_landscape": lambda made: plots.loss_landscape(made.model, X, y, resolution=5),
    "loss_landscape, paths": lambda made: plots.loss_landscape(made.model, X, y, resolution=5, paths={"a": made.path}),
    "loss_landscape, surface": lambda made: plots.loss_landscape(made.model, X, y, resolution=5, surface=True),
    "receptive_field": lambda made: plots.receptive_field(nn.Conv2D(1, 1, 3, rng=0), (8, 8, 1)),
    "regression_fit": lambda made: plots.regression_fit(made.line, X[:, :1], X[:, 1:]),
    "saliency": lambda made: plots.saliency(made.images, IMAGES),
    "sample_gradients": lambda made: plots.sample_gradients(made.model, X, y, samples=3),
    "weights": lambda made: plots.weights(made.images),
    "Playground": lambda made: next(iter(figures(made.recorder.film(), [0]))),
    "convolution_steps": lambda made: plots.convolution_steps(np.eye(2), [[1, -1], [0, 1]]),
    "matmul_steps": lambda made: plots.matmul_steps([[1, -2]], [[3], [4]]),
}

OTHERS = {"Animation", "LayerStatistics", "LivePlot", "NetworkDrawing", "ParameterPath", "network", "playground"}


def test_settings_are_tried_with_every_plot() -> None:
    assert {name.split(",")[0].split(".")[0] for name in FIGURES} | OTHERS == {
        *plots.__all__, "History"
    }  # fmt: skip


def pixels(picture: Figure | plots.Animation) -> Any:
    if isinstance(picture, Figure):
        picture.set_layout_engine("none")  # most of the time of drawing
    drawn = png(picture, 40) if isinstance(picture, Figure) else picture.frames[-1]
    return mpl.image.imread(io.BytesIO(drawn))


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_the_same_on_a_dark_background(name: str, made: Everything) -> None:
    with matplotlib.style.context("dark_background"):
        found = pixels(FIGURES[name](made))
    np.testing.assert_array_equal(found, pixels(FIGURES[name](made)))
