"""The scikit-learn estimators: scikit-learn's own checks, and what its tools do with them."""

from __future__ import annotations

import functools
import pickle
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn

pytest.importorskip("sklearn", reason="comes with the test extra")

from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from nn._rng import Rng
from nn.sklearn import Classifier, Regressor


@pytest.mark.slow
@parametrize_with_checks([Classifier(), Regressor()])
def test_estimators_pass_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    state = np.random.get_state()  # noqa: NPY002
    check(estimator)
    np.random.set_state(state)  # noqa: NPY002  # one of the checks draws from NumPy's global generator


@pytest.fixture
def clouds() -> tuple[np.ndarray, np.ndarray]:
    """Three classes with names, not in the order of the alphabet."""
    X, y = nn.datasets.vertical(40, 3, rng=0)
    return X, np.array(["red", "green", "blue"])[y]


def test_grid_search_over_a_pipeline_finds_the_better_settings(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds
    pipeline = Pipeline([("scaler", StandardScaler()), ("classifier", Classifier(epochs=10, random_state=0))])
    settings = {
        "classifier__hidden_layer_sizes": [(8,), (8, 8)],
        "classifier__optimizer": [nn.Adam, functools.partial(nn.SGD, momentum=0.9)],
        "classifier__learning_rate": [0.0, 0.05],
    }
    search = GridSearchCV(pipeline, settings, cv=3).fit(X, y)
    assert search.best_params_["classifier__learning_rate"] == 0.05
    assert search.best_score_ > 0.9
    assert min(search.cv_results_["mean_test_score"]) < 0.7
    again = pickle.loads(pickle.dumps(search))
    np.testing.assert_array_equal(again.predict_proba(X), search.predict_proba(X))


def test_probabilities_belong_to_the_sorted_labels(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds
    model = Classifier(random_state=0, learning_rate=0.05).fit(X, y)
    probabilities = model.predict_proba(X)
    assert model.classes_.tolist() == ["blue", "green", "red"]
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(model.classes_[probabilities.argmax(axis=1)], model.predict(X))
    assert model.score(X, y) == np.mean(model.predict(X) == y) > 0.95


def test_estimator_passes_settings_to_network_and_optimizer(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    optimizer = functools.partial(nn.SGD, momentum=0.5)
    model = Classifier(
        (5, 4),
        activation=nn.Tanh,
        l2=0.25,
        dropout=0.5,
        optimizer=optimizer,
        learning_rate=0.125,
        epochs=3,
        batch_size=7,
    ).fit(*clouds)
    layers = [repr(layer) for layer in model.model_.network]
    assert layers == [
        "Dense(2, 5, weight_l2=0.25)",
        "Tanh()",
        "Dropout(0.5)",
        "Dense(5, 4, weight_l2=0.25)",
        "Tanh()",
        "Dropout(0.5)",
        "Dense(4, 3, weight_l2=0.25)",
    ]
    trained_by = model.model_.optimizer
    assert (trained_by.momentum, trained_by.learning_rate) == (0.5, 0.125)
    assert trained_by.iterations == 3 * -(-120 // 7)
    assert len(model.history_["loss"]) == 3
    assert [type(layer) for layer in Classifier((), epochs=1).fit(*clouds).model_.network] == [nn.Dense]


def test_estimator_accepts_a_custom_network(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    def network(inputs: int, outputs: int, rng: Rng) -> nn.Module:
        assert (inputs, outputs) == (2, 3)
        return nn.Sequential(nn.Dense(inputs, 6, rng=rng), nn.GELU(), nn.Dense(6, outputs, rng=rng))

    models = [Classifier(network=network, epochs=2, random_state=7).fit(*clouds) for _ in range(2)]
    assert isinstance(models[0].model_.network[1], nn.GELU)
    np.testing.assert_array_equal(*[model.predict_proba(clouds[0]) for model in models])


def test_estimator_is_determined_by_random_state(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    def probabilities(random_state: Rng) -> Any:
        return Classifier(epochs=2, dropout=0.2, random_state=random_state).fit(*clouds).predict_proba(clouds[0])

    np.testing.assert_array_equal(probabilities(3), probabilities(np.random.default_rng(3)))
    assert (probabilities(3) != probabilities(4)).any()
    assert (probabilities(None) != probabilities(None)).any()
    stream = np.random.RandomState(0)
    assert (probabilities(stream) != probabilities(stream)).any()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_of_the_samples_is_that_of_the_network(dtype: Any) -> None:
    X, y = nn.datasets.sine(50)
    model = Regressor(epochs=1).fit(X.astype(dtype), y.astype(np.float64))
    assert {parameter.dtype for parameter in model.model_.network.parameters()} == {np.dtype(dtype)}
    assert model.predict(X.astype(dtype)).dtype == dtype


def test_predictions_have_the_shape_of_the_targets() -> None:
    X, y = nn.datasets.sine(50)
    for targets in (y, y.ravel(), np.hstack([y, -y])):
        assert Regressor(epochs=1).fit(X, targets).predict(X).shape == targets.shape
    both = Regressor((64, 64), learning_rate=0.03, random_state=0).fit(X, np.hstack([y, -y]))
    assert both.score(X, np.hstack([y, -y])) > 0.9


@pytest.mark.parametrize("setting", ["activation", "optimizer", "network"])
@pytest.mark.parametrize("value", ["adam", nn.ReLU()])
def test_estimator_rejects_invalid_settings(setting: str, value: Any, clouds: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(TypeError, match=f"Classifier: {setting} must be .* got {re.escape(repr(value))}"):
        Classifier(**{setting: value}).fit(*clouds)


def test_estimator_rejects_a_builder_that_returns_no_network(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.raises(TypeError, match=r"Classifier: network must make an nn\.Module, but made \[3"):
        Classifier(network=lambda inputs, outputs, rng: [outputs]).fit(*clouds)  # type: ignore[arg-type, return-value]


def test_estimator_keeps_the_last_fit_after_an_error(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds
    model = Classifier(epochs=2, random_state=0).fit(X, y)
    before = model.predict_proba(X)
    with np.errstate(all="ignore"), pytest.raises(FloatingPointError):
        model.set_params(optimizer=nn.SGD, learning_rate=1e30).fit(X, y == "red")
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert set(model.predict(X)) <= set(y)


# -- training in parts ---------------------------------------------------------------------------------------


def test_classifier_partial_fit_trains_one_pass_at_a_time(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds
    model = Classifier(random_state=0, learning_rate=0.05)
    with pytest.raises(ValueError, match="the first call of partial_fit needs classes"):
        model.partial_fit(X, y)
    for epoch in range(12):
        rows = slice(epoch % 2, None, 2)
        assert model.partial_fit(X[rows], y[rows], classes=["green", "red", "blue"] if epoch < 2 else None) is model
    assert model.n_iter_ == len(model.history_["loss"]) == 12
    assert model.model_.optimizer.iterations == 12 * 2
    assert model.classes_.tolist() == ["blue", "green", "red"]
    assert model.score(X, y) > 0.9
    only_green = y == "green"
    model.partial_fit(X[only_green], y[only_green], sample_weight=np.ones(only_green.sum()))
    with pytest.raises(ValueError, match="label 'black' is not among the classes"):
        model.partial_fit(X, np.where(only_green, "black", y))
    with pytest.raises(ValueError, match="expected the classes of the first call"):
        model.partial_fit(X, y, classes=["green", "red"])
    assert model.fit(X, y).n_iter_ == 100


def test_partial_fit_of_all_samples_is_an_epoch_of_fit() -> None:
    X, y = nn.datasets.sine(50)
    whole, parts = (Regressor(epochs=3, random_state=0) for _ in range(2))
    whole.fit(X, y)
    for _ in range(3):
        parts.partial_fit(X, y)
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    assert list(parts.history_["loss"]) == list(whole.history_["loss"])
    with pytest.raises(ValueError, match="expected targets of shape"):
        parts.partial_fit(X, np.hstack([y, y]))


def test_warm_start_continues_with_network_and_optimizer(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds
    once = Classifier(epochs=4, random_state=0).fit(X, y)
    twice = Classifier(epochs=2, random_state=0, warm_start=True).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(twice.predict_proba(X), once.predict_proba(X))
    assert twice.n_iter_ == 4
    with pytest.raises(ValueError, match="X has 1 features, but Classifier is expecting 2"):
        twice.fit(X[:, :1], y)
    with pytest.raises(ValueError, match="'yellow' is not among the classes"):
        twice.fit(X, np.where(y == "red", "yellow", y))
    targets = Regressor(epochs=1, warm_start=True).fit(X, X)
    assert targets.fit(X, X).n_iter_ == 2


@pytest.mark.parametrize("weighted", [False, True])
def test_early_stopping_keeps_the_best_epoch(clouds: tuple[np.ndarray, np.ndarray], weighted: bool) -> None:
    X, y = clouds
    noisy = np.random.default_rng(0).permutation(y)  # nothing to learn but the noise
    weights = np.linspace(0.5, 1, len(y)) if weighted else None
    settings = {"learning_rate": 0.05, "random_state": 0, "n_iter_no_change": 3, "validation_fraction": 0.25}
    model = Classifier(early_stopping=True, **settings).fit(X, noisy, sample_weight=weights)
    losses = model.history_["val_loss"]
    assert model.n_iter_ == len(losses) < 100
    assert len(losses) - 1 - int(np.argmin(losses)) <= 3
    again = Classifier(early_stopping=True, **settings).fit(X, noisy, sample_weight=weights)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    targets = Regressor(early_stopping=True, **settings).fit(X, X[:, 0])
    assert "val_loss" in targets.history_
    assert "val_loss" not in targets.partial_fit(X, X[:, 0]).history_
    with pytest.raises(
        ValueError, match=r"Regressor: early_stopping cannot keep validation_fraction=0\.25 of 1 samples"
    ):
        targets.fit(X[:1], X[:1, 0])


@pytest.mark.slow
def test_class_weight_is_a_factor_of_the_sample_weights(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = clouds[0][:90], clouds[1][:90]  # 40, 40 and 10 samples
    own = np.linspace(0.5, 1, len(y))
    balanced = {"red": 0.75, "green": 0.75, "blue": 3.0}

    def probabilities(class_weight: Any, sample_weight: Any, *, fit: str = "fit") -> Any:
        model = Classifier(class_weight=class_weight, epochs=1, random_state=0)
        options = {"classes": np.unique(y)} if fit == "partial_fit" else {}
        return getattr(model, fit)(X, y, sample_weight=sample_weight, **options).predict_proba(X)

    factors = np.vectorize(balanced.get)(y)
    for class_weight in ("balanced", balanced, {"blue": 3.0, "red": 0.75, "green": 0.75}):
        np.testing.assert_array_equal(probabilities(class_weight, own), probabilities(None, own * factors))
    np.testing.assert_array_equal(probabilities("balanced", None), probabilities(None, factors))
    np.testing.assert_array_equal(
        probabilities({"blue": 4.0}, None, fit="partial_fit"), probabilities({"blue": 4.0}, None)
    )  # the first pass of both
    assert (probabilities("balanced", None) != probabilities(None, None)).any()
    only_red = Classifier(class_weight={"blue": 4.0}).partial_fit(X[:5], y[:5], classes=np.unique(y))
    assert only_red.class_weight == {"blue": 4.0}
    for class_weight, fit, message in (
        ("balanced", "partial_fit", "partial_fit cannot use class_weight='balanced'"),
        ("balancd", "fit", "class_weight"),
        ({"pink": 1.0}, "fit", "not in class_weight"),
    ):
        with pytest.raises(ValueError, match=message):
            probabilities(class_weight, None, fit=fit)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        probabilities("balanced", own[:3])


def test_callbacks_are_called_by_fit_and_copied_by_clone(clouds: tuple[np.ndarray, np.ndarray]) -> None:
    class Epochs(nn.Callback):
        def __init__(self) -> None:
            self.seen: list[int] = []

        def on_epoch_end(self, epoch: int, logs: Any) -> None:
            self.seen.append(epoch)

    callback = Epochs()
    model = Classifier(epochs=3, callbacks=[callback, nn.ClipGradients(norm=1.0)]).fit(*clouds)
    model.partial_fit(*clouds)
    assert callback.seen == [0, 1, 2, 0]
    copy = clone(model).fit(*clouds)
    assert callback.seen == [0, 1, 2, 0]
    assert len(copy.callbacks) == 2


@pytest.mark.slow
def test_example_finds_good_settings(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(Path(__file__).parents[2] / "examples" / "scikit_learn.py"), run_name="__main__")
    accuracies = [float(line.rpartition(" ")[2]) for line in capsys.readouterr().out.splitlines() if "accuracy" in line]
    assert len(accuracies) == 4
    assert min(accuracies[0], accuracies[-1]) > 0.9


@pytest.mark.slow
def test_sklearn_is_optional_and_named_if_missing() -> None:
    code = """
import sys
sys.modules["sklearn"] = None  # as if it were not there
import nn
nn.Sequential(nn.Dense(2, 3))
try:
    nn.sklearn
except ImportError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout == 'nn.sklearn needs scikit-learn 1.6 or newer: pip install "tensorgrad[examples]"\n'


def test_estimators_have_hints_for_arguments_of_other_libraries() -> None:
    with pytest.raises(TypeError, match=r"got an unexpected keyword argument 'max_iter'\. Use epochs\.$"):
        nn.sklearn.Classifier(max_iter=3)
    with pytest.raises(TypeError, match=r"It is an argument of Classifier\."):
        nn.sklearn.Regressor(class_weight="balanced")  # type: ignore[call-arg]
