"""Data sets: shapes, dtypes, repeatability, and a fair split of the digits. The book's draws: see test_nnfs."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from nn import datasets


@pytest.mark.parametrize("make", [datasets.spiral, datasets.vertical])
@pytest.mark.parametrize("source", [np.random.default_rng, np.random.RandomState, int])
def test_spiral_and_vertical_have_classes_of_equal_size(make: Any, source: Any) -> None:
    X, y = make(50, 4, rng=source(3))
    assert (X.shape, X.dtype) == ((200, 2), np.float32)
    assert (y.shape, y.dtype) == ((200,), np.int64)
    np.testing.assert_array_equal(np.bincount(y), [50, 50, 50, 50])
    again, _ = make(50, 4, rng=source(3))
    np.testing.assert_array_equal(X, again)
    assert not np.array_equal(X, make(50, 4, rng=4)[0])


def test_spiral_winds_from_the_middle_outwards() -> None:
    X, y = datasets.spiral(100, 3, rng=0)
    for label in range(3):
        np.testing.assert_allclose(np.hypot(*X[y == label].T), np.linspace(0, 1, 100), atol=1e-6)


def test_vertical_classes_lie_side_by_side() -> None:
    X, y = datasets.vertical(1000, 3, rng=0)
    for label in range(3):
        np.testing.assert_allclose(X[y == label].mean(axis=0), [label / 3, 0.5], atol=0.02)
        np.testing.assert_allclose(X[y == label].std(axis=0), 0.1, atol=0.02)


def test_sine_has_inputs_and_targets_of_one_column() -> None:
    X, y = datasets.sine(8)
    assert X.shape == y.shape == (8, 1)
    assert X.dtype == y.dtype == np.float32
    np.testing.assert_allclose(y, np.sin(2 * np.pi * np.arange(8).reshape(-1, 1) / 8), atol=1e-7)
    assert len(datasets.sine()[0]) == 1000


def test_digits_are_split_fairly_and_the_same_way_every_time() -> None:
    X_train, y_train, X_test, y_test = datasets.digits()
    assert X_train.dtype == X_test.dtype == np.float32
    assert y_train.dtype == y_test.dtype == np.int64
    assert len(X_train) + len(X_test) == len(y_train) + len(y_test) == 1797
    assert X_train.shape[1:] == X_test.shape[1:] == (64,)
    assert (X_train.min(), X_train.max()) == (0.0, 1.0)
    counts = np.bincount(y_train) + np.bincount(y_test)
    np.testing.assert_allclose(np.bincount(y_test), 0.2 * counts, atol=0.5)
    assert np.any(np.diff(y_test) < 0)  # not class after class
    for one, same in zip((X_train, y_train, X_test, y_test), datasets.digits()):
        np.testing.assert_array_equal(one, same)
    assert not np.array_equal(X_test, datasets.digits(rng=1)[2])


def test_digits_are_neither_lost_nor_in_both_parts() -> None:
    from sklearn.datasets import load_digits

    pixels, labels = load_digits(return_X_y=True)
    X_train, y_train, X_test, y_test = datasets.digits(test_share=0.5, rng=2)
    together = np.column_stack([np.concatenate([X_train, X_test]) * 16, np.concatenate([y_train, y_test])])
    original = np.column_stack([pixels, labels])
    np.testing.assert_array_equal(together[np.lexsort(together.T)], original[np.lexsort(original.T)])


def test_digits_without_scikit_learn_name_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r'pip install "tensorgrad\[examples\]"'):
        datasets.digits()


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.2, float("nan")])
def test_digits_reject_a_fraction_outside_0_and_1(fraction: float) -> None:
    with pytest.raises(ValueError, match=r"datasets.digits: test_share must be between 0 and 1"):
        datasets.digits(test_share=fraction)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: datasets.spiral(0, 3), ValueError, "datasets.spiral: samples must be at least 1, got 0"),
        (lambda: datasets.vertical(10, 0), ValueError, "datasets.vertical: classes must be at least 1, got 0"),
        (lambda: datasets.sine(10.0), TypeError, r"datasets.sine: samples must be an integer, got 10\.0"),
        (lambda: datasets.spiral(10, 3, rng="x"), TypeError, "rng: expected"),
    ],
)
def test_datasets_reject_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
