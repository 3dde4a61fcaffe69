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
def test_categorical_accuracy_counts_the_largest_output(targets: list[object]) -> None:
    assert nn.CategoricalAccuracy()(SCORES, targets) == pytest.approx(2 / 3)
    assert nn.CategoricalAccuracy()(tg.tensor(SCORES), targets) == pytest.approx(2 / 3)


def test_categorical_accuracy_with_as_many_samples_as_classes() -> None:
    assert nn.CategoricalAccuracy()(np.eye(3), [0, 1, 0]) == pytest.approx(2 / 3)
    assert nn.CategoricalAccuracy()(np.eye(3), np.eye(3, dtype=int)) == 1


def test_categorical_accuracy_over_positions() -> None:
    assert nn.CategoricalAccuracy()(np.stack([SCORES, SCORES]), [[1, 0, 1], [1, 0, 0]]) == pytest.approx(5 / 6)


def test_binary_accuracy_counts_every_output_once() -> None:
    targets = np.array([[1, 0], [0, 1], [1, 1]])
    assert nn.BinaryAccuracy()(targets * 0.9, targets) == 1  # the book's code would give 1 only for one output
    assert nn.BinaryAccuracy()([[0.9, 0.9], [0.1, 0.9], [0.9, 0.5]], targets) == pytest.approx(4 / 6)
    assert nn.BinaryAccuracy()([[0.9]], [[True]]) == 1
    metric = nn.BinaryAccuracy()
    for _ in range(2):
        metric.update(targets * 0.9, targets)
    assert metric.result() == 1


def test_binary_accuracy_has_a_threshold_for_logits() -> None:
    assert nn.BinaryAccuracy(threshold=0)([[0.2], [-0.2]], [[1], [0]]) == 1
    assert nn.BinaryAccuracy()([[0.2], [-0.2]], [[1], [0]]) == 0.5


def test_regression_accuracy_takes_its_tolerance_from_the_training_targets() -> None:
    metric = nn.RegressionAccuracy()
    metric.prepare(np.array([0.0, 250.0]))  # standard deviation 125
    assert metric.precision == 0.5
    metric.prepare(np.array([0.0, 1.0]))
    assert metric.precision == 0.5
    assert metric([[1.4], [1.0]], [[1.0], [1.6]]) == 0.5
    assert nn.RegressionAccuracy(2.0)([[1.4], [1.0]], [[1.0], [1.6]]) == 1
    assert nn.RegressionAccuracy()([[0.4], [250.6]], [[0.0], [250.0]]) == 0.5


@pytest.mark.parametrize("precision", [0, -1.0, float("nan")])
def test_regression_accuracy_has_a_positive_tolerance(precision: float) -> None:
    with pytest.raises(ValueError, match="precision must be above 0"):
        nn.RegressionAccuracy(precision)


@given(st.lists(st.integers(1, 40), min_size=1, max_size=5), st.integers(0, 2**32 - 1))
def test_metrics_over_batches_equal_the_whole(lengths: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores, targets = rng.random((sum(lengths), 3)), rng.integers(0, 3, sum(lengths))
    metric = nn.CategoricalAccuracy()
    metric.update(scores, (targets + 1) % 3)
    metric.reset()
    for part in np.split(np.arange(sum(lengths)), np.cumsum(lengths)[:-1]):
        metric.update(scores[part], targets[part])
        metric(scores[:1], targets[:1])
    assert metric.result() == pytest.approx(metric(scores, targets))


def test_metrics_have_no_result_without_batches() -> None:
    with pytest.raises(RuntimeError, match="no batch"):
        nn.BinaryAccuracy().result()


@pytest.mark.parametrize("metric", [nn.BinaryAccuracy(), nn.RegressionAccuracy(0.1)])
def test_metrics_never_broadcast(metric: nn.Metric) -> None:
    with pytest.raises(ValueError, match=r"\(3, 1\) and targets of shape \(3,\).*reshape\(-1, 1\)"):
        metric(np.zeros((3, 1)), np.zeros(3))


@pytest.mark.parametrize("targets", [np.zeros(2, int), np.zeros((3, 1), int), np.zeros((3, 3), int), np.int64(0)])
def test_categorical_accuracy_rejects_other_shapes(targets: np.ndarray) -> None:
    with pytest.raises(ValueError, match="Expected \\(samples, classes\\)"):
        nn.CategoricalAccuracy()(SCORES, targets)


def test_metrics_reject_class_numbers_that_are_not_integers() -> None:
    with pytest.raises(TypeError, match="must be integers"):
        nn.CategoricalAccuracy()(SCORES, [1.0, 0.0, 1.0])


# -- of classes -------------------------------------------------------------------------------------------------


def in_batches(metric: nn.Metric, predictions: np.ndarray, targets: np.ndarray, *ends: int) -> float:
    metric.reset()
    for start, end in zip((0, *ends), (*ends, len(predictions))):
        metric.update(predictions[start:end], targets[start:end])
    return metric.result()


@pytest.mark.parametrize("average", ["macro", "micro"])
def test_precision_recall_and_f1_are_scikit_learns_over_uneven_batches(average: str, rng: np.random.Generator) -> None:
    reference = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    scores, labels = rng.normal(size=(50, 4)), rng.integers(0, 4, 50)
    scores[:, 3] -= 10  # a class that is never predicted
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        labels, scores.argmax(1), average=average, zero_division=0
    )
    for metric, expected in ((nn.Precision(average), precision), (nn.Recall(average), recall), (nn.F1(average), f1)):
        assert in_batches(metric, scores, labels, 3, 4, 30) == pytest.approx(expected)
        assert metric(scores, np.eye(4)[labels]) == pytest.approx(expected)


def test_precision_recall_and_f1_of_two_classes(rng: np.random.Generator) -> None:
    reference = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    logits, labels = rng.normal(size=40), rng.integers(0, 2, 40)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(labels, logits > 0, average="binary")
    for kind, expected in ((nn.Precision, precision), (nn.Recall, recall), (nn.F1, f1)):
        metric = kind("binary", threshold=0)
        assert in_batches(metric, logits, labels, 7) == pytest.approx(expected)
        assert repr(metric) == f"{kind.__name__}(average='binary', threshold=0)"
        assert kind("binary")(np.zeros(3), np.zeros(3)) == 0


def test_macro_average_leaves_out_classes_that_do_not_occur() -> None:
    assert nn.Precision()([[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], [0, 1]) == 1


def test_perplexity_is_that_of_the_mean_over_all_batches(rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(6, 5, 7)), rng.integers(0, 7, (6, 5))
    labels[0, :4] = -1
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    picked = [probabilities[i, t, labels[i, t]] for i in range(6) for t in range(5) if labels[i, t] >= 0]
    metric = nn.Perplexity(ignored_label=-1)
    assert in_batches(metric, logits, labels, 1, 2) == pytest.approx(np.prod(picked) ** (-1 / len(picked)))
    assert repr(metric) == "Perplexity(ignored_label=-1)"
    assert np.isnan(metric(logits[:1, :4], labels[:1, :4]))


@pytest.mark.parametrize("k", [1, 2, 5])
def test_top_k_accuracy_looks_at_the_k_largest(k: int, rng: np.random.Generator) -> None:
    scores, labels = rng.normal(size=(30, 5)), rng.integers(0, 5, 30)
    expected = np.mean([label in np.argsort(-row)[:k] for row, label in zip(scores, labels)])
    metric = nn.TopKAccuracy(k)
    assert in_batches(metric, scores, labels, 11) == pytest.approx(expected)
    assert metric.name == f"top_{k}_accuracy"


def test_top_k_accuracy_of_ties_counts_the_first() -> None:
    assert nn.TopKAccuracy(1)(np.zeros((2, 3)), [0, 1]) == 0.5
    assert nn.TopKAccuracy(1)(np.full((1, 3), np.nan), [0]) == 0


@pytest.mark.parametrize("metric", [nn.Perplexity(), nn.TopKAccuracy(1), nn.Precision()], ids=repr)
def test_metrics_of_classes_refuse_what_does_not_fit(metric: nn.Metric) -> None:
    name = type(metric).__name__
    with pytest.raises(ValueError, match=rf"^{name}: class numbers must be 0 … 1, got 2"):
        metric(SCORES, [0, 1, 2])
    with pytest.raises(ValueError, match=rf"^{name}: predictions of shape \(3, 2\) and targets of shape \(2,\)"):
        metric(SCORES, [0, 1])
    with pytest.raises(TypeError, match=rf"^{name}: class numbers must be integers"):
        metric(SCORES, [0.0, 1.0, 0.0])
    metric.reset()
    with pytest.raises(RuntimeError, match="no batch was added since reset"):
        metric.result()


def test_metrics_of_classes_refuse_wrong_settings() -> None:
    with pytest.raises(ValueError, match="average must be 'binary', 'macro' or 'micro', got 'mean'"):
        nn.F1("mean")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="TopKAccuracy: k is 3, but there are only 2 classes"):
        nn.TopKAccuracy(3)(SCORES, [0, 1, 0])


@pytest.mark.parametrize("average", ["macro", "micro", "binary"])
def test_metrics_of_classes_count_integer_weights_as_repetitions(average: str, rng: np.random.Generator) -> None:
    binary = average == "binary"
    scores, labels = rng.normal(size=20 if binary else (20, 3)), rng.integers(0, 2, 20)
    weights = rng.integers(0, 4, 20)
    kinds = [nn.F1, nn.Precision, nn.Recall]
    for metric in [kind(average, threshold=0) for kind in kinds] + ([] if binary else [nn.Perplexity(ignored_label=1)]):
        metric.update(scores, labels, weights)
        assert metric.result() == pytest.approx(metric(scores.repeat(weights, 0), labels.repeat(weights)))
