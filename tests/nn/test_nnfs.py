"""The book's numbers: its training runs, from the same start, through the public interface.

Five runs are given as files; the others are done by hand (`book.py`), which is held against the five.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
from tests.nn import book

REFERENCE = Path(__file__).parent / "reference"
GIVEN = json.loads((REFERENCE / "scenarios.json").read_text())
EPOCHS = 101


def scenario(optimizer: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return the spiral of chapter 10 with this optimizer and these changes."""
    common = {"dataset": "spiral(100,3)", "layers": [2, 64, 3], "head": "softmax", "init_scale": 0.01, "l2_W1_b1": 0}
    return {**common, "optimizer": optimizer, **changes}


ADAM = {"kind": "adam", "lr": 0.02, "decay": 5e-7}
BINARY = {"dataset": "spiral(100,2)", "layers": [2, 64, 1], "head": "sigmoid"}
SINE = {"dataset": "sine(1000)", "layers": [1, 64, 64, 1], "head": "linear"}
BY_HAND = {
    "ch10_sgd_decay1e-2": scenario({"kind": "sgd", "lr": 1.0, "decay": 1e-2}),
    "ch10_sgd_decay1e-3": scenario({"kind": "sgd", "lr": 1.0, "decay": 1e-3}),
    "ch10_adagrad": scenario({"kind": "adagrad", "lr": 1.0, "decay": 1e-4}),
    "ch10_rmsprop": scenario({"kind": "rmsprop", "lr": 0.001, "decay": 1e-4}),
    "ch10_rmsprop_rho0.999": scenario({"kind": "rmsprop", "lr": 0.02, "decay": 1e-5, "rho": 0.999}),
    "ch10_adam_lr0.02": scenario({"kind": "adam", "lr": 0.02, "decay": 1e-5}),
    "ch14_l2_n1000_h64": scenario(ADAM, dataset="spiral(1000,3)", l2_W1_b1=5e-4),
    "ch14_l2_n1000_h512": scenario(ADAM, dataset="spiral(1000,3)", layers=[2, 512, 3], l2_W1_b1=5e-4),
    "ch16_binary": scenario({"kind": "adam", "lr": 0.001, "decay": 5e-7}, l2_W1_b1=5e-4, **BINARY),
    "ch17_sine_plateau": scenario({"kind": "adam", "lr": 0.005, "decay": 1e-3}, **SINE),
    "ch17_sine_lr0.01": scenario({"kind": "adam", "lr": 0.01, "decay": 1e-3}, init_scale=0.1, **SINE),
}
CLIPPED = {"ch10_adagrad": [1, 2, 3, 4, 5], "ch10_rmsprop_rho0.999": [2, 3]}
"""The epochs in which right answers fall below 1e-7: the book's clip shows in its loss, and a fused loss is larger.

In the gradient it must not show: it would be 0 there for ever, and training would stick.
"""
SCENARIOS = GIVEN | BY_HAND
each_scenario = pytest.mark.parametrize("name", sorted(SCENARIOS))


@functools.cache
def recorded(name: str) -> dict[str, np.ndarray]:
    if name in GIVEN:
        with np.load(REFERENCE / f"{name}.npz") as archive:
            return dict(archive)
    return book.record(BY_HAND[name], book.start(BY_HAND[name]), EPOCHS)


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


def fused(name: str) -> tuple[nn.Loss, nn.Metric]:
    """Return the loss on the network's plain outputs, and the accuracy to read with it."""
    heads: dict[str, tuple[nn.Loss, nn.Metric]] = {
        "softmax": (nn.SoftmaxCrossEntropy(), nn.CategoricalAccuracy()),
        "sigmoid": (nn.SigmoidBinaryCrossEntropy(), nn.BinaryAccuracy(threshold=0)),
        "linear": (nn.MeanSquaredError(), nn.RegressionAccuracy()),
    }
    return heads[SCENARIOS[name]["head"]]


def apart(name: str) -> tuple[nn.Module, nn.Loss, nn.Metric]:
    """Return the last activation as a layer, the loss on its probabilities by the book's rule, and the accuracy."""
    heads: dict[str, tuple[nn.Module, nn.Loss, nn.Metric]] = {
        "softmax": (nn.Softmax(), nn.CategoricalCrossEntropy(), nn.CategoricalAccuracy()),
        "sigmoid": (nn.Sigmoid(), nn.BinaryCrossEntropy(), nn.BinaryAccuracy()),
        "linear": (nn.Identity(), nn.MeanSquaredError(), nn.RegressionAccuracy()),
    }
    return heads[SCENARIOS[name]["head"]]


def optimizer_of(name: str, network: nn.Module) -> nn.Optimizer:
    settings = dict(SCENARIOS[name]["optimizer"])
    kinds = {"sgd": nn.SGD, "adagrad": nn.Adagrad, "rmsprop": nn.RMSprop, "adam": nn.Adam}
    optimizer: nn.Optimizer = kinds[settings.pop("kind")](
        network.parameters(), learning_rate=settings.pop("lr"), **settings
    )
    return optimizer


def inputs_of(start: dict[str, np.ndarray]) -> np.ndarray:
    return start["X"].astype(np.float64)


def check_curves(got: Mapping[str, Any], expected: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(got["data_loss"], expected["data_loss"], rtol=1e-8)
    np.testing.assert_allclose(got["regularization_loss"], expected["reg_loss"], rtol=1e-8, atol=1e-14)
    np.testing.assert_allclose(got["accuracy"], expected["acc"], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_the_book_by_hand_gives_the_given_records(name: str) -> None:
    by_hand = book.record(GIVEN[name], book.start(GIVEN[name]), EPOCHS)
    for key, values in recorded(name).items():
        if key not in ("X_test", "y_test"):
            np.testing.assert_allclose(by_hand[key], values, rtol=1e-10, atol=1e-15, err_msg=key)


@pytest.mark.slow
@each_scenario
def test_gradients_at_the_start(name: str) -> None:
    start = recorded(name)
    network = network_of(name, start)
    loss = fused(name)[0](network(inputs_of(start)), start["y"]) + network.regularization_loss()
    loss.backward()
    parameters = list(network.parameters())
    for number, (weight, bias) in enumerate(zip(parameters[::2], parameters[1::2]), start=1):
        np.testing.assert_allclose(weight.grad, start[f"dW{number}"], rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(bias.grad, start[f"db{number}"].ravel(), rtol=1e-9, atol=1e-15)


def trained_apart(name: str, start: dict[str, np.ndarray], epochs: int) -> nn.History:
    activation, loss, metric = apart(name)
    network = nn.Sequential(*network_of(name, start), activation)
    model = nn.Model(network, loss=loss, optimizer=optimizer_of(name, network), metrics=[metric])
    return model.fit(inputs_of(start), start["y"], epochs=epochs, verbose=0)


@pytest.mark.slow
@each_scenario
def test_the_first_hundred_epochs(name: str) -> None:
    check_curves(trained_apart(name, recorded(name), EPOCHS), recorded(name))


@pytest.mark.slow
@each_scenario
def test_the_first_hundred_epochs_with_a_fused_loss(name: str) -> None:
    start = recorded(name)
    network, (loss, metric) = network_of(name, start), fused(name)
    model = nn.Model(network, loss=loss, optimizer=optimizer_of(name, network), metrics=[metric])
    history = model.fit(inputs_of(start), start["y"], epochs=EPOCHS, verbose=0)
    data_loss, clipped = np.array(history["data_loss"]), CLIPPED.get(name, [])
    assert (data_loss[clipped] > start["data_loss"][clipped]).all()
    data_loss[clipped] = start["data_loss"][clipped]
    check_curves({**history, "data_loss": data_loss}, start)


@pytest.mark.slow
def test_binary_over_all_epochs() -> None:
    name, epochs = "ch16_binary", 10_001
    start = book.record(BY_HAND[name], book.start(BY_HAND[name]), epochs)
    check_curves(trained_apart(name, start, epochs), start)


@pytest.mark.parametrize("name", [n for n, s in GIVEN.items() if s["dataset"] == "spiral(100,3)"])
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


@pytest.mark.slow
def test_all_of_it_beside_the_books_helper_package(tmp_path: Path) -> None:
    """`nnfs.init()` changes np.dot, np.zeros and np.eye for the whole process, so it runs in a separate one."""
    pytest.importorskip("nnfs", reason="comes with the test extra")
    arguments = ["-q", "-p", "no:cacheprovider", "-k", "not beside", f"--basetemp={tmp_path}", __file__]
    code = f"import nnfs; nnfs.init(); import sys, pytest; sys.exit(pytest.main({arguments!r}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=REFERENCE.parents[2], timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_penalties_by_hand_are_those_of_the_engine() -> None:
    rng = np.random.default_rng(0)
    layer = nn.Dense(3, 2, weight_l1=0.1, weight_l2=0.2, bias_l1=0.1, bias_l2=0.2, dtype=np.float64, rng=0)
    layer.bias.data = rng.standard_normal(2)
    X, g = rng.standard_normal((5, 3)), rng.standard_normal((5, 2))
    by_hand = book.by_hand.Dense(layer.weight.data, layer.bias.data, l1=0.1, l2=0.2)
    by_hand.forward(X)
    by_hand.backward(g)
    ((layer(X) * g).sum() + layer.regularization_loss()).backward()
    for parameter, gradient in zip(layer.parameters(), by_hand.gradients):
        np.testing.assert_allclose(parameter.grad, gradient, rtol=1e-12)
    assert by_hand.penalty() == pytest.approx(layer.regularization_loss().item())
