"""Pictures of trainings, and of trained models."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from showing import shows

import nn
import tensorgrad as tg

SECTION = "Training"
MODELS = "Trained models"
METHODS = "Optimization"


@cache
def spiral() -> Any:
    """Train a classifier of a spiral, and return it with its data, its history and its callbacks."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    validation = nn.datasets.spiral(50, 3, rng=1)
    he = nn.init.he()
    network = nn.Sequential(
        nn.Dense(2, 64, weight_init=he, rng=0),
        nn.ReLU(),
        nn.Dense(64, 64, weight_init=he, rng=1),
        nn.ReLU(),
        nn.Dense(64, 3, rng=2),
    )
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01, decay=1e-3)
    accuracy = nn.CategoricalAccuracy()
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[accuracy], rng=0)
    strip = nn.plots.BoundaryStrip(X, y, epochs=8)
    statistics = nn.plots.LayerStatistics(X, y, every=5)
    callbacks = [strip, statistics]
    history = model.fit(X, y, epochs=120, batch_size=64, validation_data=validation, callbacks=callbacks, verbose=0)
    return model, validation, history, strip, statistics


@shows(SECTION, "Playground of a training", ".html")
def playground() -> Any:
    """What every neuron computes, the weights, the decisions and the gradients, epoch by epoch. Press Play."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    he = nn.init.he()
    network = nn.Sequential(
        nn.Dense(2, 8, weight_init=he, rng=4), nn.ReLU(), nn.Dense(8, 8, weight_init=he, rng=1), nn.ReLU(),
        nn.Dense(8, 3, rng=2),
    )  # fmt: skip
    optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    recorder = nn.plots.Playground(X, y)
    model.fit(X, y, epochs=100, batch_size=64, callbacks=[recorder], verbose=0)
    return recorder


@shows(SECTION, "Playground of images", ".html")
def playground_digits() -> Any:
    """For images, the first layer's weights are images, and predictions take the place of the decision boundary."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 16, rng=0), nn.ReLU(), nn.Dense(16, 10, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    recorder = nn.plots.Playground(X_test, y_test)
    model.fit(X, y, epochs=30, batch_size=64, callbacks=[recorder], verbose=0)
    return recorder


@shows(SECTION, "Playground of a history", ".html")
def playground_history() -> Any:
    """A history has the curves of all epochs. The neurons, the weights and the decisions are those of the last one."""
    model, validation, history, _, _ = spiral()
    return nn.plots.playground(model, history, *validation)


@shows(SECTION, "Loss and metrics")
def history() -> Any:
    """The history of a training, with its validation."""
    _, _, history, _, _ = spiral()
    return history.plot()


@shows(SECTION, "Decision boundary over the training")
def strip() -> Any:
    """The callback `BoundaryStrip` records the decision boundary at several moments."""
    _, _, _, strip, _ = spiral()
    return strip.plot()


@shows(SECTION, "The same, as an animation", ".gif")
def strip_animated() -> Any:
    """Strips save `.gif`, `.mp4` and a page with a slider."""
    _, _, _, strip, _ = spiral()
    return strip


@shows(SECTION, "Any picture during the training", ".gif")
def live(path: Path) -> None:
    """The callback `LivePlot` draws any figure while the model trains: in a notebook, into a file or as an animation.

    Here, it is what a small network makes of a sine.
    """
    X, y = nn.datasets.sine(200)
    network = nn.Sequential(nn.Dense(1, 16, weight_init=nn.init.he(), rng=0), nn.Tanh(), nn.Dense(16, 1, rng=1))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.Adam(network.parameters(), 0.02))
    live = nn.plots.LivePlot(lambda model: nn.plots.regression_fit(model, X, y), path=path, every=40)
    model.fit(X, y, epochs=400, callbacks=[live], verbose=0)


@shows(SECTION, "Layers before and after")
def layers() -> Any:
    """The callback `LayerStatistics` compares activations and gradients with those at the start."""
    *_, statistics = spiral()
    return statistics.plot_layers()


@shows(SECTION, "Size of the updates")
def updates() -> Any:
    """The size of each step relative to the parameters; about 1e-3 is healthy."""
    *_, statistics = spiral()
    return statistics.plot_updates()


@shows(SECTION, "Dead and saturated units")
def health() -> Any:
    """Fractions of dead and saturated units, and the gradients that arrive."""
    *_, statistics = spiral()
    return statistics.plot_health()


@shows(MODELS, "Decision boundary")
def boundary() -> Any:
    """The class at each point of the plane. Colours are stronger where the model is more certain."""
    model, validation, *_ = spiral()
    return nn.plots.decision_boundary(model, *validation)


@shows(MODELS, "Activations and gradients")
def histograms() -> Any:
    """The outputs of each layer, and the gradients that reach them."""
    model, validation, *_ = spiral()
    return nn.plots.layer_histograms(model, *validation)


@shows(MODELS, "Regression")
def regression() -> Any:
    """The fit of a sine, and its errors."""
    X, y = nn.datasets.sine(200)
    start = nn.init.normal(0.1)
    dense = [nn.Dense(a, b, weight_init=start, rng=a) for a, b in [(1, 64), (64, 64), (64, 1)]]
    network = nn.Sequential(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])
    optimizer = nn.Adam(network.parameters(), learning_rate=0.005, decay=1e-3)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer)
    model.fit(X, y, epochs=300, verbose=0)
    return nn.plots.regression_fit(model, X, y)


@shows(MODELS, "Confusion matrix")
def confusion() -> Any:
    """Which digits are mistaken for which."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 32, rng=0), nn.Tanh(), nn.Dense(32, 10, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(X, y, epochs=8, batch_size=64, verbose=0)
    return nn.plots.confusion_matrix(y_test, model.predict(X_test))


@shows(MODELS, "Scikit-learn's displays")
def sklearn_displays() -> Any:
    """ROC, precision-recall and calibration curves are scikit-learn's, which take the estimators of `nn.sklearn`."""
    from sklearn.calibration import CalibrationDisplay
    from sklearn.metrics import PrecisionRecallDisplay, RocCurveDisplay

    X, y = nn.datasets.spiral(200, 2, rng=0)
    test = nn.datasets.spiral(200, 2, rng=1)
    estimator = nn.sklearn.Classifier((64, 64), epochs=40, random_state=0).fit(X, y)
    figure = Figure(figsize=(13, 4.2), layout="constrained")
    displays = {
        "ROC": RocCurveDisplay,
        "Precision and recall": PrecisionRecallDisplay,
        "Calibration": CalibrationDisplay,
    }
    for (title, display), axes in zip(displays.items(), figure.subplots(1, 3)):
        display.from_estimator(estimator, *test, ax=axes, name="nn.sklearn")
        axes.set_title(title, loc="left", fontweight="bold")
    return figure


@shows(METHODS, "Gradient descent, step by step", ".gif")
def descent() -> Any:
    """`Animation` shows figures one after the other. Here, momentum carries gradient descent out of a valley."""

    def height(x: Any) -> Any:
        return x**4 - 3 * x**2 + x

    def steps() -> Iterator[Figure]:
        x, velocity, curve = 2.0, 0.0, np.linspace(-2.1, 2.1, 200)
        for number in range(25):
            figure = Figure(figsize=(5, 3.5), layout="constrained")
            axes = figure.subplots()
            axes.plot(curve, height(curve), color="gray")
            axes.plot(x, height(x), "o", color="#d55e00", markersize=10)
            axes.set(xlabel="x", ylabel="x⁴ − 3x² + x")
            axes.set_title(f"step {number}: x is {x:.2f}", loc="left", fontweight="bold")
            axes.spines[["top", "right"]].set_visible(False)
            yield figure
            velocity = 0.8 * velocity - 0.02 * tg.grad(height)(x).item()
            x += velocity

    return nn.plots.Animation(steps(), seconds=0.15)


@shows(METHODS, "Paths of optimizers")
def landscape() -> Any:
    """The loss in the plane in which three recorded trainings vary most. Stars are their ends."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    paths = {}
    for name, optimizer in {"SGD": nn.SGD, "RMSprop": nn.RMSprop, "Adam": nn.Adam}.items():
        network = nn.Sequential(nn.Dense(2, 32, weight_init=nn.init.he(), rng=0), nn.ReLU(), nn.Dense(32, 3, rng=1))
        steps = optimizer(network.parameters(), learning_rate=0.5 if name == "SGD" else 0.01)
        model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=steps, rng=0)
        paths[name] = nn.plots.ParameterPath()
        model.fit(X, y, epochs=60, batch_size=32, callbacks=[paths[name]], verbose=0)
    return nn.plots.loss_landscape(model, X, y, paths=paths)


@shows(METHODS, "Loss landscape")
def surface() -> Any:
    """The loss around a trained model, in two random directions."""
    model, validation, *_ = spiral()
    return nn.plots.loss_landscape(model, *validation, surface=True, resolution=25)


@shows(METHODS, "Learning-rate finder")
def learning_rates() -> Any:
    """The loss while the learning rate grows from step to step."""
    X, y, _, _ = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 32, rng=0), nn.ReLU(), nn.Dense(32, 10, rng=1))
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()))
    return nn.plots.learning_rate_finder(model, X, y)


@shows(METHODS, "Vanishing gradients")
def vanishing() -> Any:
    """The size of the gradient in each layer of a deep network, with sigmoid and with ReLU."""

    def deep(activation: Any, start: Any) -> nn.Model:
        sizes = [(2, 16), *[(16, 16)] * 8, (16, 3)]
        dense = [nn.Dense(*size, weight_init=start, rng=rng) for rng, size in enumerate(sizes)]
        layers = [layer for each in dense[:-1] for layer in (each, activation())]
        return nn.Model(nn.Sequential(*layers, dense[-1]), loss=nn.SoftmaxCrossEntropy())

    X, y = nn.datasets.spiral(100, 3, rng=0)
    models = {"Sigmoid, Glorot": deep(nn.Sigmoid, nn.init.glorot()), "ReLU, He": deep(nn.ReLU, nn.init.he())}
    return nn.plots.gradient_sizes(models, X, y)


@shows(METHODS, "Normalisation and shortcuts")
def healthy() -> Any:
    """Batch normalisation and residual connections keep the gradients of a deep sigmoid network large."""

    def deep(*blocks: nn.Module) -> nn.Model:
        network = nn.Sequential(nn.Dense(2, 16, rng=20), *blocks, nn.Dense(16, 3, rng=21))
        return nn.Model(network, loss=nn.SoftmaxCrossEntropy())

    X, y = nn.datasets.spiral(100, 3, rng=0)
    dense = [nn.Dense(16, 16, rng=rng) for rng in range(6)]
    models = {
        "Sigmoid": deep(*(nn.Sequential(each, nn.Sigmoid()) for each in dense)),
        "Batch normalisation": deep(*(nn.Sequential(each, nn.BatchNorm(16), nn.Sigmoid()) for each in dense)),
        "Shortcuts": deep(*(nn.Residual(each, nn.Sigmoid()) for each in dense)),
    }
    return nn.plots.gradient_sizes(models, X, y)


@shows(METHODS, "Gradients of single samples")
def samples() -> Any:
    """Each row is the gradient of one sample. Their mean, the gradient of the batch, is shorter: samples disagree."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 8, rng=0), nn.Tanh(), nn.Dense(8, 3, rng=1))
    order = np.random.default_rng(0).permutation(len(X))
    return nn.plots.sample_gradients(nn.Model(network, loss=nn.SoftmaxCrossEntropy()), X[order], y[order])
