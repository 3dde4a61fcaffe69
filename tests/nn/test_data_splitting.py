"""Parts: nothing lost, nothing in two of them, fair to the classes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nn.data import k_fold, split


def labelled(samples: int, classes: int = 3) -> tuple[Any, Any]:
    y = np.random.default_rng(samples).integers(0, classes, samples)
    return np.column_stack([np.arange(samples), y]), y


@given(samples=st.integers(10, 60), share=st.floats(0.2, 0.8), stratify=st.booleans())
def test_split_loses_nothing(samples: int, share: float, stratify: bool) -> None:
    X, y = labelled(samples)
    X_train, y_train, X_test, y_test = split(X, y, share, stratify=stratify, rng=0)
    np.testing.assert_array_equal(np.sort(np.concatenate([X_train[:, 0], X_test[:, 0]])), np.arange(samples))
    for part, targets in ((X_train, y_train), (X_test, y_test)):
        np.testing.assert_array_equal(part[:, 1], targets)
    if stratify:
        np.testing.assert_allclose(np.bincount(y_test, minlength=3), share * np.bincount(y, minlength=3), atol=0.5)
    else:
        assert len(y_test) == round(share * samples)


def test_split_is_random_and_repeatable() -> None:
    X, y = labelled(50)
    first, same, other = (split(X, y, rng=seed)[2] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, same)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, np.sort(first, axis=0))


@given(samples=st.integers(5, 60), k=st.integers(2, 5), stratify=st.booleans())
def test_k_fold_validates_with_each_sample_once(samples: int, k: int, stratify: bool) -> None:
    X, y = labelled(samples)
    folds = list(k_fold(X, y, k, stratify=stratify, rng=0))
    assert len(folds) == k
    np.testing.assert_array_equal(np.sort(np.concatenate([fold[2][:, 0] for fold in folds])), np.arange(samples))
    for X_train, y_train, X_test, y_test in folds:
        np.testing.assert_array_equal(np.union1d(X_train[:, 0], X_test[:, 0]), np.arange(samples))
        assert len(X_train) + len(X_test) == samples
        np.testing.assert_array_equal(X_train[:, 1], y_train)
        np.testing.assert_array_equal(X_test[:, 1], y_test)
    assert np.ptp([len(fold[3]) for fold in folds]) <= 1
    if stratify:
        assert np.ptp([np.bincount(fold[3], minlength=3) for fold in folds], axis=0).max() <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X, y: split(X, y[:-1]), ValueError, "split: X has 10 samples"),
        (lambda X, y: split(X, y, 1.0), ValueError, r"split: share must be between 0 and 1, got 1\.0"),
        (lambda X, y: split(X, y, 0.01), ValueError, "one of the parts is empty"),
        (lambda X, y: split(X, X, stratify=True), ValueError, r"class numbers, .*got shape \(10, 2\)"),
        (lambda X, y: split(X, y.astype(float), stratify=True), ValueError, "and dtype float64"),
        (lambda X, y: k_fold(X, y, 1), ValueError, "k_fold: k must be from 2 to the number of samples, 10, got 1"),
        (lambda X, y: k_fold(X, y, 11), ValueError, "got 11"),
        (lambda X, y: k_fold(X, y, 2.5), TypeError, "k_fold: k must be an integer"),
    ],
)
def test_split_and_k_fold_reject_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call(*labelled(10))
