"""The book's numbers: five of its training runs, from the same start, through the public interface."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn

REFERENCE = Path(__file__).parent / "reference"
SCENARIOS = json.loads((REFERENCE / "scenarios.json").read_text())
each_scenario = pytest.mark.parametrize("name", sorted(SCENARIOS))
EPOCHS = 101


def recorded(name: str) -> dict[str, np.ndarray]:
    with np.load(REFERENCE / f"{name}.npz") as archive:
        return dict(archive)


def network_of(name: str, start: dict[str, np.ndarray]) -> nn.Sequential:
    settings = SCENARIOS[name]
    widths = settings["layers"]
    layers: list[nn.Module] = []
    for number, (inputs, neurons) in enumerate(pairwise(widths), start=1):
        strength = settings["l2_W1_b1"] if number == 1 else 0
        dense = nn.Dense(inputs, neurons, weight_l2=strength, bias_l2=strength, dtype=np.float64)
        dense.load_state_dict({"weight": start[f"W{number}"], "bias": start[f"b{number}"].ravel()})
        layers += [dense, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def loss_of(name: str) -> nn.Loss:
    return nn.MeanSquaredError() if SCENARIOS[name]["head"] == "linear" else nn.SoftmaxCrossEntropy()


def optimizer_of(name: str, network: nn.Module) -> nn.Optimizer:
    settings = dict(SCENARIOS[name]["optimizer"])
    kind = {"sgd": nn.SGD, "adam": nn.Adam}[settings.pop("kind")]
    return kind(network.parameters(), learning_rate=settings.pop("lr"), **settings)


def inputs_of(start: dict[str, np.ndarray]) -> np.ndarray:
    return start["X"].astype(np.float64)


def check_curves(got: nn.History, expected: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(got["data_loss"], expected["data_loss"], rtol=1e-8)
    np.testing.assert_allclose(got["regularization_loss"], expected["reg_loss"], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(got["accuracy"], expected["acc"], rtol=1e-12)


@each_scenario
def test_gradients_at_the_start(name: str) -> None:
    start = recorded(name)
    network = network_of(name, start)
    loss = loss_of(name)(network(inputs_of(start)), start["y"]) + network.regularization_loss()
    loss.backward()
    parameters = list(network.parameters())
    for number, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2]), start=1):
        np.testing.assert_allclose(weight.grad, start[f"dW{number}"], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(bias.grad, start[f"db{number}"].ravel(), rtol=1e-9, atol=1e-15)


@each_scenario
def test_the_first_hundred_epochs(name: str) -> None:
    start = recorded(name)
    network = network_of(name, start)
    precision = SCENARIOS[name]["precision"]
    metric = nn.RegressionAccuracy(precision) if precision else nn.CategoricalAccuracy()
    model = nn.Model(network, loss=loss_of(name), optimizer=optimizer_of(name, network), metrics=[metric])
    check_curves(model.fit(inputs_of(start), start["y"], epochs=EPOCHS, verbose=0), start)


def test_softmax_and_categorical_cross_entropy_apart_train_as_the_book_does() -> None:
    name = "ch10_sgd_lr1"
    start = recorded(name)
    network = nn.Sequential(*network_of(name, start), nn.Softmax())
    model = nn.Model(
        network,
        loss=nn.CategoricalCrossEntropy(),
        optimizer=optimizer_of(name, network),
        metrics=[nn.CategoricalAccuracy()],
    )
    check_curves(model.fit(inputs_of(start), start["y"], epochs=EPOCHS, verbose=0), start)


def test_a_confident_mistake_can_be_unlearned() -> None:
    """With Adagrad most samples fall below the clip in a few steps; a gradient through it would stay 0 for ever."""
    start = recorded("ch10_sgd_lr1")
    network = nn.Sequential(*network_of("ch10_sgd_lr1", start), nn.Softmax())
    model = nn.Model(
        network,
        loss=nn.CategoricalCrossEntropy(),
        optimizer=nn.Adagrad(network.parameters(), learning_rate=1.0),
    )
    history = model.fit(inputs_of(start), start["y"], epochs=EPOCHS, verbose=0)
    assert history["loss"][0] < 2 < max(history["loss"])
    assert history["loss"][-1] < 1.1


@pytest.mark.parametrize("name", [n for n, s in SCENARIOS.items() if s["dataset"] == "spiral(100,3)"])
def test_the_books_stream_of_draws_gives_its_data_and_weights(name: str) -> None:
    expected = recorded(name)
    rng = np.random.RandomState(0)
    X, y = nn.datasets.spiral(100, 3, rng=rng)
    check_start(name, expected, X, y, rng)


def test_the_books_sine_and_its_weights() -> None:
    name = "ch17_sine_lr0.005_init0.1"
    expected = recorded(name)
    X, y = nn.datasets.sine(1000)
    check_start(name, expected, X, y, np.random.RandomState(0))


def check_start(name: str, expected: dict[str, np.ndarray], X: Any, y: Any, rng: np.random.RandomState) -> None:
    settings = SCENARIOS[name]
    np.testing.assert_array_equal(X, expected["X"].astype(np.float32))
    np.testing.assert_array_equal(y, expected["y"].astype(y.dtype))
    for number, shape in enumerate(pairwise(settings["layers"]), start=1):
        layer = nn.Dense(*shape, weight_init=nn.init.normal(settings["init_scale"]), rng=rng)
        assert layer.weight.dtype == np.float32
        np.testing.assert_array_equal(layer.weight.data, expected[f"W{number}"])
        np.testing.assert_array_equal(layer.bias.data, expected[f"b{number}"].ravel())
