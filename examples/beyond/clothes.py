"""Fashion-MNIST as 28×28 images for convolutions, or enlarged handwritten digits where it is missing."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn


class Clothes(NamedTuple):
    """Images `(samples, 28, 28, 1)` with pixels from 0 to 1, and their classes, split into three parts."""

    name: str
    classes: tuple[str, ...]
    X: NDArray[np.float32]
    y: NDArray[np.int64]
    X_validation: NDArray[np.float32]
    y_validation: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def load(*, samples: int | None = None) -> Clothes:
    """Return Fashion-MNIST if its files are on this machine, otherwise the digits of scikit-learn.

    Args:
        samples: the number of training and validation images to use. Default: all.

    Returns:
        The data; a twelfth of the training images is used for validation, which leaves 55,000 of Fashion-MNIST.
    """
    try:
        X, y, X_test, y_test = nn.datasets.fashion_mnist(download=False)
        name, classes = "Fashion-MNIST", nn.datasets.FASHION_CLASSES
    except FileNotFoundError:
        print("  Fashion-MNIST is not on this machine: handwritten digits, enlarged to 28×28 pixels, replace it.")
        print("  To download it (30 MB): python -c 'import nn; nn.datasets.fashion_mnist()'")
        rows, y, test_rows, y_test = nn.datasets.digits(rng=0)
        X, X_test = (np.pad(255 * enlarged(each), ((0, 0), (2, 2), (2, 2))) for each in (rows, test_rows))
        name, classes = "digits", tuple("0123456789")
    order = np.random.default_rng(0).permutation(len(X))[:samples]
    X, y = X[order], y[order]
    held_out = len(X) // 12
    parts = [(X[held_out:], y[held_out:]), (X[:held_out], y[:held_out]), (X_test, y_test)]
    scaled = [((images / 255).astype(np.float32)[..., None], labels) for images, labels in parts]
    sizes = ", ".join(f"{len(labels):,} for {part}" for (_, labels), part in zip(scaled, Clothes._fields[2::2]))
    print(f"  {name}: {sizes.replace('X_', '').replace('X', 'training')}")
    return Clothes(name, classes, *scaled[0], *scaled[1], *scaled[2])


def enlarged(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return 8×8 digits with each pixel repeated three times in both directions."""
    return rows.reshape(-1, 8, 8).repeat(3, axis=1).repeat(3, axis=2)
