"""Mixup: its formula, in `Batches` and in a model, and what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
from nn.data import Batches, mixup


@pytest.mark.parametrize("source", [np.random.default_rng, np.random.RandomState])
def test_mixup_follows_its_formula(source: Any, rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(7, 2, 3)), np.arange(7) % 4
    mixed, targets = mixup(X, y, 0.7, source(5), classes=4)
    draws = source(5)
    fraction, order = draws.beta(0.7, 0.7), draws.permutation(7)
    for row in range(7):
        np.testing.assert_allclose(mixed[row], fraction * X[row] + (1 - fraction) * X[order[row]], rtol=1e-12)
        expected = np.zeros(4)
        expected[y[row]] += fraction
        expected[y[order[row]]] += 1 - fraction
        np.testing.assert_allclose(targets[row], expected, rtol=1e-6)


def test_mixup_keeps_floats_and_structures(rng: np.random.Generator) -> None:
    images, table = rng.integers(0, 256, size=(5, 2, 2), dtype=np.uint8), rng.normal(size=(5, 3)).astype(np.float32)
    X, y = mixup({"image": images, "table": table}, (table, np.eye(5, dtype=int)), rng=0)
    assert [array.dtype for array in (*X.values(), *y)] == [np.float32] * 4
    np.testing.assert_allclose(X["table"], y[0])
    np.testing.assert_allclose(X["image"], np.einsum("ij,jab->iab", y[1], images.astype(np.float32)), rtol=1e-5)


def test_mixup_in_batches_is_for_training_only(rng: np.random.Generator) -> None:
    X, y = rng.normal(size=(10, 3)), np.arange(10) % 3

    def mix(X: Any, y: Any, rng: Any) -> Any:
        return mixup(X, y, 1.0, rng, classes=3)

    batches = Batches(X, y, batch_size=4, mix=mix, rng=0).for_network(np.float32, None)
    parts = list(batches)
    assert [(part.shape, part.dtype.name, rows.shape, rows.dtype.name) for part, rows in parts] == [
        ((size, 3), "float32", (size, 3), "float32") for size in (4, 4, 2)
    ]
    np.testing.assert_allclose(np.concatenate([rows for _, rows in parts]).sum(axis=1), 1, rtol=1e-6)
    for part, labels in batches.in_order():
        assert labels.dtype == y.dtype
        assert part.shape[1:] == (3,)

    network = nn.Sequential(nn.Dense(3, 8, rng=0), nn.ReLU(), nn.Dense(8, 3, rng=1))
    optimizer, metrics = nn.Adam(network.parameters(), 0.01), [nn.CategoricalAccuracy()]
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=metrics, rng=0)
    history = model.fit(batches, epochs=20, validation_data=(X, y), verbose=0)
    assert history["val_loss"][-1] < history["val_loss"][0]


def test_mixup_refuses_wrong_arguments() -> None:
    X, y = np.zeros((4, 2)), np.arange(4)
    for arguments, options, error, message in [
        ((X, y), {}, ValueError, "y holds integers. Pass classes="),
        ((X, y), {"classes": 3}, ValueError, "expected class numbers of 0 … 2, got 0 … 3"),
        ((X, y, 0.0), {}, ValueError, "alpha must be above 0"),
        ((X, y, "x"), {}, TypeError, "alpha must be a number"),
        ((X, y[:3]), {"classes": 4}, ValueError, "X has 4 samples .*, but y has 3"),
        ((X, ["a"] * 4), {}, TypeError, "y: expected real numbers"),
    ]:
        with pytest.raises(error, match=f"mixup: {message}"):
            mixup(*arguments, **options)  # type: ignore[arg-type]
    for options, error, message in [
        ({"y": None, "mix": mixup}, ValueError, "mix needs targets y"),
        ({"y": y, "mix": mixup, "sample_weight": np.ones(4)}, ValueError, "cannot be used with sample_weight"),
        ({"y": y, "mix": 3}, TypeError, "mix must be a function, got 3"),
    ]:
        with pytest.raises(error, match=f"^Batches: .*{message}"):
            Batches(X, **options)
    for result, message in (
        (None, "mix must return a pair"),
        ((X[:1], y), r"mix must return an array .* got shape \(1, 2\)"),
    ):
        with pytest.raises(TypeError, match=message):
            next(iter(Batches(X, y, mix=lambda X, y, rng, result=result: result)))
