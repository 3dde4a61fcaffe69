"""Small colour images of objects, from CIFAR-10, or handwritten digits where it is missing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn

SUBSET = Path("cifar10_subset", "cifar10_subset.npz")
PER_CLASS = 500, 200
"""The number of training and test images of each class."""


class Objects(NamedTuple):
    """Images `(samples, height, width, 3)` of bytes and their classes, split into two parts."""

    name: str
    classes: tuple[str, ...]
    X: NDArray[np.uint8]
    y: NDArray[np.int64]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


def load() -> Objects:
    """Return 5,000 training and 2,000 test images of CIFAR-10 if they are on this machine, otherwise digits.

    The file `cifar10_subset/cifar10_subset.npz` in the folder named by `TENSORGRAD_DATA` is preferred to the archive of
    all 60,000 images.
    """
    subset = Path(os.environ.get("TENSORGRAD_DATA", "")) / SUBSET
    if subset.is_file():
        arrays = np.load(subset)
        parts = [arrays[f"{part}_{kind}"] for part in ("train", "test") for kind in ("images", "labels")]
        found = Objects("CIFAR-10", tuple(map(str, arrays["class_names"])), *parts)
    else:
        found = _without_the_subset()
    found = found._replace(y=found.y.astype(np.int64), y_test=found.y_test.astype(np.int64))
    print(f"  {found.name}: {len(found.X):,} images for training, {len(found.X_test):,} for testing")
    return found


def _without_the_subset() -> Objects:
    try:
        X, y, X_test, y_test = nn.datasets.cifar10(download=False)
    except FileNotFoundError:
        print("  CIFAR-10 is not on this machine: handwritten digits, enlarged to 16×16 pixels, replace it.")
        print("  To download it (162 MB): python -c 'import nn; nn.datasets.cifar10()'")
        return digits()
    first, second = first_of_each(y, PER_CLASS[0]), first_of_each(y_test, PER_CLASS[1])
    return Objects("CIFAR-10", nn.datasets.CIFAR10_CLASSES, X[first], y[first], X_test[second], y_test[second])


def digits() -> Objects:
    """Return the digits of scikit-learn, enlarged to 16×16 pixels, with three equal channels."""
    rows, y, test_rows, y_test = nn.datasets.digits(rng=0)
    images, test = ((255 * each).astype(np.uint8).reshape(-1, 8, 8, 1) for each in (rows, test_rows))
    X, X_test = (each.repeat(2, axis=1).repeat(2, axis=2).repeat(3, axis=3) for each in (images, test))
    return Objects("digits", tuple("0123456789"), X, y, X_test, y_test)


def first_of_each(y: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """Return the indices of the first `count` samples of each class, in the order of the samples.

    >>> first_of_each(np.array([0, 0, 1, 0, 1]), 1)
    array([0, 2])
    """
    return np.sort(np.concatenate([np.flatnonzero(y == label)[:count] for label in np.unique(y)]))
