"""Fashion-MNIST, the book's network for it, and a trained model, for chapters 19 to 22."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

import nn


class Images(NamedTuple):
    """Images as stored in the files, `(samples, side, side)` bytes, and their classes."""

    name: str
    classes: tuple[str, ...]
    X: NDArray[np.uint8]
    y: NDArray[np.int64]
    X_test: NDArray[np.uint8]
    y_test: NDArray[np.int64]


class Data(NamedTuple):
    """Images as rows of pixels from -1 to 1; `side` is their height and width."""

    name: str
    classes: tuple[str, ...]
    side: int
    X: NDArray[np.float32]
    y: NDArray[np.int64]
    X_test: NDArray[np.float32]
    y_test: NDArray[np.int64]


def images() -> Images:
    """Return Fashion-MNIST if it has been downloaded, else the digits included in scikit-learn."""
    try:
        return Images("Fashion-MNIST", nn.datasets.FASHION_CLASSES, *nn.datasets.fashion_mnist(download=False))
    except FileNotFoundError:
        print("  Fashion-MNIST has not been downloaded, so handwritten digits are used instead.")
        print("  To download it (30 MB): python -c 'import nn; nn.datasets.fashion_mnist()'")
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    pictures = [np.rint(255 * rows).astype(np.uint8).reshape(-1, 8, 8) for rows in (X, X_test)]
    return Images("digits", tuple("0123456789"), pictures[0], y, pictures[1], y_test)


def data(rng: np.random.Generator, *, samples: int | None = None) -> Data:
    """Return the images, scaled, flattened and shuffled.

    Args:
        rng: shuffles the training data, so that every batch contains all classes.
        samples: the number of training images; default: all.
    """
    name, classes, X, y, X_test, y_test = images()
    order = rng.permutation(len(y))[:samples]
    print(f"  {name}: {len(order):,} images for training, {len(y_test):,} for testing")
    rows, test_rows = (nn.data.rescale(pixels).reshape(len(pixels), -1) for pixels in (X[order], X_test))
    return Data(name, classes, X.shape[1], rows, y[order], test_rows, y_test)


def network(pixels: int, rng: np.random.Generator) -> nn.Sequential:
    """Return the book's network: two hidden layers of 128 neurons, and scores for ten classes."""
    start = nn.init.normal(0.01)
    sizes = [(pixels, 128), (128, 128), (128, 10)]
    dense = [nn.Dense(inputs, neurons, weight_init=start, rng=rng) for inputs, neurons in sizes]
    return nn.Sequential(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])


def model(layers: nn.Sequential) -> nn.Model:
    """Return a model with the book's settings: Adam with a decay of 1e-3."""
    return nn.Model(
        layers,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=nn.Adam(layers.parameters(), decay=1e-3),
        metrics=[nn.CategoricalAccuracy()],
        rng=0,
    )


def trained(given: Data, *, epochs: int) -> nn.Model:
    """Return a model trained on these data. Digits are few, so they are used for ten times as many epochs."""
    epochs *= 10 if given.name == "digits" else 1
    found = model(network(given.side**2, np.random.default_rng(0)))
    history = found.fit(given.X, given.y, epochs=epochs, batch_size=128, verbose=0)
    print(
        f"  trained for {epochs} epoch{'s' * (epochs > 1)}: accuracy {history['accuracy'][-1]:.3f} on the training data"
    )
    return found
