"""Weights of samples and classes: in losses, metrics, fit, evaluate and the scikit-learn estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

WEIGHTS = np.array([0.0, 1.0, 3.0, 0.5, 2.0])


def cases(rng: np.random.Generator) -> list[tuple[nn.Loss, Any, Any]]:
    """Losses with predictions and targets of five samples."""
    logits, inside = rng.normal(size=(5, 3)), rng.uniform(0.1, 0.9, size=(5, 3))
    rows = rng.dirichlet(np.ones(3), size=5)
    labels, binary = np.array([0, 2, 1, 1, 0]), rng.uniform(size=(5, 3))
    return [
        (nn.SoftmaxCrossEntropy(), logits, labels),
        (nn.SoftmaxCrossEntropy(), logits, rows),
        (nn.CategoricalCrossEntropy(), inside, labels),
        (nn.CategoricalCrossEntropy(), inside, rows),
        (nn.SigmoidBinaryCrossEntropy(), logits, binary),
        (nn.BinaryCrossEntropy(), inside, binary),
        (nn.MeanSquaredError(), logits, binary),
        (nn.MeanAbsoluteError(), logits, binary),
        (nn.Huber(0.5), logits, binary),
    ]


@pytest.mark.parametrize("number", range(9))
def test_loss_with_weights_is_the_mean_of_weighted_losses_of_single_samples(
    number: int, rng: np.random.Generator
) -> None:
    loss, predictions, targets = cases(rng)[number]
    x = tg.tensor(predictions, requires_grad=True)
    weighted = loss(x, targets, sample_weight=WEIGHTS)
    weighted.backward()

    expected, slopes = 0.0, np.zeros_like(predictions)
    for i, weight in enumerate(WEIGHTS):
        row = tg.tensor(predictions[i : i + 1], requires_grad=True)
        single = loss(row, targets[i : i + 1])
        single.backward()
        assert row.grad is not None
        expected += weight * single.item() / 5
        slopes[i] = weight * row.grad[0] / 5
    assert weighted.item() == pytest.approx(expected, rel=1e-12)
    np.testing.assert_allclose(x.grad, slopes, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("number", range(9))
def test_loss_with_weights_has_the_gradient_of_finite_differences(number: int, rng: np.random.Generator) -> None:
    loss, predictions, targets = cases(rng)[number]
    if isinstance(loss, (nn.CategoricalCrossEntropy, nn.MeanAbsoluteError, nn.Huber)):
        pytest.skip("the gradient is that of the unclipped value, or has kinks")
    tg.gradcheck(lambda x: loss(x, targets, WEIGHTS), predictions)


def test_loss_with_weights_per_step_of_a_sequence(rng: np.random.Generator) -> None:
    logits, labels, weights = rng.normal(size=(2, 4, 3)), rng.integers(0, 3, (2, 4)), rng.uniform(size=(2, 4))
    flat = nn.SoftmaxCrossEntropy()(logits.reshape(8, 3), labels.ravel(), weights.ravel())
    assert nn.SoftmaxCrossEntropy()(logits, labels, weights).item() == pytest.approx(flat.item(), rel=1e-13)


def test_loss_agrees_with_pytorch_where_weights_are_one_per_class(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch's numbers are the reference")
    logits, labels, by_class = rng.normal(size=(6, 3)), rng.integers(0, 3, 6), np.array([0.2, 1.0, 4.0])
    reference = torch.nn.functional.cross_entropy(
        torch.tensor(logits), torch.tensor(labels), weight=torch.tensor(by_class), reduction="sum"
    )
    own = nn.SoftmaxCrossEntropy()(logits, labels, by_class[labels]).item()
    assert own * 6 == pytest.approx(reference.item(), rel=1e-12)


@pytest.mark.parametrize("weights", [np.ones(4), np.ones((5, 2)), 1.0, np.ones((5, 3, 1))])
def test_loss_refuses_weights_of_another_shape(weights: Any, rng: np.random.Generator) -> None:
    for loss, predictions, targets in cases(rng):
        with pytest.raises(ValueError, match=r"sample_weight must have a number for each sample, shape \(5,\),.* got"):
            loss(predictions, targets, weights)


def test_loss_without_weights_in_its_forward_says_what_to_write() -> None:
    class Plain(nn.Loss):
        def forward(self, predictions: Any, targets: Any) -> Any:  # type: ignore[override]
            return tg.mean(predictions - targets)

    with pytest.raises(TypeError, match=r"Plain: this loss takes no sample_weight\. Write forward\(self, predictions"):
        Plain()(tg.tensor([1.0]), [1.0], [1.0])
    assert Plain()(tg.tensor([1.0]), [0.5]).item() == 0.5


def test_metric_with_weights_is_a_weighted_mean(rng: np.random.Generator) -> None:
    metric, predictions, targets = nn.CategoricalAccuracy(), rng.normal(size=(9, 3)), rng.integers(0, 3, 9)
    weights, right = rng.uniform(size=9), predictions.argmax(axis=1) == targets
    for rows in (slice(0, 4), slice(4, 9)):
        metric.update(predictions[rows], targets[rows], weights[rows])
    assert metric.result() == pytest.approx(np.average(right, weights=weights), rel=1e-12)
    with pytest.raises(ValueError, match="sample_weight must have a number for each sample"):
        metric.update(predictions, targets, weights[:3])


# -- in a model -----------------------------------------------------------------------------------------------


def make_model(**options: Any) -> nn.Model:
    network = nn.Sequential(nn.Dense(2, 5, rng=0, dtype=np.float64), nn.Tanh(), nn.Dense(5, 2, rng=1, dtype=np.float64))
    settings: Any = {"loss": nn.SoftmaxCrossEntropy(), "metrics": [nn.CategoricalAccuracy()], "rng": 0} | options
    return nn.Model(network, optimizer=nn.SGD(network.parameters(), 0.5), **settings)


@pytest.fixture
def data(rng: np.random.Generator) -> tuple[Any, Any]:
    return rng.normal(size=(12, 2)), rng.integers(0, 2, 12)


def parameters(model: nn.Model) -> Any:
    return np.concatenate([p.data.ravel() for p in model.network.parameters()])


def test_fit_with_whole_weights_trains_as_on_repeated_samples(data: tuple[Any, Any]) -> None:
    X, y = data
    counts = np.arange(12) % 3  # a third of the samples have weight 0
    weighted, repeated = make_model(), make_model()
    first = weighted.fit(X, y, sample_weight=counts, epochs=4, verbose=0)
    second = repeated.fit(X.repeat(counts, axis=0), y.repeat(counts), epochs=4, verbose=0)
    np.testing.assert_allclose(parameters(weighted), parameters(repeated), rtol=1e-9)
    assert first["loss"] == pytest.approx(second["loss"])
    assert first["accuracy"] == pytest.approx(second["accuracy"])
    assert weighted.evaluate(X, y, sample_weight=counts, batch_size=5) == pytest.approx(
        repeated.evaluate(X.repeat(counts, axis=0), y.repeat(counts))
    )


def test_fit_looks_at_ratios_of_weights_only(data: tuple[Any, Any]) -> None:
    weights = np.linspace(0.1, 2, 12)
    models = [make_model() for _ in range(2)]
    for model, factor in zip(models, (1.0, 1000.0)):
        model.fit(*data, sample_weight=weights * factor, batch_size=5, epochs=2, verbose=0)
    np.testing.assert_allclose(*map(parameters, models), rtol=1e-9)


def test_fit_takes_weights_of_validation_data(data: tuple[Any, Any]) -> None:
    X, y = data
    model, weights = make_model(), np.linspace(0, 1, 12)
    history = model.fit(X, y, validation_data=(X, y, weights), epochs=2, verbose=0)
    found = model.evaluate(X, y, sample_weight=weights)
    assert history["val_loss"][-1] == pytest.approx(found["loss"])
    assert history["val_accuracy"][-1] == pytest.approx(found["accuracy"])


def test_fit_class_weight_is_a_weight_for_each_sample_of_the_class(data: tuple[Any, Any]) -> None:
    X, y = data
    by_class, by_sample = make_model(), make_model()
    first = by_class.fit(X, y, class_weight={1: 5.0}, epochs=3, batch_size=5, verbose=0)
    by_sample.fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0), epochs=3, batch_size=5, verbose=0)
    np.testing.assert_allclose(parameters(by_class), parameters(by_sample), rtol=1e-9)
    plain = make_model().fit(X, y, epochs=1, batch_size=12, verbose=0)
    weighted = make_model().fit(X, y, epochs=1, batch_size=12, class_weight={1: 5.0}, verbose=0)
    assert weighted["accuracy"] == plain["accuracy"]  # metrics are not weighted by it
    assert first["loss"] != plain["loss"]


def test_fit_balanced_class_weight_gives_classes_the_same_total(data: tuple[Any, Any]) -> None:
    X, _ = data
    y = np.array([0] * 9 + [1] * 3)
    balanced, by_hand = make_model(), make_model()
    balanced.fit(X, y, class_weight="balanced", epochs=3, verbose=0)
    by_hand.fit(X, np.eye(2)[y], class_weight={0: 1.0, 1: 3.0}, epochs=3, verbose=0)
    np.testing.assert_allclose(parameters(balanced), parameters(by_hand), rtol=1e-9)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (np.ones(11), r"fit: sample_weight must have a number for each sample, shape \(12,\), or .*, got \(11,\)"),
        (-np.ones(12), "sample_weight must be finite and at least 0"),
        (np.full(12, np.nan), "sample_weight must be finite and at least 0"),
        (np.zeros(12), "at least one weight above zero"),
    ],
)
def test_fit_refuses_weights_before_anything_is_changed(data: tuple[Any, Any], weights: Any, message: str) -> None:
    model = make_model()
    before = parameters(model)
    with pytest.raises(ValueError, match=message):
        model.fit(*data, sample_weight=weights)
    np.testing.assert_array_equal(parameters(model), before)


@pytest.mark.parametrize(
    ("class_weight", "error", "message"),
    [
        ([1.0, 2.0], TypeError, "class_weight must be a dict"),
        ("uniform", TypeError, 'must be a dict such as .*, or "balanced"'),
        ({"a": 1.0}, TypeError, "keys of class_weight must be class numbers"),
        ({0: "many"}, TypeError, r"class_weight\[0\] must be a number"),
        ({0: -1.0}, ValueError, r"class_weight\[0\] must be finite and at least 0"),
        ({0: 0.0, 1: 0.0}, ValueError, "is 0 for the class of every sample"),
    ],
)
def test_fit_refuses_class_weights(data: tuple[Any, Any], class_weight: Any, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        make_model().fit(*data, class_weight=class_weight)


def test_fit_refuses_class_weights_of_numbers(data: tuple[Any, Any]) -> None:
    X, _ = data
    with pytest.raises(TypeError, match="class_weight needs classes as targets"):
        make_model(loss=nn.MeanSquaredError(), metrics=[]).fit(X, X[:, 0], class_weight={0: 1.0})


def test_fit_says_so_if_a_function_takes_no_weights(data: tuple[Any, Any]) -> None:
    model = make_model(loss=lambda predictions, targets: tg.mean(predictions))
    with pytest.raises(TypeError, match="positional arguments"):
        model.fit(*data, sample_weight=np.ones(12))


def test_fit_validation_split_keeps_the_last_samples(data: tuple[Any, Any]) -> None:
    X, y = data
    y = np.arange(12) % 2
    split, by_hand = make_model(), make_model()
    first = split.fit(X, y, validation_split=0.25, epochs=3, batch_size=4, verbose=0)
    second = by_hand.fit(X[:9], y[:9], validation_data=(X[9:], y[9:]), epochs=3, batch_size=4, verbose=0)
    assert dict(first) == dict(second)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.5, 0.999, np.nan])
def test_fit_refuses_a_validation_split_that_leaves_nothing(data: tuple[Any, Any], fraction: float) -> None:
    with pytest.raises(ValueError, match="validation_split must be between 0 and 1"):
        make_model().fit(*data, validation_split=fraction)


def test_fit_refuses_two_kinds_of_validation(data: tuple[Any, Any]) -> None:
    with pytest.raises(ValueError, match="either validation_data or validation_split"):
        make_model().fit(*data, validation_split=0.5, validation_data=data)
    with pytest.raises(TypeError, match="validation_split must be a number"):
        make_model().fit(*data, validation_split="0.5")  # type: ignore[arg-type]


def test_fit_warns_if_the_split_takes_a_whole_class(data: tuple[Any, Any]) -> None:
    with pytest.warns(UserWarning, match=r"class 1 is only there\. Shuffle the samples first") as seen:
        make_model().fit(data[0], np.array([0] * 9 + [1] * 3), validation_split=0.25, verbose=0)
    assert seen[0].filename == __file__


def test_predict_proba_and_classes_follow_the_loss(data: tuple[Any, Any]) -> None:
    X, _ = data
    model = make_model()
    outputs = model.predict(X)
    powers = np.exp(outputs)
    np.testing.assert_allclose(model.predict_proba(X), powers / powers.sum(axis=1, keepdims=True), rtol=1e-12)
    np.testing.assert_array_equal(model.predict_classes(X), outputs.argmax(axis=1))
    model.loss = nn.SigmoidBinaryCrossEntropy()
    np.testing.assert_allclose(model.predict_proba(X), 1 / (1 + np.exp(-outputs)), rtol=1e-12)
    np.testing.assert_array_equal(model.predict_classes(X), outputs > 0)
    assert model.predict_classes(X).dtype == np.intp
    model.loss = nn.MeanSquaredError()
    with pytest.raises(TypeError, match="need a loss for classes"):
        model.predict_proba(X)
    model.loss = lambda predictions, targets: tg.mean(predictions)
    with pytest.raises(TypeError, match=r"predict_classes: the loss .* does not say which probabilities"):
        model.predict_classes(X)


# -- scikit-learn ---------------------------------------------------------------------------------------------


def test_sklearn_adaboost_trains_networks() -> None:
    ensemble = pytest.importorskip("sklearn.ensemble", reason="comes with the test extra")
    X, y = nn.datasets.spiral(40, 2, rng=0)
    boosted = ensemble.AdaBoostClassifier(
        nn.sklearn.Classifier((16,), epochs=30, random_state=0), n_estimators=3, random_state=0
    )
    assert boosted.fit(X, y).score(X, y) > 0.6


def test_sklearn_weight_of_zero_leaves_a_sample_out() -> None:
    pytest.importorskip("sklearn", reason="comes with the test extra")
    X, y = nn.datasets.sine(60)
    y = y.ravel()
    wrong = y.copy()
    wrong[::2] = 100.0
    model = nn.sklearn.Regressor((16,), batch_size=None, epochs=50, random_state=0)
    predicted = model.fit(X, wrong, sample_weight=np.arange(60) % 2).predict(X)
    np.testing.assert_allclose(predicted, model.fit(X[1::2], y[1::2]).predict(X), atol=1e-6)
