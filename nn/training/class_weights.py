"""Class weights in the minimised loss."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.data import Batches
from nn.losses import PerOutput
from nn.training.checks import LossFunction
from tensorgrad import Tensor


class ClassWeightedLoss:
    """Loss in which each sample is weighted by its class.

    Args:
        loss: the loss without class weights.
        class_weight: a dict from class numbers to weights, where omitted classes have weight 1; or "balanced", for
            weights inversely proportional to the class frequencies.
        data: the training samples. The weights are scaled so that their mean over these samples is 1.

    Raises:
        TypeError: `class_weight` has the wrong type, or the targets are not classes.
        ValueError: a weight is negative or not finite, or all are 0.
    """

    def __init__(self, loss: LossFunction, class_weight: Any, data: Batches) -> None:
        if isinstance(loss, PerOutput) or not isinstance(data.y, np.ndarray):
            raise TypeError("fit: class_weight is for networks with one output. Give sample_weight instead.")
        if data.sample_weight is not None and data.sample_weight.ndim > 1:
            raise TypeError(
                "fit: class_weight cannot be combined with a sample_weight for each step. Pass only a "
                "sample_weight, in which each step is multiplied by the weight of its class."
            )
        self.loss = loss
        self.__name__ = getattr(loss, "__name__", type(loss).__name__)
        labels = _labels(data.y)
        if isinstance(class_weight, str) and class_weight == "balanced":
            classes, counts = np.unique(labels, return_counts=True)
            class_weight = dict(zip(classes.tolist(), (len(labels) / (len(classes) * counts)).tolist()))
        self.weights = np.ones(labels.max(initial=0) + 1)
        for label, weight in _checked(class_weight).items():
            if label < len(self.weights):
                self.weights[label] = weight
        samples = np.ones(len(labels)) if data.sample_weight is None else data.sample_weight
        total = float(np.sum(samples * self.weights[labels]))
        if not total:
            raise ValueError("fit: class_weight is 0 for the class of every sample.")
        self.weights *= len(labels) / total

    def __call__(self, predictions: Any, targets: Any, sample_weight: Any = None) -> Tensor:
        """Return the loss, in which each sample is weighted by its own weight and that of its class."""
        return self.loss(predictions, targets, self.weights_of(targets, sample_weight))

    def weights_of(self, targets: NDArray[Any], sample_weight: Any = None) -> NDArray[Any]:
        """Return the weight of each sample: that of its class, times its own."""
        weights = self.weights[_labels(targets)]
        return weights if sample_weight is None else weights * sample_weight


def _checked(class_weight: Any) -> Mapping[int, float]:
    if not isinstance(class_weight, Mapping):
        raise TypeError(
            f'fit: class_weight must be a dict such as {{0: 1.0, 1: 5.0}}, or "balanced", got {class_weight!r}.'
        )
    for label, weight in class_weight.items():
        if isinstance(label, bool) or not isinstance(label, (int, np.integer)) or label < 0:
            raise TypeError(f"fit: the keys of class_weight must be class numbers from 0, got {label!r}.")
        if isinstance(weight, bool) or not isinstance(weight, (int, float, np.integer, np.floating)):
            raise TypeError(f"fit: class_weight[{label}] must be a number, got {weight!r}.")
        if not (math.isfinite(weight) and weight >= 0):
            raise ValueError(f"fit: class_weight[{label}] must be finite and at least 0, got {weight!r}.")
    return class_weight


def _labels(targets: NDArray[Any]) -> NDArray[np.intp]:
    """Return the class of each sample, from class numbers, a column of class numbers, or one-hot rows."""
    if targets.ndim == 2 and targets.shape[1] > 1:
        return np.asarray(targets.argmax(axis=1))
    labels = targets.reshape(len(targets), -1)[:, 0].astype(np.intp) if targets.size == len(targets) else None
    if labels is None or not np.array_equal(labels, targets.ravel()) or labels.min(initial=0) < 0:
        raise TypeError("fit: class_weight needs classes as targets: class numbers (samples,), or one-hot rows.")
    return labels
