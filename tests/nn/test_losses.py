"""Losses: values against plain formulas, hand-derived gradients, the book's clip, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from tests.ops.numeric import jacobian

CLASSES = [nn.SoftmaxCrossEntropy(), nn.CategoricalCrossEntropy()]
BINARY = [nn.SigmoidBinaryCrossEntropy(), nn.BinaryCrossEntropy()]
NUMBERS = [nn.MeanSquaredError(), nn.MeanAbsoluteError(), nn.Huber(), nn.Huber(delta=0.3)]
OF_PROBABILITIES = (nn.CategoricalCrossEntropy, nn.BinaryCrossEntropy)

parametrize_all = pytest.mark.parametrize("loss", CLASSES + BINARY + NUMBERS, ids=repr)


def example(loss: nn.Loss, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Predictions and targets that suit the loss."""
    predictions = rng.uniform(0.1, 0.9, (5, 3)) if isinstance(loss, OF_PROBABILITIES) else rng.normal(size=(5, 3))
    if loss in CLASSES:
        return predictions, rng.integers(0, 3, 5)
    return predictions, rng.integers(0, 2, (5, 3)) if loss in BINARY else rng.normal(size=(5, 3))


def by_hand(loss: nn.Loss, p: np.ndarray, y: np.ndarray) -> float:
    match loss:
        case nn.SoftmaxCrossEntropy():
            shares = np.exp(p) / np.exp(p).sum(axis=1, keepdims=True)
            return -np.mean([np.log(row[label]) for row, label in zip(shares, y)])
        case nn.CategoricalCrossEntropy():
            return -np.mean([np.log(row[label]) for row, label in zip(p, y)])
        case nn.SigmoidBinaryCrossEntropy():
            return by_hand(nn.BinaryCrossEntropy(), 1 / (1 + np.exp(-p)), y)
        case nn.BinaryCrossEntropy():
            return -np.mean(np.mean(y * np.log(p) + (1 - y) * np.log(1 - p), axis=1))
        case nn.MeanSquaredError():
            return np.mean((p - y) ** 2)
        case nn.MeanAbsoluteError():
            return np.mean(np.abs(p - y))
        case nn.Huber(delta=delta):
            d = np.abs(p - y)
            return np.mean(np.where(d <= delta, d * d / 2, delta * (d - delta / 2)))
    raise AssertionError(loss)


@parametrize_all
def test_losses_have_their_values(loss: nn.Loss, rng: np.random.Generator) -> None:
    predictions, targets = example(loss, rng)
    result = loss(predictions, targets)
    assert isinstance(result, tg.Tensor)
    assert result.shape == ()
    assert result.item() == pytest.approx(by_hand(loss, predictions, targets), rel=1e-12)


@parametrize_all
def test_losses_have_first_and_second_derivatives(loss: nn.Loss, rng: np.random.Generator) -> None:
    predictions, targets = example(loss, rng)
    x = tg.tensor(predictions, requires_grad=True)
    slope = tg.gradient(loss(x, targets), x, create_graph=True)
    expected = jacobian(lambda p: np.array(by_hand(loss, p, targets)), predictions)
    np.testing.assert_allclose(slope.data, expected, rtol=1e-7, atol=1e-9)

    direction = rng.normal(size=x.shape)

    def along(point: np.ndarray) -> np.ndarray:
        moved = tg.tensor(point, requires_grad=True)
        return np.sum(direction * tg.gradient(loss(moved, targets), moved))

    found = tg.gradient(tg.sum(slope * direction), x, allow_unused=True) if slope.requires_grad else None
    expected = jacobian(along, predictions)
    np.testing.assert_allclose(np.zeros(x.shape) if found is None else found, expected, rtol=1e-6, atol=1e-8)


@parametrize_all
@pytest.mark.parametrize("target_dtype", [np.float64, np.float32, np.uint8])
def test_losses_keep_float32(loss: nn.Loss, target_dtype: Any, rng: np.random.Generator) -> None:
    predictions, targets = example(loss, rng)
    if loss in CLASSES and target_dtype is not np.uint8:
        targets = np.eye(3)[targets]
    x = tg.tensor(predictions, dtype=np.float32, requires_grad=True)
    result = loss(x, np.abs(targets).astype(target_dtype))
    result.backward()
    assert result.dtype == x.grad.dtype == np.float32


@pytest.mark.parametrize("loss", CLASSES, ids=repr)
@given(labels=st.lists(st.integers(0, 3), min_size=1, max_size=6), dtype=st.sampled_from(["i1", "u1", "i8", "u8"]))
def test_losses_agree_for_labels_and_one_hot_rows(loss: nn.Loss, labels: list[int], dtype: str) -> None:
    draws = np.random.default_rng(len(labels)).uniform(0.1, 0.9, (len(labels), 4))
    results = []
    for targets in (np.array(labels, dtype), labels, np.eye(4)[labels], np.eye(4, dtype=bool)[labels]):
        x = tg.tensor(draws, requires_grad=True)
        loss(x, targets).backward()
        results.append(np.append(x.grad, loss(x, targets).item()))
    for other in results[1:]:
        np.testing.assert_allclose(other, results[0], rtol=1e-13, atol=1e-16)


def test_softmax_cross_entropy_is_both_in_one(rng: np.random.Generator) -> None:
    draws, targets = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6)
    fused, apart = tg.tensor(draws, requires_grad=True), tg.tensor(draws, requires_grad=True)
    first = nn.SoftmaxCrossEntropy()(fused, targets)
    second = nn.CategoricalCrossEntropy()(nn.Softmax()(apart), targets)
    assert first.item() == pytest.approx(second.item(), rel=1e-13)
    first.backward()
    second.backward()
    np.testing.assert_allclose(fused.grad, apart.grad, rtol=1e-12, atol=1e-15)


def test_softmax_cross_entropy_of_many_classes_and_further_axes(rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(2, 3, 70)), rng.integers(0, 70, (2, 3))
    deep, flat = tg.tensor(logits, requires_grad=True), tg.tensor(logits.reshape(6, 70), requires_grad=True)
    one, other = nn.SoftmaxCrossEntropy()(deep, labels), nn.SoftmaxCrossEntropy()(flat, labels.ravel())
    assert one.item() == pytest.approx(other.item(), rel=1e-14)
    assert one.item() == pytest.approx(by_hand(nn.SoftmaxCrossEntropy(), flat.data, labels.ravel()), rel=1e-13)
    one.backward()
    other.backward()
    np.testing.assert_allclose(deep.grad.reshape(6, 70), flat.grad, rtol=1e-13)


def test_categorical_cross_entropy_starts_with_the_loss_of_the_book() -> None:
    """Chapter 5 prints 1.0986104."""
    rng = np.random.RandomState(0)
    X, y = nn.datasets.spiral(100, 3, rng=rng)
    start = nn.init.normal(0.01)
    first, second = nn.Dense(2, 3, weight_init=start, rng=rng), nn.Dense(3, 3, weight_init=start, rng=rng)
    network = nn.Sequential(first, nn.ReLU(), second, nn.Softmax())
    assert float(nn.CategoricalCrossEntropy()(network(X), y)) == pytest.approx(1.0986104, abs=2e-7)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_of_huge_logits_are_right(dtype: Any) -> None:
    x = tg.tensor([[1e4, -1e4, 0.0], [-1e4, 1e4, 1e4]], dtype=dtype, requires_grad=True)
    loss = nn.SoftmaxCrossEntropy()(x, [1, 2])
    loss.backward()
    assert loss.item() == pytest.approx((2e4 + np.log(2)) / 2, rel=1e-7)
    np.testing.assert_allclose(x.grad, [[0.5, -0.5, 0.0], [0.0, 0.25, -0.25]], atol=1e-7)

    z = tg.tensor([1e4, -1e4, 1e4, -1e4], dtype=dtype, requires_grad=True)
    binary = nn.SigmoidBinaryCrossEntropy()(z, [0, 1, 1, 0])
    binary.backward()
    assert binary.item() == 5e3
    np.testing.assert_array_equal(z.grad, [0.25, -0.25, 0.0, 0.0])


def test_binary_cross_entropy_keeps_small_gradients_in_float32() -> None:
    z = tg.tensor([-30.0], dtype=np.float32, requires_grad=True)
    nn.SigmoidBinaryCrossEntropy()(z, [0]).backward()
    assert z.grad[0] == pytest.approx(np.exp(-30.0), rel=1e-5)


def test_categorical_cross_entropy_clips_the_value_but_not_the_gradient() -> None:
    p = tg.tensor([[1e-12, 1.0], [0.0, 1.0]], requires_grad=True)
    loss = nn.CategoricalCrossEntropy()(p, [0, 1])
    loss.backward()
    assert loss.item() == pytest.approx(-(np.log(1e-7) + np.log(1 - 1e-7)) / 2, rel=1e-12)
    np.testing.assert_allclose(p.grad, [[-0.5e12, 0.0], [0.0, -0.5]], rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_cross_entropy_of_probability_zero_has_a_finite_gradient(dtype: Any) -> None:
    logits = tg.tensor([[1e4, 0.0]], dtype=dtype, requires_grad=True)
    loss = nn.CategoricalCrossEntropy()(nn.Softmax()(logits), [1])
    loss.backward()
    assert loss.item() == pytest.approx(-np.log(1e-7), rel=1e-6)
    assert np.isfinite(logits.grad).all()


def test_binary_cross_entropy_clips_both_sides() -> None:
    p = tg.tensor([[0.0], [1.0], [0.25]], requires_grad=True)
    loss = nn.BinaryCrossEntropy()(p, [[1], [0], [1]])
    loss.backward()
    assert loss.item() == pytest.approx((-2 * np.log(1e-7) - np.log(0.25)) / 3, rel=1e-9)
    np.testing.assert_allclose(p.grad, [[-1e7 / 3], [1e7 / 3], [-4 / 3]], rtol=1e-6)


def test_mean_absolute_error_points_the_right_way_and_is_flat_at_zero() -> None:
    x = tg.tensor([[2.0], [1.0], [-1.0]], requires_grad=True)
    nn.MeanAbsoluteError()(x, [[1.0], [1.0], [1.0]]).backward()
    np.testing.assert_allclose(x.grad, [[1 / 3], [0.0], [-1 / 3]])


def test_huber_bounds_the_gradient_of_an_outlier() -> None:
    x = tg.tensor([1e4, 2.0, 1.5], dtype=np.float32, requires_grad=True)
    nn.Huber(delta=2.0)(x, [0.0, 0.0, 0.0]).backward()
    np.testing.assert_allclose(x.grad, [2 / 3, 2 / 3, 0.5], rtol=1e-6)


def test_regression_losses_accept_targets_that_require_a_gradient() -> None:
    x, y = tg.tensor([1.0, 2.0], requires_grad=True), tg.tensor([3.0, 0.0], requires_grad=True)
    nn.MeanSquaredError()(x, y).backward()
    np.testing.assert_array_equal(y.grad, -x.grad)


@pytest.mark.parametrize("loss", CLASSES + BINARY, ids=repr)
def test_class_losses_reject_targets_that_require_a_gradient(loss: nn.Loss) -> None:
    with pytest.raises(TypeError, match=f"{type(loss).__name__}: the targets require a gradient"):
        loss([[0.5, 0.5]], tg.tensor([[1.0, 0.0]], requires_grad=True))


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        ([0, 3, 9, 1], ValueError, "class labels must be 0 … 2, .* got 3 at index 1"),
        ([0, 1, 2, -1], ValueError, "class labels must be 0 … 2, .* got -1 at index 3"),
        ([0.0, 1.0, 2.0, 1.0], TypeError, r"class labels must be integers, got dtype float64. Use y.astype\(int\)"),
        ([True, False, True, True], TypeError, "class labels must be integers, got dtype bool"),
        ([[0], [1], [2], [0]], ValueError, r"integers of shape \(4,\).* got shape \(4, 1\). Use y.ravel\(\)"),
        ([0, 1], ValueError, r"integers of shape \(4,\).*, got shape \(2,\)"),
        (np.eye(2)[[0, 1, 0, 1]], ValueError, r"one-hot rows of shape \(4, 3\), got shape \(4, 2\)"),
        (np.zeros((4, 3)), ValueError, r"each target row must sum to 1, but row 0 sums to 0"),
        (np.array([[1, 0, 0]] * 3 + [[2, -1, 0]]), ValueError, r"rows must be in \[0, 1\], got 2 at index \(3, 0\)"),
    ],
)
@pytest.mark.parametrize("loss", CLASSES, ids=repr)
def test_class_losses_reject_wrong_targets(loss: nn.Loss, targets: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"{type(loss).__name__}: .*{message}"):
        loss(np.full((4, 3), 0.3), targets)


def test_class_losses_reject_a_single_output() -> None:
    with pytest.raises(ValueError, match="For a single output, use a binary loss"):
        nn.SoftmaxCrossEntropy()(np.zeros((2, 1)), [0, 1])
    with pytest.raises(ValueError, match="got a single number"):
        nn.SoftmaxCrossEntropy()(0.5, 0)


@pytest.mark.parametrize("loss", BINARY + NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        ((4, 1), (4,), r"shape \(4, 1\), the targets \(4,\). .* stretch them to \(4, 4\). Use y.reshape\(-1, 1\)"),
        ((4,), (4, 1), r"stretch them to \(4, 4\). Use y.ravel\(\)"),
        ((4, 2), (3, 2), "as many targets as predictions"),
        ((4, 2), (4, 3), "one target for each output of each sample"),
        ((4, 2), (4, 1), "one target for each output of each sample"),
        ((4, 2), (), "as many targets as predictions"),
    ],
)
def test_losses_never_broadcast(loss: nn.Loss, predictions: Any, targets: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"{type(loss).__name__}: .*{message}"):
        loss(np.full(predictions, 0.5), np.ones(targets))


@parametrize_all
def test_losses_reject_empty_batches(loss: nn.Loss) -> None:
    with pytest.raises(ValueError, match=rf"{type(loss).__name__}: .* predictions are empty, \(0, 3\)"):
        loss(np.ones((0, 3)), np.ones((0, 3)))


@pytest.mark.parametrize(
    ("loss", "advice", "targets"),
    [
        (nn.CategoricalCrossEntropy(), "For logits, use SoftmaxCrossEntropy", [0, 1]),
        (nn.BinaryCrossEntropy(), "For logits, use SigmoidBinaryCrossEntropy", np.ones((2, 2))),
    ],
)
def test_losses_reject_logits_in_place_of_probabilities(loss: nn.Loss, advice: str, targets: Any) -> None:
    with pytest.raises(ValueError, match=rf"predictions must be in \[0, 1\], got -3.0 at index \(0, 1\). {advice}"):
        loss([[0.5, -3.0], [2.0, 0.1]], targets)


@pytest.mark.parametrize("loss", BINARY, ids=repr)
def test_binary_targets_lie_between_0_and_1(loss: nn.Loss) -> None:
    with pytest.raises(ValueError, match=r"targets must be in \[0, 1\], got 2 at index \(1, 0\)"):
        loss([[0.5], [0.5]], [[1], [2]])


@parametrize_all
def test_losses_propagate_nan(loss: nn.Loss, rng: np.random.Generator) -> None:
    predictions, targets = example(loss, rng)
    predictions[1, :] = np.nan
    assert np.isnan(loss(predictions, targets).item())


@pytest.mark.parametrize("delta", [0.0, -1.0, np.inf, np.nan])
def test_huber_refuses(delta: float) -> None:
    with pytest.raises(ValueError, match="Huber: delta must be a finite number above 0"):
        nn.Huber(delta)


def test_loss_repr_shows_the_settings() -> None:
    assert [repr(loss) for loss in (nn.SoftmaxCrossEntropy(), nn.Huber(), nn.Huber(0.5))] == [
        "SoftmaxCrossEntropy()",
        "Huber()",
        "Huber(delta=0.5)",
    ]


def test_loss_without_forward_raises_an_error() -> None:
    with pytest.raises(NotImplementedError, match="Loss: a loss needs a forward"):
        nn.Loss()([1.0], [1.0])


# -- smoothed and ignored labels, focal loss, divergence ------------------------------------------------------


@pytest.mark.parametrize("shape", [(6, 5), (3, 4, 5)])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("ignored", [None, -100, 2])
def test_softmax_cross_entropy_with_smoothed_and_ignored_labels_is_pytorchs(
    shape: tuple[int, ...], smoothing: float, ignored: int | None, rng: np.random.Generator
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its numbers are not compared")
    labels = rng.integers(0, 5, shape[:-1])
    if ignored is not None:
        labels.flat[::3] = ignored
    x = tg.tensor(rng.normal(size=shape), requires_grad=True)
    loss = nn.SoftmaxCrossEntropy(label_smoothing=smoothing, ignored_label=ignored)(x, labels)
    loss.backward()
    other = torch.tensor(x.data, requires_grad=True)
    expected = torch.nn.functional.cross_entropy(
        other.reshape(-1, 5), torch.tensor(labels.reshape(-1)), label_smoothing=smoothing,
        ignore_index=-100 if ignored is None else ignored,
    )  # fmt: skip
    expected.backward()
    np.testing.assert_allclose(loss.data, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, other.grad.numpy(), rtol=1e-10, atol=1e-14)


def test_softmax_cross_entropy_smooths_rows_too(rng: np.random.Generator) -> None:
    x, labels = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    loss = nn.SoftmaxCrossEntropy(label_smoothing=0.2)
    np.testing.assert_allclose(loss(x, np.eye(3)[labels]).data, loss(x, labels).data, rtol=1e-14)
    assert repr(loss) == "SoftmaxCrossEntropy(label_smoothing=0.2)"


@pytest.mark.parametrize("smoothing", [-0.1, 1.0, float("nan")])
def test_softmax_cross_entropy_refuses_wrong_smoothing(smoothing: float) -> None:
    with pytest.raises(ValueError, match=r"label_smoothing must be in \[0, 1\)"):
        nn.SoftmaxCrossEntropy(label_smoothing=smoothing)


def test_softmax_cross_entropy_refuses_what_is_neither_a_class_nor_ignored() -> None:
    loss = nn.SoftmaxCrossEntropy(ignored_label=-1)
    with pytest.raises(ValueError, match=r"class labels must be 0 … 2, .* got -2 at index 1"):
        loss(np.zeros((2, 3)), [-1, -2])
    with pytest.raises(ValueError, match="every label is -1, which is ignored"):
        loss(np.zeros((2, 3)), [-1, -1])


@pytest.mark.parametrize("gamma", [0.0, 1.0, 2.0, 3.5])
@pytest.mark.parametrize("alpha", [None, 0.25, 1.0])
def test_focal_loss_is_its_definition(gamma: float, alpha: float | None, rng: np.random.Generator) -> None:
    x, y = rng.normal(size=(5, 3)), rng.integers(0, 2, (5, 3)).astype(float)
    right = 1 / (1 + np.exp(np.where(y == 1, -x, x)))
    weights = 1.0 if alpha is None else np.where(y == 1, alpha, 1 - alpha)
    expected = np.mean(-weights * (1 - right) ** gamma * np.log(right))
    loss = nn.FocalLoss(gamma, alpha)
    np.testing.assert_allclose(loss(x, y).data, expected, rtol=1e-12)
    assert tg.gradcheck(lambda logits: loss(logits, y), x, order=2)


def test_focal_loss_is_finite_for_huge_logits() -> None:
    x = tg.tensor(np.array([[-1e4, 1e4, 1e4, -1e4]], np.float32), requires_grad=True)
    nn.FocalLoss()(x, [[1, 1, 0, 0]]).backward()
    assert np.isfinite(x.grad).all()


def test_kl_divergence_is_pytorchs(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its numbers are not compared")
    x = tg.tensor(rng.normal(size=(4, 5)), requires_grad=True)
    targets = rng.dirichlet(np.ones(5), 4)
    targets[0] = [1, 0, 0, 0, 0]
    loss = nn.KLDivergence()(nn.LogSoftmax()(x), targets)
    loss.backward()
    other = torch.tensor(x.data, requires_grad=True)
    expected = torch.nn.functional.kl_div(torch.log_softmax(other, -1), torch.tensor(targets), reduction="batchmean")
    expected.backward()
    np.testing.assert_allclose(loss.data, expected.item(), rtol=1e-12)
    np.testing.assert_allclose(x.grad, other.grad.numpy(), rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.FocalLoss(gamma=0.5), "gamma must be 0, or a finite number of at least 1, got 0.5"),
        (lambda: nn.FocalLoss(alpha=2.0), r"alpha must be in \[0, 1\], or None, got 2.0"),
        (lambda: nn.KLDivergence()(np.zeros((2, 3)), np.ones((2, 2))), "the targets \\(2, 2\\)"),
        (lambda: nn.KLDivergence()(np.zeros((1, 2)), [[2.0, -1.0]]), "They are probabilities"),
    ],
)
def test_new_losses_refuse_what_does_not_fit(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_one_hot_places_a_one_for_each_label() -> None:
    rows = nn.functional.one_hot(np.array([[0, 2], [1, 1]]), 3)
    assert (rows.shape, rows.dtype) == ((2, 2, 3), np.float32)
    np.testing.assert_array_equal(rows, np.eye(3)[[[0, 2], [1, 1]]])
    assert nn.functional.one_hot(np.zeros(0, int), 3, dtype=bool).shape == (0, 3)
    with pytest.raises(ValueError, match=r"^one_hot: labels must be 0 … 2, got 3"):
        nn.functional.one_hot([1, 3], 3)
    with pytest.raises(TypeError, match=r"^one_hot: labels must be integers, got dtype float64"):
        nn.functional.one_hot([1.0], 3)


@pytest.mark.parametrize(
    ("predictions", "targets", "advice"),
    [
        ((2, 7, 5), (2, 5), r"The classes must be the last axis: use tg\.moveaxis\(predictions, 1, -1\)"),
        ((2, 7), (2, 5), "recurrent layers need return_sequences=True"),
        ((2, 7), (2, 1), r"Use y\.ravel\(\)"),
    ],
)
def test_softmax_cross_entropy_advises_on_labels_of_sequences(
    predictions: tuple[int, ...], targets: tuple[int, ...], advice: str
) -> None:
    with pytest.raises(ValueError, match=f"^SoftmaxCrossEntropy: .*{advice}"):
        nn.SoftmaxCrossEntropy()(np.zeros(predictions), np.zeros(targets, int))


def test_focal_loss_advises_on_class_numbers() -> None:
    with pytest.raises(ValueError, match=r"Class numbers become rows by nn\.functional\.one_hot\(y, 7\)"):
        nn.FocalLoss()(np.zeros((2, 7)), [1, 2])
