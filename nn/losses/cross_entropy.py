"""Cross-entropy as operations, each with its derivative written by hand.

The targets must have been validated by `nn.losses.targets`: class targets are np.intp labels `(…)` or rows
`(…, classes)`, for predictions `(…, classes)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg
from nn.functional import ones
from tensorgrad import domains

LOWEST, HIGHEST = 1e-7, 1 - 1e-7
"""The book's bounds for the probabilities inside a logarithm."""

INSIDE = domains.Domain(0.05, 0.95)


def _one_hot(labels: Any, classes: int) -> Any:
    return labels[..., None] == np.arange(classes)


def _picked(values: Any, targets: Any) -> Any:
    """Return Σ targets·values over the classes of each sample; for labels, the value of the labelled class."""
    if targets.ndim == values.ndim:
        return np.sum(targets * values, axis=-1)
    rows = values.reshape(-1, values.shape[-1])
    return rows[np.arange(rows.shape[0]), targets.reshape(-1)]


NARROW = 64
"""Maximum number of classes for which the softmax stores its numbers class by class."""


def _rows(values: Any) -> Any:
    """Return the samples as rows of a matrix, for any number of leading axes."""
    return values if values.ndim == 2 else values.reshape(-1, values.shape[-1])


def _shifted_powers(logits: Any) -> tuple[Any, Any, Any]:
    """Return x = logits - max(logits), eˣ, and Σeˣ, over the classes.

    The shift is taken from the plain array: no gradient passes through it, as it changes no result.
    NumPy's loops run along the last axis in memory. If that were the classes, and there are few, they would take up to
    five times as long, so a copy of the logits is made first. A product with ones takes a fourth of the time of a sum.
    """
    values = logits.array if isinstance(logits, tg.Tensor) else logits
    if isinstance(values, np.ndarray) and values.shape[-1] <= NARROW:
        values = np.asfortranarray(values)
    largest = np.maximum.reduce(values, axis=-1, keepdims=True)
    x = (logits if isinstance(logits, tg.Tensor) else values) - largest
    powers = np.exp(x)
    return x, powers, np.matmul(powers, ones(values.shape[-1], values.dtype))[..., None]


def _excess(targets: Any, powers: Any, total: Any, axes: int) -> Any:
    """Return softmax - targets as rows, for logits with this number of axes."""
    if targets.ndim < axes:
        return powers / total - _one_hot(targets.reshape(-1), powers.shape[-1])
    rows = _rows(targets)
    return powers * (np.sum(rows, axis=-1, keepdims=True) / total) - rows


def _softmax_minus_targets(g: Any, logits_shape: tuple[int, ...], targets: Any, powers: Any, total: Any) -> Any:
    """`g * (softmax(logits) - one_hot(targets)) / samples`: *Neural Networks from Scratch*, chapter 9."""
    samples = powers.shape[0]
    if targets.ndim < len(logits_shape) and isinstance(powers, np.ndarray):
        excess = powers / total
        excess[np.arange(samples), targets.reshape(-1)] -= 1
    else:
        excess = _excess(targets, powers, total, len(logits_shape))
    excess *= g / samples
    return excess if len(logits_shape) == 2 else excess.reshape(logits_shape)


def _softmax_minus_targets_again(g: Any, logits: Any, targets: Any) -> Any:
    """`g * (softmax(logits) - one_hot(targets)) / samples`, from the logits."""
    _, powers, total = _shifted_powers(_rows(logits))
    excess = _excess(targets, powers, total, logits.ndim) * (g / powers.shape[0])
    return excess if logits.ndim == 2 else np.reshape(excess, logits.shape)


_SOFTMAX_EXAMPLES = [domains.case((2, 3), (2, 3)), domains.case((3,), (3,))]


def _softmax_reference(logits: Any, targets: Any) -> Any:
    """Return the loss from log Σeˣ."""
    return np.mean(np.sum(targets * (np.logaddexp.reduce(logits, axis=-1, keepdims=True) - logits), axis=-1))


@tg.op(
    logits=_softmax_minus_targets_again,
    targets=None,
    examples=_SOFTMAX_EXAMPLES,
    reference=_softmax_reference,
)
def softmax_cross_entropy_again(logits: Any, targets: Any) -> Any:
    """`softmax_cross_entropy` without kept values, so that its rule can be differentiated.

    >>> softmax_cross_entropy_again([[0.0, 1e4]], [[1.0, 0.0]])
    Tensor(10000.)
    """
    return _softmax_cross_entropy(logits, targets)[0]


def _softmax_cross_entropy(logits: Any, targets: Any) -> Any:
    """Return the loss, and eˣ and Σeˣ for its rule."""
    x, powers, total = _shifted_powers(_rows(logits))
    logs = np.log(total)
    if targets.ndim == logits.ndim:
        losses = _rows(targets) * (logs - x)
    else:
        losses = logs[:, 0] - x[np.arange(x.shape[0]), targets.reshape(-1)]
    return np.add.reduce(losses, axis=None) / x.shape[0], (powers, total)


@tg.op(
    logits=_softmax_minus_targets,
    targets=None,
    keep=["powers", "total"],  # computing them again takes 9 µs of 120 in a step of the spiral
    composed=softmax_cross_entropy_again,
    examples=_SOFTMAX_EXAMPLES,
    reference=_softmax_reference,
)
def softmax_cross_entropy(logits: Any, targets: Any) -> Any:
    """-Σ targets·log softmax(logits), averaged over the samples. Rows of targets need not sum to 1.

    >>> softmax_cross_entropy([[0.0, 1e4]], [[1.0, 0.0]])
    Tensor(10000.)
    """
    return _softmax_cross_entropy(logits, targets)


def _minus_targets_over_probabilities(g: Any, probabilities: Any, targets: Any) -> Any:
    """`-g * one_hot(targets) / probabilities / samples`, as they came in, bounded only where 1/p would overflow."""
    classes = probabilities.shape[-1]
    rows = targets if targets.ndim == probabilities.ndim else _one_hot(targets, classes)
    smallest = 1e4 * float(np.finfo(probabilities.dtype).tiny)
    return rows / np.maximum(probabilities, smallest) * (-g * (classes / probabilities.size))


@tg.op(
    probabilities=_minus_targets_over_probabilities,
    targets=None,
    domain=INSIDE,
    examples=[domains.case((2, 3), (2, 3))],
    reference=lambda probabilities, targets: np.mean(-np.sum(targets * np.log(probabilities), axis=-1)),
)
def categorical_cross_entropy(probabilities: Any, targets: Any) -> Any:
    """-Σ targets·log p, averaged over the samples, with p clipped to [1e-7, 1 - 1e-7] in the value only.

    `targets` as in `softmax_cross_entropy`.

    >>> categorical_cross_entropy([[1.0, 0.0]], [[0.0, 1.0]])
    Tensor(16.11809565)
    """
    logs = np.log(np.clip(probabilities, LOWEST, HIGHEST))
    return np.sum(_picked(logs, targets)) * (-logs.shape[-1] / logs.size)


def _sigmoid_minus_targets(g: Any, logits: Any, targets: Any, weights: Any) -> Any:
    """`g * (sigmoid(logits) - targets) * (1 if weights is None else weights) / logits.size`."""
    excess = (tg.sigmoid.apply(logits) - targets) * (g / logits.size)
    return excess if weights is None else excess * weights


@tg.op(
    logits=_sigmoid_minus_targets,
    targets=None,
    weights=None,
    examples=[domains.case((2, 3), (2, 3)), domains.case((3,), (3,)), domains.case((2, 3), (2, 3), (2, 3))],
    reference=lambda logits, targets, weights=1: np.mean((np.logaddexp(0, logits) - targets * logits) * weights),
)
def sigmoid_binary_cross_entropy(logits: Any, targets: Any, weights: Any = None) -> Any:
    """-targets·log s - (1 - targets)·log(1 - s) with s = sigmoid(logits), times weights, averaged over everything.

    Written as max(x, 0) - x·targets + log(1 + e^-|x|), which never overflows.

    >>> sigmoid_binary_cross_entropy([0.0, 1e4], [1.0, 0.0])
    Tensor(5000.34657359)
    """
    values = np.maximum(logits, 0) - logits * targets + np.log1p(np.exp(-np.absolute(logits)))
    return np.sum(values if weights is None else values * weights) / values.size


def _binary_slope(g: Any, probabilities: Any, targets: Any, weights: Any) -> Any:
    """`g * ((1 - targets) / (1 - clipped(probabilities)) - targets / clipped(probabilities)) * (
    1 if weights is None else weights) / probabilities.size`.
    """
    p = np.clip(probabilities, LOWEST, HIGHEST)
    slope = ((1 - targets) / (1 - p) - targets / p) * (g / probabilities.size)
    return slope if weights is None else slope * weights


@tg.op(
    probabilities=_binary_slope,
    targets=None,
    weights=None,
    domain=INSIDE,
    examples=[domains.case((2, 3), (2, 3)), domains.case((3,), (3,)), domains.case((2, 3), (2, 3), (2, 3))],
    reference=lambda probabilities, targets, weights=1: np.mean(
        -(targets * np.log(probabilities) + (1 - targets) * np.log1p(-probabilities)) * weights
    ),
)
def binary_cross_entropy(probabilities: Any, targets: Any, weights: Any = None) -> Any:
    """-targets·log p - (1 - targets)·log(1 - p), times weights, averaged; p is clipped to [1e-7, 1 - 1e-7].

    >>> binary_cross_entropy([0.5, 0.0], [1.0, 1.0])
    Tensor(8.40562142)
    """
    p = np.clip(probabilities, LOWEST, HIGHEST)
    values = targets * np.log(p) + (1 - targets) * np.log(1 - p)
    return -np.sum(values if weights is None else values * weights) / p.size
