"""Gradient accumulation: the same as large batches, in `fit` and in loops written by hand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import nn

N = 23
"""Six batches of 4, the last with 3 samples: with three batches in a step, 12 and 11 samples."""


def make_model(**options: Any) -> nn.Model:
    layers = nn.Dense(5, 6, rng=0, dtype=np.float64, weight_l2=0.01), nn.Tanh(), nn.Dense(6, 3, rng=1, dtype=np.float64)
    network = nn.Sequential(*layers)
    optimizer = nn.Adam(network.parameters(), nn.StepDecay(0.05, 3), weight_decay=0.1)
    metrics = [nn.CategoricalAccuracy()]
    return nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=metrics, rng=0, **options)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(N, 5)), np.arange(N) % 3


def assert_same_weights(first: Any, second: Any) -> None:
    for one, other in zip(first.parameters(), second.parameters(), strict=True):
        np.testing.assert_allclose(one.data, other.data, rtol=1e-12, atol=1e-12)


class Logs(nn.Callback):
    """Records the steps and their losses."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, float]] = []

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        self.seen.append((step, logs["loss"]))


@pytest.mark.parametrize(
    "options", [{}, {"class_weight": {0: 3.0}}, {"weighted": True, "callbacks": [nn.ClipGradients(norm=0.1)]}], ids=str
)
def test_accumulation_equals_large_batches(data: tuple[Any, Any], options: dict[str, Any]) -> None:
    options = dict(options)
    if options.pop("weighted", False):
        options["sample_weight"] = np.linspace(0.5, 2, N)
    small, large, logs = make_model(), make_model(), (Logs(), Logs())
    callbacks = options.pop("callbacks", [])
    options |= {"epochs": 3, "shuffle": False, "verbose": 0}
    first = small.fit(*data, batch_size=4, accumulate=3, callbacks=[*callbacks, logs[0]], **options)
    second = large.fit(*data, batch_size=12, callbacks=[*callbacks, logs[1]], **options)
    assert_same_weights(small.network, large.network)
    for name in second:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-12)
    assert [step for step, _ in logs[0].seen] == [0, 1] * 3
    np.testing.assert_allclose(*([loss for _, loss in each.seen] for each in logs), rtol=1e-12)
    assert small.optimizer is not None
    assert small.optimizer.iterations == 6


def test_accumulation_of_more_batches_than_there_are_is_one_step(data: tuple[Any, Any]) -> None:
    small, large = make_model(), make_model()
    small.fit(*data, batch_size=4, accumulate=100, verbose=0)
    large.fit(*data, verbose=0)
    assert_same_weights(small.network, large.network)


def test_accumulation_stops_after_a_step(data: tuple[Any, Any]) -> None:
    class Stop(nn.Callback):
        def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
            self.model.stop_training = True

    model, large = make_model(), make_model()
    model.fit(*data, batch_size=4, accumulate=3, epochs=5, shuffle=False, callbacks=[Stop()], verbose=0)
    large.fit(*data, batch_size=12, epochs=5, shuffle=False, callbacks=[Stop()], verbose=0)
    assert_same_weights(model.network, large.network)
    assert model.history["data_loss"] == pytest.approx(large.history["data_loss"], rel=1e-12)


def test_accumulation_counts_steps_in_messages(data: tuple[Any, Any]) -> None:
    X, y = data
    X = X.copy()
    X[14] = np.inf
    model = make_model()
    before = model.network.state_dict()
    with np.errstate(invalid="ignore"), pytest.raises(FloatingPointError, match="epoch 1/1, step 2/2"):
        model.fit(X, y, batch_size=4, accumulate=3, shuffle=False, verbose=0)
    assert any((before[name] != value).any() for name, value in model.network.state_dict().items())  # step 1


def test_accumulator_averages_in_a_loop_by_hand(data: tuple[Any, Any]) -> None:
    (X, y), loss = data, nn.SoftmaxCrossEntropy()
    small, large = (make_model().network for _ in range(2))
    optimizers = [nn.SGD(network.parameters(), 0.1, momentum=0.9) for network in (small, large)]
    accumulator = nn.GradientAccumulator(optimizers[0])
    for start in range(0, N, 4):
        rows = slice(start, start + 4)
        accumulator.backward(loss(small(X[rows]), y[rows]), samples=len(y[rows]))
        if start in (8, 20):
            accumulator.step()
            assert accumulator.samples == 0
            assert all(parameter.grad is None for parameter in small.parameters())
    for rows in (slice(0, 12), slice(12, None)):
        large.zero_grad()
        loss(large(X[rows]), y[rows]).backward()
        optimizers[1].step()
    assert_same_weights(small, large)


def test_accumulation_refuses_wrong_arguments(data: tuple[Any, Any]) -> None:
    model = make_model()
    for wrong, error in ((0, ValueError), (1.5, TypeError), ("x", TypeError)):
        with pytest.raises(error, match="fit: accumulate must be"):
            model.fit(*data, accumulate=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"GradientAccumulator: expected an optimizer such as nn\.Adam"):
        nn.GradientAccumulator(model.network)  # type: ignore[arg-type]
    assert model.optimizer is not None
    accumulator = nn.GradientAccumulator(model.optimizer)
    with pytest.raises(RuntimeError, match="no gradients since the last step"):
        accumulator.step()
    with pytest.raises(TypeError, match=r"expected the loss as a tensor, got 0\.5"):
        accumulator.backward(0.5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="samples must be at least 1"):
        accumulator.backward(model.network(data[0]).sum(), 0)
    assert model.optimizer.iterations == accumulator.samples == 0
