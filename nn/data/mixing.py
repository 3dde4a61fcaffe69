"""Mixup: new samples between those of a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._rng import Rng, generator
from nn._several import mapped, named
from nn._validation import finite_number, whole_number
from nn.data.arrays import as_inputs, as_targets


def mixup(X: Any, y: Any, alpha: float = 0.2, rng: Rng = None, *, classes: int | None = None) -> tuple[Any, Any]:
    """Return a batch in which each sample is a weighted mean of two, and their targets mixed in the same way.

        X = λ·X + (1 − λ)·X[order]        y = λ·y + (1 − λ)·y[order]

    λ is drawn from the distribution Beta(α, α), once for the batch, and the order is random. For training with
    `nn.data.Batches`: `mix=lambda X, y, rng: nn.data.mixup(X, y, 0.2, rng, classes=10)`.

    Args:
        X: samples `(samples, ...)`; for several inputs, a tuple or dict. Integers become float32.
        y: targets: numbers, rows of probabilities, or class numbers together with `classes`.
        alpha: α, above 0. Small values leave most samples nearly unchanged.
        rng: a `Generator`, a `RandomState`, a seed, or None.
        classes: the number of classes, if y holds class numbers. The new targets are then rows of probabilities.

    Raises:
        ValueError: X and y differ in length, class numbers without `classes` or out of range, or `alpha` not above 0.
        TypeError: X or y are not numbers, or `alpha` or `classes` has the wrong type.

    Zhang, Cissé, Dauphin and Lopez-Paz, "mixup: Beyond Empirical Risk Minimization" (2018).

    >>> X, y = mixup(np.array([[0.0], [1.0]]), np.array([0, 1]), 1.0, rng=0, classes=2)
    >>> bool(np.allclose(X[:, 0], y[:, 1]))
    True
    """
    concentration = finite_number("mixup: alpha", alpha)
    if not concentration > 0:
        raise ValueError(f"mixup: alpha must be above 0, got {alpha!r}.")
    X = as_inputs("mixup: X", X)
    samples = len(named(X)[0][1])
    y = as_targets("mixup", y, samples, mapped(np.shape, X))
    targets = mapped(lambda array: _as_rows(array, classes), y)
    draws = generator(rng)
    fraction, order = float(draws.beta(concentration, concentration)), draws.permutation(samples)

    def mixed(array: NDArray[Any]) -> NDArray[Any]:
        if array.dtype.kind != "f":
            array = array.astype(np.float32)
        between: NDArray[Any] = fraction * array + (1 - fraction) * array[order]
        return between

    return mapped(mixed, X), mapped(mixed, targets)


def _as_rows(y: NDArray[Any], classes: int | None) -> NDArray[Any]:
    """Return class numbers as rows of probabilities, and other targets as they are."""
    if y.dtype.kind not in "iu" or (y.ndim > 1 and classes is None):
        return y
    if classes is None:
        raise ValueError(
            "mixup: y holds integers. Pass classes=… for class numbers, or convert the numbers: y.astype(np.float32)."
        )
    count = whole_number("mixup: classes", classes)
    if y.min(initial=0) < 0 or y.max(initial=0) >= count:
        raise ValueError(f"mixup: expected class numbers of 0 … {count - 1}, got {y.min()} … {y.max()}.")
    rows: NDArray[Any] = np.eye(count, dtype=np.float32)[y]
    return rows
