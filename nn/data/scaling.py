"""Scaling of features."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.data.arrays import as_numbers, as_samples, slices
from nn.data.conversion import check_columns, column_names

ROWS_AT_ONCE = 1024
"""Number of rows that `Standardizer` processes at a time, so that only these are copied to float64."""


def rescale(
    X: ArrayLike, source: tuple[float, float] = (0, 255), target: tuple[float, float] = (-1, 1)
) -> NDArray[Any]:
    """Map numbers linearly from the range `source` to the range `target`; by default, image bytes to -1 … 1.

    With the default it computes `(X - 127.5) / 127.5`, as *Neural Networks from Scratch* does in chapter 19.

    Args:
        X: numbers of any shape with at least one axis. Values outside `source` are mapped outside `target`.
        source: two distinct numbers.
        target: the range to map to.

    Returns:
        A new array: float32 for integers, otherwise in the dtype of X.

    Raises:
        ValueError: the two ends of a range are equal.
        TypeError: X are not real numbers.

    >>> rescale(np.array([0, 51, 255], np.uint8))
    array([-1. , -0.6,  1. ], dtype=float32)
    >>> rescale(np.array([0, 51, 255], np.uint8), target=(0, 1))
    array([0. , 0.2, 1. ], dtype=float32)
    """
    array = as_numbers("rescale", X)
    for name, (low, high) in (("source", source), ("target", target)):
        if low == high:
            raise ValueError(f"rescale: the ends of {name} must differ, got {(low, high)}.")
    divisor = (source[1] - source[0]) / (target[1] - target[0])
    scaled: NDArray[Any] = np.subtract(array, source[0] - target[0] * divisor, dtype=_float_for(array))
    scaled /= divisor
    return scaled


class Standardizer:
    """Scale each feature to mean 0 and standard deviation 1, with statistics of the training data.

    See *Neural Networks from Scratch*, chapter 13: validation and test data are scaled with the statistics of the
    training data. A feature that is constant becomes 0.

    Args:
        X: the training samples, `(samples, ...)`.

    Attributes:
        mean: the mean of each feature, float64, `X.shape[1:]`.
        deviation: the standard deviation of each feature; 1 where it is 0.
        columns: the names of the columns if X is a DataFrame whose column names are strings; otherwise None.

    Calling it with samples of that shape returns new samples: float32 for integers, otherwise in their dtype. A
    DataFrame must have the same columns in the same order.

    Raises:
        ValueError: there are no samples, or masked entries, NaN or infinity; when called, samples of another shape or
            with other columns.
        TypeError: not real numbers.

    >>> standardize = Standardizer([[0.0, 5.0], [2.0, 5.0]])
    >>> standardize([[0.0, 5.0], [1.0, 5.0], [4.0, 6.0]])
    array([[-1.,  0.], [ 0.,  0.], [ 3.,  1.]])
    >>> standardize.inverse([[3.0, 1.0]])
    array([[4., 6.]])
    """

    columns: tuple[str, ...] | None = None

    def __init__(self, X: ArrayLike) -> None:
        samples = as_samples("Standardizer: X", X)
        self.columns = column_names(X)
        lowest = np.asarray(samples.min(axis=0), np.float64)
        constant = lowest == samples.max(axis=0)  # the computed mean may have a rounding error
        mean = np.where(constant, lowest, samples.mean(axis=0, dtype=np.float64))
        if not np.isfinite(mean).all():
            raise ValueError("Standardizer: X contains NaN or infinity.")
        squares = np.zeros(mean.shape, np.float64)
        for rows in slices(len(samples), ROWS_AT_ONCE):
            squares += np.square(samples[rows] - mean).sum(axis=0)
        deviation = np.sqrt(squares / len(samples))
        self.mean: NDArray[np.float64] = mean
        self.deviation: NDArray[np.float64] = np.where(deviation == 0, 1.0, deviation)

    def __call__(self, X: ArrayLike) -> NDArray[Any]:
        """Return the scaled samples."""
        samples = self._checked(X)
        dtype = _float_for(samples)
        scaled: NDArray[Any] = np.subtract(samples, self.mean.astype(dtype), dtype=dtype)
        scaled /= self.deviation.astype(dtype)
        return scaled

    def inverse(self, X: ArrayLike) -> NDArray[Any]:
        """Return the original samples for scaled samples."""
        samples = self._checked(X)
        dtype = _float_for(samples)
        original: NDArray[Any] = np.multiply(samples, self.deviation.astype(dtype), dtype=dtype)
        original += self.mean.astype(dtype)
        return original

    def __repr__(self) -> str:
        return f"Standardizer(for samples of shape {self.mean.shape})"

    def _checked(self, X: ArrayLike) -> NDArray[Any]:
        samples = as_numbers("Standardizer", X)
        if samples.shape[1:] != self.mean.shape:
            raise ValueError(
                f"Standardizer: made for samples of shape {self.mean.shape}, got {samples.shape[1:]} (X has shape "
                f"{samples.shape})."
            )
        check_columns("Standardizer", self.columns, column_names(X))
        return samples


def _float_for(array: NDArray[Any]) -> np.dtype[Any]:
    return array.dtype if array.dtype.kind == "f" else np.dtype(np.float32)
