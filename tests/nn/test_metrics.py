"""Metrics: values, gathering over batches, and shapes that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg

SCORES = np.array([[0.1, 0.9], [0.8, 0.2], [0.6, 0.4]])


@pytest.mark.parametrize("targets", [[1, 0, 1], [[0, 1], [1, 0], [0, 1]]], ids=["classes", "one-hot"])
def test_categorical(targets: list[object]) -> None:
    assert nn.CategoricalAccuracy()(SCORES, targets) == pytest.approx(2 / 3)
    assert nn.CategoricalAccuracy()(tg.tensor(SCORES), targets) == pytest.approx(2 / 3)


def test_categorical_with_as_many_samples_as_classes() -> None:
    assert nn.CategoricalAccuracy()(np.eye(3), [0, 1, 0]) == pytest.approx(2 / 3)
    assert nn.CategoricalAccuracy()(np.eye(3), np.eye(3, dtype=int)) == 1


def test_categorical_over_positions() -> None:
    assert nn.CategoricalAccuracy()(np.stack([SCORES, SCORES]), [[1, 0, 1], [1, 0, 0]]) == pytest.approx(5 / 6)


def test_binary_counts_every_output_once() -> None:
    targets = np.array([[1, 0], [0, 1], [1, 1]])
    assert nn.BinaryAccuracy()(targets * 0.9, targets) == 1  # the book's code would give 1 only for one output
    assert nn.BinaryAccuracy()([[0.9, 0.9], [0.1, 0.9], [0.9, 0.5]], targets) == pytest.approx(4 / 6)
    assert nn.BinaryAccuracy()([[0.9]], [[True]]) == 1
    metric = nn.BinaryAccuracy()
    for _ in range(2):
        metric.update(targets * 0.9, targets)
    assert metric.result() == 1


def test_binary_threshold_for_logits() -> None:
    assert nn.BinaryAccuracy(threshold=0)([[0.2], [-0.2]], [[1], [0]]) == 1
    assert nn.BinaryAccuracy()([[0.2], [-0.2]], [[1], [0]]) == 0.5


def test_regression_precision_comes_from_the_training_targets_once() -> None:
    metric = nn.RegressionAccuracy()
    metric.prepare(np.array([0.0, 250.0]))  # standard deviation 125
    assert metric.precision == 0.5
    metric.prepare(np.array([0.0, 1.0]))
    assert metric.precision == 0.5
    assert metric([[1.4], [1.0]], [[1.0], [1.6]]) == 0.5
    assert nn.RegressionAccuracy(2.0)([[1.4], [1.0]], [[1.0], [1.6]]) == 1
    assert nn.RegressionAccuracy()([[0.4], [250.6]], [[0.0], [250.0]]) == 0.5


@pytest.mark.parametrize("precision", [0, -1.0, float("nan")])
def test_regression_precision_is_above_0(precision: float) -> None:
    with pytest.raises(ValueError, match="precision must be above 0"):
        nn.RegressionAccuracy(precision)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_batches_add_up_to_the_whole(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, targets = rng.random((sum(lengths), 3)), rng.integers(0, 3, sum(lengths))
    metric = nn.CategoricalAccuracy()
    metric.update(scores, (targets + 1) % 3)
    metric.reset()
    for part in np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1]):
        metric.update(scores[part], targets[part])
        metric(scores[:1], targets[:1])
    assert metric.result() == pytest.approx(metric(scores, targets))


def test_no_result_without_batches() -> None:
    with pytest.raises(RuntimeError, match="no batch"):
        nn.BinaryAccuracy().result()


@pytest.mark.parametrize("metric", [nn.BinaryAccuracy(), nn.RegressionAccuracy(0.1)])
def test_shapes_never_broadcast(metric: nn.Metric) -> None:
    with pytest.raises(ValueError, match=r"\(3, 1\) and targets of shape \(3,\).*reshape\(-1, 1\)"):
        metric(np.zeros((3, 1)), np.zeros(3))


@pytest.mark.parametrize("targets", [np.zeros(2, int), np.zeros((3, 1), int), np.zeros((3, 3), int), np.int64(0)])
def test_categorical_refuses_other_shapes(targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected \\(samples, classes\\)"):
        nn.CategoricalAccuracy()(SCORES, targets)


def test_class_numbers_are_integers() -> None:
    with pytest.raises(TypeError, match="must be integers"):
        nn.CategoricalAccuracy()(SCORES, [1.0, 0.0, 1.0])
