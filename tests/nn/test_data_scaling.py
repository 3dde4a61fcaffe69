"""Scaling: the book's numbers, what training data teach, and no widening."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest

from nn.data import Standardizer, rescale


def test_rescale_is_what_the_book_computes() -> None:
    pixels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(rescale(pixels), (pixels.astype(np.float32) - 127.5) / 127.5)
    np.testing.assert_array_equal(rescale(pixels, target=(0, 1)), pixels.astype(np.float32) / 255)
    np.testing.assert_allclose(rescale(np.array([5.0, 10.0]), (0, 10), (1, 0)), [0.5, 0.0])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [(np.uint8, np.float32), (np.int64, np.float32), (bool, np.float32), (np.float32, np.float32), (float, float)],
)
def test_rescale_and_standardizer_keep_dtypes(dtype: Any, expected: Any) -> None:
    X = np.array([[0, 1], [1, 0], [1, 1]], dtype)
    standardize = Standardizer(X)
    for result in (rescale(X), standardize(X), standardize.inverse(X)):
        assert result.dtype == expected
        assert not np.shares_memory(result, X)


def test_standardizer_uses_the_training_data(rng: np.random.Generator) -> None:
    X = rng.normal(3, [1, 10, 100], size=(3000, 3))
    standardize = Standardizer(X)
    np.testing.assert_allclose(standardize.mean, X.mean(axis=0))
    np.testing.assert_allclose(standardize.deviation, X.std(axis=0))
    np.testing.assert_allclose(standardize(X).std(axis=0), 1)
    other = rng.normal(size=(5, 3))
    np.testing.assert_allclose(standardize(other), (other - X.mean(axis=0)) / X.std(axis=0))
    np.testing.assert_allclose(standardize.inverse(standardize(other)), other)


@pytest.mark.parametrize("value", [0.1, 7.0, 1e-300])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_standardizer_maps_a_constant_feature_to_0(value: float, dtype: Any) -> None:
    X = np.full((1001, 2), value, dtype)
    X[0, 1] *= 2
    scaled = Standardizer(X)(X)
    assert not scaled[:, 0].any()
    assert np.isfinite(scaled).all()


def test_standardizer_does_not_copy_a_large_data_set(rng: np.random.Generator) -> None:
    pixels = rng.integers(0, 256, size=(50_000, 100), dtype=np.uint8)
    tracemalloc.start()
    try:
        Standardizer(pixels)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < pixels.nbytes


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rescale([1], (2, 2)), ValueError, r"rescale: the ends of source must differ, got \(2, 2\)"),
        (lambda: rescale([1], target=(0, 0)), ValueError, "the ends of target must differ"),
        (lambda: rescale(["a"]), TypeError, "rescale: expected real numbers"),
        (lambda: Standardizer(np.zeros((0, 2))), ValueError, "Standardizer: X is empty"),
        (lambda: Standardizer([[1.0], [np.inf]]), ValueError, "Standardizer: X contains NaN or infinity"),
        (lambda: Standardizer([[1.0], [np.nan]]), ValueError, "Standardizer: X contains NaN or infinity"),
        (lambda: Standardizer([[1.0, 2.0]])([[1.0]]), ValueError, r"made for samples of shape \(2,\), got \(1,\)"),
    ],
)
def test_scaling_rejects_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
