"""Splitting of data into training and test sets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._rng import Rng, generator
from nn._validation import whole_number
from nn.data.arrays import as_pair

Parts: TypeAlias = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
"""X and y for training, X and y for testing."""


def split(X: ArrayLike, y: ArrayLike, share: float = 0.2, *, stratify: bool = False, rng: Rng = None) -> Parts:
    """Split samples at random into training data and a fraction `share` of test data.

    See *Neural Networks from Scratch*, chapter 12.

    Args:
        X: samples `(samples, ...)`.
        y: a target for each.
        share: the fraction of the samples in the test data, in (0, 1).
        stratify: whether to preserve the class proportions, where y holds class numbers `(samples,)`.
        rng: the source of randomness: a `Generator`, a `RandomState`, a seed, or None.

    Returns:
        X_train, y_train, X_test, y_test: copies, in random order.

    Raises:
        ValueError: `share` is outside (0, 1) or leaves a part empty; X and y differ in length; `stratify` without class
            numbers.
        TypeError: data that are not real numbers.

    >>> X_train, y_train, X_test, y_test = split([[1.0], [2.0], [3.0], [4.0], [5.0]], [1, 2, 3, 4, 5], rng=0)
    >>> y_train, y_test
    (array([5, 4, 1, 2]), array([3]))
    """
    samples, targets = as_pair("split", X, y)
    if not 0 < share < 1:
        raise ValueError(f"split: share must be between 0 and 1, got {share!r}.")
    order = generator(rng).permutation(len(samples))
    chosen = np.zeros(len(order), bool)
    for members in _classes("split", targets[order]) if stratify else [np.arange(len(order))]:
        chosen[members[: round(share * len(members))]] = True
    if chosen.all() or not chosen.any():
        raise ValueError(f"split: with share {share} of {len(order)} samples, one of the parts is empty.")
    train, test = order[~chosen], order[chosen]
    return samples[train], targets[train], samples[test], targets[test]


def k_fold(X: ArrayLike, y: ArrayLike, k: int = 5, *, stratify: bool = False, rng: Rng = None) -> Iterator[Parts]:
    """Yield k splits of the samples, so that each sample is tested once and trained on k - 1 times.

    See *Neural Networks from Scratch*, chapter 12. The folds are drawn at random; their sizes differ by at most one.

    Args:
        X: samples `(samples, ...)`.
        y: a target for each.
        k: the number of folds, from 2 to the number of samples.
        stratify: whether to distribute each class evenly over the folds, where y holds class numbers `(samples,)`.
        rng: the source of randomness: a `Generator`, a `RandomState`, a seed, or None.

    Returns:
        An iterator of X_train, y_train, X_test, y_test: copies, in the order of the data.

    Raises:
        ValueError: k out of range, X and y of different length, stratify without class numbers.
        TypeError: data that are not real numbers, k that is not an integer.

    >>> for X_train, y_train, X_test, y_test in k_fold([[1.0], [2.0], [3.0], [4.0]], [1, 2, 3, 4], k=2, rng=0):
    ...     print(y_train, y_test)
    [1 4] [2 3]
    [2 3] [1 4]
    """
    samples, targets = as_pair("k_fold", X, y)
    k = whole_number("k_fold: k", k)
    if not 2 <= k <= len(samples):
        raise ValueError(f"k_fold: k must be from 2 to the number of samples, {len(samples)}, got {k}.")
    order = generator(rng).permutation(len(samples))
    if stratify:
        order = order[np.concatenate(_classes("k_fold", targets[order]))]
    fold = np.empty(len(order), np.intp)
    fold[order] = np.arange(len(order)) % k  # assign round-robin
    return (
        (samples[fold != number], targets[fold != number], samples[fold == number], targets[fold == number])
        for number in range(k)
    )


def _classes(what: str, labels: NDArray[Any]) -> list[NDArray[np.intp]]:
    """Return the indices of each class."""
    if labels.ndim != 1 or labels.dtype.kind == "f":
        raise ValueError(
            f"{what}: stratify needs class numbers, integers of shape (samples,), got shape {labels.shape} and dtype "
            f"{labels.dtype}."
        )
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]
