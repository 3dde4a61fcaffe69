"""The playground: what it measures is the model's, training does not notice it, and the page is safe."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.plots import Playground
from nn.plots.playback.figures import figures
from tests.nn.test_plots import fit_with

X, y = nn.datasets.spiral(30, 3, rng=0)


class Snapshots(nn.Callback):
    """Copies the parameters before training and after every epoch."""

    def on_fit_begin(self, model: Any) -> None:
        self.states = [model.network.state_dict()]

    def on_epoch_end(self, epoch: int, logs: Any) -> None:
        self.states.append(self.model.network.state_dict())


def unpacked(html: str) -> tuple[dict[str, Any], bytes]:
    """Read the data of a page as its scripts do."""
    film, arrays = re.findall(r'<script type="application/[^>]*>(.*?)</script>', html, re.DOTALL)
    return json.loads(film), zlib.decompress(base64.b64decode(arrays))


def numbers(block: bytes, described: dict[str, Any]) -> np.ndarray[Any, Any]:
    size = int(np.prod(described["shape"]))
    if described["kind"] == "float":
        return np.frombuffer(block, "<f4", size, described["offset"]).reshape(described["shape"])
    steps = np.frombuffer(block, np.int8, size, described["offset"]).reshape(described["shape"])
    scale = numbers(block, described["scale"])[..., None, None]
    return np.cumsum(steps, axis=-1, dtype=np.int8) * scale / 63


def test_playground_changes_no_bit_of_the_training() -> None:
    recorder = Playground(X, y)
    recorded, alone = fit_with(recorder, epochs=5), fit_with(epochs=5)
    before = recorded.network.state_dict()
    assert recorder.html.startswith("<!DOCTYPE html>")
    for name, value in alone.network.state_dict().items():
        np.testing.assert_array_equal(before[name], value)
        np.testing.assert_array_equal(recorded.network.state_dict()[name], value, "saving restores the parameters")
    assert dict(recorded.history) == dict(alone.history)


def test_playground_measures_each_epoch_as_by_hand() -> None:
    recorder, snapshots = Playground(X, y), Snapshots()
    model = fit_with(recorder, snapshots, epochs=4)
    film = recorder.film()
    assert film.epochs == [0, 1, 2, 3, 4]
    assert [layer.column.title for layer in film.layers] == ["Dense, ReLU", "Dense"]
    assert film.extent is not None
    assert film.right is not None
    assert film.outputs is not None
    left, right, bottom, top = film.extent
    side = film.outputs.shape[-1]
    across, up = np.meshgrid(np.linspace(left, right, side), np.linspace(top, bottom, side))
    grid = np.stack([across.ravel(), up.ravel()], axis=1)
    for frame, state in enumerate(snapshots.states):
        first, last = (np.asarray(state[f"{place}.weight"], float) for place in "03")
        shifts = [np.asarray(state[f"{place}.bias"], float) for place in "03"]
        np.testing.assert_array_equal(film.layers[0].weights[frame], state["0.weight"])  # type: ignore[index]
        np.testing.assert_array_equal(film.layers[1].bias[frame], state["3.bias"])  # type: ignore[index]
        hidden = np.maximum(grid @ first + shifts[0], 0)
        shown = film.layers[0].pictures[frame].reshape(8, -1).T
        np.testing.assert_allclose(shown, hidden, rtol=1e-4, atol=1e-5)
        powers = np.exp(hidden @ last + shifts[1])
        seen = film.outputs[frame].reshape(3, -1).T
        np.testing.assert_allclose(seen, powers / powers.sum(axis=1, keepdims=True), rtol=1e-3, atol=1e-5)

        inner = np.maximum(X @ first + shifts[0], 0)
        logits = inner @ last + shifts[1]
        assert film.right[frame] == np.mean(logits.argmax(axis=1) == y)
        powers = np.exp(logits)
        slope = (powers / powers.sum(axis=1, keepdims=True) - np.eye(3)[y]) / len(X)
        for layer, gradient in zip(film.layers, (X.T @ (slope @ last.T * (inner > 0)), inner.T @ slope)):
            np.testing.assert_allclose(layer.gradient[frame], np.sqrt(np.mean(gradient**2)), rtol=1e-3)
    assert film.history["loss"] == list(model.history["loss"])


def test_playground_page_has_the_numbers() -> None:
    recorder = Playground(X, y, names=["a", "b", "<script>window.hacked = 1</script>"])
    fit_with(recorder, epochs=3)
    film, (shown, block) = recorder.film(), unpacked(recorder.html)
    assert shown["names"] == film.names
    assert shown["history"] == film.history
    for layer, described in zip(film.layers, shown["layers"], strict=True):
        np.testing.assert_array_equal(numbers(block, described["weights"]), layer.weights)
        np.testing.assert_array_equal(numbers(block, described["bias"]), layer.bias)
        error = np.abs(numbers(block, described["pictures"]) - layer.pictures).max(axis=(-2, -1))
        assert (error <= np.abs(layer.pictures).max(axis=(-2, -1)) / 125).all()
        assert described["gradient"] == list(layer.gradient)
    roots = numbers(block, shown["outputs"])
    assert film.outputs is not None
    is_clear = np.diff(np.sort(film.outputs, axis=1)[:, -2:], axis=1)[:, 0] > 1e-3
    assert (roots.argmax(axis=1) == film.outputs.argmax(axis=1))[is_clear].all()
    assert "<script>window" not in recorder.html


def test_playground_of_images_shows_weights_and_predictions() -> None:
    rng = np.random.default_rng(0)
    images, labels = rng.random((40, 5, 4)), rng.integers(0, 3, 40)
    first, last = nn.Dense(20, 32, rng=0), nn.Dense(32, 3, rng=1)
    network = nn.Sequential(nn.Flatten(), first, nn.ReLU(), last)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters()), rng=0)
    recorder = Playground(images, labels)
    start = first.weight.numpy()
    model.fit(images, labels, epochs=3, callbacks=[recorder], verbose=0)
    film = recorder.film()
    hidden, output = film.layers
    furthest = np.linalg.norm(first.weight.data - start, axis=0).argsort()[-16:]
    np.testing.assert_array_equal(hidden.column.shown, np.sort(furthest))
    assert (hidden.kind, hidden.weights, output.kind) == ("weights", None, "means")
    np.testing.assert_array_equal(hidden.pictures[-1], first.weight.data[:, hidden.column.shown].T.reshape(-1, 5, 4))
    logits = model.predict(images)
    means = [logits[labels == label].mean(axis=0) for label in range(3)]
    np.testing.assert_allclose(output.pictures[-1][:, 0], np.stack(means, axis=1), rtol=1e-5)
    assert film.chosen is not None
    np.testing.assert_array_equal(film.chosen[-1], logits.argmax(axis=1)[:24])
    np.testing.assert_array_equal(output.weights[-1], last.weight.data[hidden.column.shown])  # type: ignore[index]


def test_playground_shows_filters_and_regression_and_one_output() -> None:
    rng = np.random.default_rng(0)
    images, values = rng.random((10, 6, 6, 2)), rng.random((10, 1))
    filters = nn.Conv2D(2, 4, 3, rng=0)
    network = nn.Sequential(filters, nn.ReLU(), nn.Flatten(), nn.Dense(64, 1, rng=1))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters()))
    recorder = Playground(images, values)
    model.fit(images, values, epochs=2, callbacks=[recorder], verbose=0)
    film = recorder.film()
    np.testing.assert_allclose(
        film.layers[0].pictures[-1], filters.weight.data.mean(axis=2).transpose(2, 0, 1), rtol=1e-6
    )
    assert (film.names, film.right, film.chosen) == ([], None, None)

    network = nn.Sequential(nn.Dense(2, 4, rng=0), nn.Tanh(), nn.Dense(4, 1, rng=1))
    model = nn.Model(network, loss=nn.SigmoidBinaryCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    targets = (X[:, :1] > 0).astype(float)
    recorder = Playground(X, targets)
    model.fit(X, targets, epochs=2, callbacks=[recorder], verbose=0)
    film = recorder.film()
    assert film.outputs is not None
    assert film.right is not None
    np.testing.assert_allclose(film.outputs.sum(axis=1), 1, rtol=1e-6)
    assert film.right[-1] == np.mean((model.predict(X) > 0) == targets)


def test_playground_of_one_feature_shows_curves_and_the_fit() -> None:
    x = np.linspace(-1, 1, 30, dtype=np.float32)[:, None]
    network = nn.Sequential(nn.Dense(1, 4, rng=0), nn.Tanh(), nn.Dense(4, 1, rng=1))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), learning_rate=0.1))
    recorder = Playground(x, np.sin(3 * x))
    model.fit(x, np.sin(3 * x), epochs=2, callbacks=[recorder], verbose=0)
    film, (shown, block) = recorder.film(), unpacked(recorder.html)
    assert film.extent == pytest.approx((-1.16, 1.16, -1.16, 1.16), abs=1e-2)  # 8 % more on each side
    points = np.linspace(*film.extent[:2], 121)[:, None]
    hidden = network[1](network[0](points.astype(np.float32))).data
    assert [layer.kind for layer in film.layers] == ["curve", "curve"]
    np.testing.assert_allclose(film.layers[0].pictures[-1], hidden.T[:, None], atol=1e-6)
    np.testing.assert_allclose(numbers(block, shown["outputs"])[-1, 0, 0], model.predict(points)[:, 0], atol=1e-6)
    np.testing.assert_array_equal(film.layers[0].weights[-1], network[0].weight.data)  # type: ignore[index]
    (figure,) = figures(film, [2])
    fit = next(line for axes in figure.axes for line in axes.lines if len(line.get_xdata()) == 121 and axes.collections)
    np.testing.assert_array_equal(fit.get_ydata(), film.outputs[-1, 0, 0])  # type: ignore[index]

    network = nn.Sequential(nn.Dense(1, 1, rng=0))
    model = nn.Model(network, loss=nn.SigmoidBinaryCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    recorder = Playground(x, (x > 0).astype(int))
    model.fit(x, (x > 0).astype(int), epochs=1, callbacks=[recorder], verbose=0)
    film = recorder.film()
    assert film.outputs is not None
    expected = 1 / (1 + np.exp(-model.predict(points)[:, 0]))
    np.testing.assert_allclose(film.outputs[-1, :, 0], [1 - expected, expected], atol=1e-6)
    assert film.extent[2:] == (-0.08, 1.08)  # type: ignore[index]
    next(iter(figures(film, [0])))


def test_playground_keeps_at_most_150_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nn.plots.playback.recorder, "MOST_FRAMES", 10)
    recorder = Playground(X, y)
    fit_with(recorder, epochs=45)
    assert recorder.epochs == [0, 8, 16, 24, 32, 40, 45]
    assert recorder.film().epochs == recorder.epochs


def test_playground_says_what_does_not_fit(tmp_path: Path) -> None:
    recorder = Playground(X, y)
    with pytest.raises(ValueError, match="nothing has been recorded yet"):
        recorder.save(tmp_path / "page.html")
    with pytest.raises(ValueError, match="with 2 elements in all"):
        Playground(X, y, image_shape=(3, 3))
    fit_with(recorder, epochs=1)
    with pytest.raises(ValueError, match=r"Use one of \.gif, \.mp4, \.html"):
        recorder.save(tmp_path / "page.txt")
    with pytest.raises(FileNotFoundError, match="Make it first"):
        recorder.save(tmp_path / "none" / "page.html")

    class Scale(nn.Module):
        def __init__(self) -> None:
            self.factor = tg.tensor(np.ones(3), requires_grad=True)

        def forward(self, x: Any) -> Any:
            return x[:, :1] * self.factor

    network = Scale()
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.SGD(network.parameters()))
    model.fit(X, y, callbacks=[recorder], verbose=0)
    with pytest.raises(ValueError, match="no Dense or Conv2D layer"):
        recorder.save(tmp_path / "page.html")
    recorder = Playground(X, y, names=["a"])
    fit_with(recorder, epochs=1)
    with pytest.raises(ValueError, match="list of 3 names"):
        recorder.film()


def test_playground_function_takes_a_callback_or_a_history(tmp_path: Path) -> None:
    recorder = Playground(X, y)
    model = fit_with(recorder, epochs=3)
    assert nn.plots.playground(model, recorder) is recorder
    shown = nn.plots.playground(model, model.history, X, y, names=["a", "b", "c"])
    shown.save(tmp_path / "training.html")
    film, whole = shown.film(), recorder.film()
    assert (film.epochs, film.history, film.names) == ([3], whole.history, ["a", "b", "c"])
    for last, layer in zip(film.layers, whole.layers, strict=True):
        np.testing.assert_array_equal(last.pictures[0], layer.pictures[-1])
        np.testing.assert_array_equal(last.weights[0], layer.weights[-1])  # type: ignore[index]


def test_playground_keeps_the_history_of_its_own_training() -> None:
    recorder = Playground(X, y)
    model = fit_with(recorder, epochs=3)
    losses = list(model.history["loss"])
    model.fit(X, y, epochs=2, verbose=0)
    assert recorder.film().history["loss"] == losses


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (lambda model, recorder: (model, model.history), TypeError, "neither samples nor parameters.*nn.plots.Playgr"),
        (lambda model, recorder: (model, [1.0]), TypeError, "expected a Playground callback or a History, got list"),
        (lambda model, recorder: (model, recorder, X, y), TypeError, "the callback has its own"),
        (lambda model, recorder: (model.network, recorder), TypeError, "expected an nn.Model, got Sequential"),
        (lambda model, recorder: (model, Playground(X, y)), ValueError, "nothing has been recorded yet"),
        (lambda model, recorder: (fit_with(epochs=1), recorder), ValueError, "recorded another model"),
        (lambda model, recorder: (model, fit_with(epochs=2).history, X, y), ValueError, "not that of the last"),
    ],
)
def test_playground_function_names_what_is_missing(arguments: Any, error: type[Exception], message: str) -> None:
    recorder = Playground(X, y)
    model = fit_with(recorder, epochs=1)
    with pytest.raises(error, match=message):
        nn.plots.playground(*arguments(model, recorder))
