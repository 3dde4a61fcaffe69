"""Networks, losses, metrics and optimizers on the arrays of another library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from tests.strict_array import StrictArray, plain

RNG = np.random.default_rng(5)
X = RNG.normal(size=(6, 4))
LABELS = np.array([0, 2, 1, 1, 0, 2])
ROWS = np.eye(3)[LABELS]
REAL = RNG.normal(size=(6, 3))

LOSSES: dict[str, tuple[nn.Loss, nn.Module, np.ndarray]] = {
    "softmax, labels": (nn.SoftmaxCrossEntropy(), nn.Identity(), LABELS),
    "softmax, rows": (nn.SoftmaxCrossEntropy(), nn.Identity(), ROWS),
    "categorical, labels": (nn.CategoricalCrossEntropy(), nn.Softmax(), LABELS),
    "categorical, rows": (nn.CategoricalCrossEntropy(), nn.Softmax(), ROWS),
    "sigmoid": (nn.SigmoidBinaryCrossEntropy(), nn.Identity(), ROWS),
    "binary": (nn.BinaryCrossEntropy(), nn.Sigmoid(), ROWS),
    "squared": (nn.MeanSquaredError(), nn.Identity(), REAL),
    "absolute": (nn.MeanAbsoluteError(), nn.Identity(), REAL),
    "huber": (nn.Huber(), nn.Identity(), REAL),
}
ACTIVATIONS = (
    nn.ReLU(), nn.LeakyReLU(), nn.ELU(), nn.GELU(), nn.GELU(approximate="tanh"), nn.Sigmoid(), nn.Tanh(), nn.Softplus(),
    nn.Softmax(), nn.Identity(),
)  # fmt: skip


def network(activation: nn.Module, last: nn.Module, kind: Any) -> nn.Sequential:
    made = nn.Sequential(
        nn.Dense(4, 5, dtype=np.float64, rng=1, weight_l2=0.01, bias_l1=0.02),
        activation,
        nn.Dropout(0.3, rng=3),
        nn.Dense(5, 3, dtype=np.float64, rng=2),
        last,
    )
    for parameter in made.parameters():
        parameter.data = kind(parameter.array)
    return made


def loss_and_gradients(made: nn.Sequential, loss: nn.Loss, targets: Any, kind: Any) -> list[Any]:
    value = loss(made(kind(X)), targets)
    for module in made.modules():
        for penalty in module.penalties():
            value = value + penalty
    value.backward()
    return [value.array, *(parameter.grad for parameter in made.parameters())]


def assert_equal(got: list[Any], expected: list[Any]) -> None:
    assert all(isinstance(each, StrictArray) for each in got)
    for ours, theirs in zip(got, expected, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(plain(ours), theirs, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("strict_targets", [True, False])
@pytest.mark.parametrize("name", LOSSES)
def test_losses_keep_strict_arrays(name: str, strict_targets: bool) -> None:
    loss, last, targets = LOSSES[name]
    expected = loss_and_gradients(network(nn.Tanh(), last, np.array), loss, targets, np.array)
    ours = StrictArray(targets) if strict_targets else targets
    assert_equal(loss_and_gradients(network(nn.Tanh(), last, StrictArray), loss, ours, StrictArray), expected)


@pytest.mark.parametrize("activation", ACTIVATIONS, ids=repr)
def test_activations_keep_strict_arrays(activation: nn.Module) -> None:
    loss = nn.MeanSquaredError()
    expected = loss_and_gradients(network(activation, nn.Identity(), np.array), loss, REAL, np.array)
    got = loss_and_gradients(network(activation, nn.Identity(), StrictArray), loss, REAL, StrictArray)
    assert_equal(got, expected)


@pytest.mark.parametrize(
    ("metric", "predictions", "targets"),
    [
        (nn.CategoricalAccuracy(), REAL, LABELS),
        (nn.CategoricalAccuracy(), REAL, ROWS),
        (nn.BinaryAccuracy(), REAL, ROWS),
        (nn.RegressionAccuracy(), REAL, REAL + 0.001),
        (nn.RegressionAccuracy(precision=0.1), REAL, REAL[::-1]),
    ],
    ids=str,
)
def test_metrics_measure_strict_arrays(metric: nn.Metric, predictions: np.ndarray, targets: np.ndarray) -> None:
    got = metric.measure(StrictArray(predictions), StrictArray(targets))
    assert_equal([got], [metric.measure(predictions, targets)])


OPTIMIZERS = {name: getattr(nn, name) for name in ("SGD", "Adagrad", "RMSprop", "Adam", "AdamW", "NAdam", "Lion")}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizers_keep_strict_arrays(name: str) -> None:
    trained: list[list[Any]] = []
    for kind in (StrictArray, np.array):
        made = network(nn.Tanh(), nn.Identity(), kind)
        optimizer = OPTIMIZERS[name](made.parameters(), 0.05)
        for _ in range(3):
            optimizer.zero_grad()
            loss_and_gradients(made, nn.SoftmaxCrossEntropy(), LABELS, kind)
            optimizer.step()
        trained.append([parameter.array for parameter in made.parameters()])
    assert_equal(*trained)
