"""Conversion of a model's outputs to classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn.losses import BinaryCrossEntropy, CategoricalCrossEntropy, SigmoidBinaryCrossEntropy, SoftmaxCrossEntropy
from nn.plots.inputs import Model, checked_outputs

ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Decisions:
    """Decisions of a model for some samples.

    Attributes:
        scores: `(samples, classes)`; the class with the largest score is chosen, the first one in case of ties.
        certainty: `(samples,)`, from 0 (all classes are equally likely) to 1 (no other class is possible); 1 everywhere
            if the loss does not convert the outputs to probabilities.
    """

    scores: NDArray[Any]
    certainty: NDArray[Any]

    @property
    def classes(self) -> NDArray[np.intp]:
        """The chosen class of each sample."""
        classes: NDArray[np.intp] = self.scores.argmax(axis=-1)
        return classes


def decide(asker: str, model: Model, X: ArrayLike) -> Decisions:
    """Return the decisions of `model` for the samples `X`.

    Several outputs are scores of the classes. A single output decides between classes 0 and 1, with threshold 0 for
    `SigmoidBinaryCrossEntropy`, whose outputs are logits, and 0.5 for other losses.

    Raises:
        ValueError: the outputs are several binary decisions per sample, do not have one row per sample, or are not
            finite.
    """
    outputs = checked_outputs(asker, model.predict(X, batch_size=ROWS_AT_ONCE))
    if outputs.ndim == 1:
        outputs = outputs[:, None]
    if outputs.ndim != 2:
        raise ValueError(f"{asker}: expected outputs of shape (samples, classes), got {outputs.shape}.")
    if outputs.shape[1] == 1:
        return _yes_or_no(model.loss, outputs)
    if isinstance(model.loss, (BinaryCrossEntropy, SigmoidBinaryCrossEntropy)):
        raise ValueError(
            f"{asker}: with {type(model.loss).__name__} each of the {outputs.shape[1]} outputs is a separate "
            "yes-or-no answer, not a class. Draw a model with a single output."
        )
    return Decisions(outputs, _certainty(model.loss, outputs))


def labels_of(asker: str, y: NDArray[Any], classes: int) -> NDArray[np.intp]:
    """Return the class numbers `(samples,)` of targets that are class numbers, a column of them, or one-hot rows.

    Raises:
        ValueError: the shape differs, or an element is not a class number from 0 to `classes` - 1.
    """
    labels = y.argmax(axis=1) if y.ndim == 2 and y.shape[1] == classes else y
    if labels.shape not in ((len(y),), (len(y), 1)):
        raise ValueError(
            f"{asker}: y must be class numbers (samples,) or one-hot rows (samples, {classes}), got shape {y.shape}."
        )
    numbers = labels.ravel().astype(np.intp)
    wrong = (numbers != labels.ravel()) | (numbers < 0) | (numbers >= classes)
    if wrong.any():
        raise ValueError(f"{asker}: y must hold class numbers 0 … {classes - 1}, got {labels.ravel()[wrong][0]}.")
    return numbers


def _yes_or_no(loss: Any, outputs: NDArray[Any]) -> Decisions:
    are_logits = isinstance(loss, SigmoidBinaryCrossEntropy)
    threshold = 0.0 if are_logits else 0.5
    probabilities = tg.sigmoid(outputs).data if are_logits else np.clip(outputs, 0, 1)
    scores = np.concatenate([threshold - outputs, outputs - threshold], axis=1)
    return Decisions(scores, np.abs(2 * probabilities[:, 0] - 1))


def _certainty(loss: Any, outputs: NDArray[Any]) -> NDArray[Any]:
    if isinstance(loss, SoftmaxCrossEntropy):
        outputs = tg.softmax(outputs).data
    elif not isinstance(loss, CategoricalCrossEntropy):
        return np.ones(len(outputs), outputs.dtype)
    guess = 1 / outputs.shape[1]
    certainty: NDArray[Any] = np.clip((outputs.max(axis=1) - guess) / (1 - guess), 0, 1)
    return certainty
