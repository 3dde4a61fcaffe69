"""Classification metrics that are not means over samples, or that depend on the ranking of all classes."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._hints import PREDICTIONS
from nn._validation import as_array, whole_number
from nn.metrics.metric import Metric, weights_like
from tensorgrad import Tensor
from tensorgrad.arguments import with_hints

Average = Literal["binary", "macro", "micro"]


def _labels(metric: Metric, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
    """Return class numbers for predictions `(…, classes)`, from class numbers or one-hot rows.

    Raises:
        ValueError: shapes that do not fit, or a class number out of range.
        TypeError: class numbers that are not integers.
    """
    name = type(metric).__name__
    if predictions.ndim > 1 and targets.shape == predictions.shape:
        return np.argmax(targets, axis=-1)
    if predictions.ndim < 2 or targets.shape != predictions.shape[:-1]:
        raise ValueError(
            f"{name}: predictions of shape {predictions.shape} and targets of shape {targets.shape}. "
            "Expected (samples, classes) and class numbers (samples,), or one-hot rows (samples, classes)."
        )
    if targets.dtype.kind not in "iub":
        raise TypeError(f"{name}: class numbers must be integers, got {targets.dtype}.")
    return targets


def _check_range(metric: Metric, labels: NDArray[Any], classes: int) -> None:
    if isinstance(labels, np.ndarray) and labels.size and not 0 <= labels.min() <= labels.max() < classes:
        wrong = labels[(labels < 0) | (labels >= classes)].flat[0]
        raise ValueError(f"{type(metric).__name__}: class numbers must be 0 … {classes - 1}, got {wrong}.")


class Perplexity(Metric):
    """Exponential of the mean cross-entropy of logits.

    It is the number of equally likely classes among which a model effectively chooses.

    Predictions are logits of shape (…, classes), such as (batch, time, classes); targets are class numbers (…).

    Args:
        ignored_label: a label that is ignored, such as that of padding; None for none.

    Raises, when called:
        ValueError: the shapes do not match, or a class number out of range.
        TypeError: class numbers that are not integers.

    >>> round(Perplexity()([[0.0, 0.0, 0.0, 0.0]], [2]), 6)
    4.0
    """

    name = "perplexity"

    def __init__(self, ignored_label: int | None = None) -> None:
        self.ignored_label = ignored_label

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return the cross-entropy of each label, and 0 for ignored labels."""
        labels = _labels(self, predictions, targets)
        kept = self._kept(labels)
        labels = np.where(kept, labels, 0)
        _check_range(self, labels, predictions.shape[-1])
        logs = tg.log_softmax(predictions, axis=-1).array
        return np.where(kept, -np.take_along_axis(logs, labels[..., None], axis=-1)[..., 0], 0.0)

    def sums(
        self,
        predictions: ArrayLike | Tensor,
        targets: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, Any]:
        """Return what a batch adds to the mean: ignored labels have weight 0."""
        labels = _labels(self, as_array(predictions), as_array(targets))
        weights = self._kept(labels)
        if sample_weight is not None:
            weights = weights * weights_like(self, labels, as_array(sample_weight))
        return super().sums(predictions, targets, weights)

    def result(self) -> float:
        """Return the exponential of the mean over all batches since `reset`."""
        return math.exp(super().result())

    @with_hints(PREDICTIONS)
    def __call__(self, predictions: ArrayLike | Tensor, targets: ArrayLike | Tensor) -> float:
        """Return the perplexity of this batch; NaN if every label in it is ignored."""
        measured = self.measure(as_array(predictions), as_array(targets))
        count = np.sum(self._kept(_labels(self, as_array(predictions), as_array(targets))))
        return math.exp(np.sum(measured, dtype=np.float64) / count) if count else math.nan

    def _kept(self, labels: NDArray[Any]) -> Any:
        return np.ones(labels.shape, bool) if self.ignored_label is None else labels != self.ignored_label

    def __repr__(self) -> str:
        return f"Perplexity({'' if self.ignored_label is None else f'ignored_label={self.ignored_label}'})"


class TopKAccuracy(Metric):
    """The fraction of samples whose class is among the k largest outputs.

    Predictions and targets as for `CategoricalAccuracy`. Ties are resolved in favour of the first class.

    Args:
        k: at least 1.

    Raises:
        ValueError: `k` below 1; when called, `k` above the number of classes, or as `CategoricalAccuracy`.
        TypeError: `k` that is not an integer; class numbers that are not integers.

    >>> TopKAccuracy(2)([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7]], [1, 0])
    0.5
    """

    def __init__(self, k: int = 5) -> None:
        self.k = whole_number("TopKAccuracy: k", k)
        self.name = f"top_{self.k}_accuracy"

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return True for samples whose class is among the k largest outputs."""
        labels = _labels(self, predictions, targets)
        classes = predictions.shape[-1]
        if self.k > classes:
            raise ValueError(f"TopKAccuracy: k is {self.k}, but there are only {classes} classes.")
        _check_range(self, labels, classes)
        right = np.take_along_axis(predictions, labels[..., None], axis=-1)
        earlier = (predictions == right) & (np.arange(classes) < labels[..., None])
        ahead = np.sum((predictions > right) | earlier, axis=-1)
        return as_array((ahead < self.k) & ~np.isnan(right[..., 0]))

    def __repr__(self) -> str:
        return f"TopKAccuracy({self.k})"


class _Counting(Metric):
    """Base class of metrics computed from true positives, false positives and false negatives over all batches.

    Args:
        average: `"macro"` for the unweighted mean over the classes; `"micro"` for all classes counted together;
            `"binary"` for outputs of two classes, of which 1 is the positive one.
        threshold: for `"binary"`, an output above it means 1. The default is for probabilities; for logits pass 0.
    """

    def __init__(self, average: Average = "macro", threshold: float = 0.5) -> None:
        if average not in ("binary", "macro", "micro"):
            raise ValueError(f"{type(self).__name__}: average must be 'binary', 'macro' or 'micro', got {average!r}.")
        self.average, self.threshold = average, float(threshold)
        self._counts: Any = None

    def reset(self) -> None:
        """Discard the batches so far."""
        self._counts = None

    @with_hints(PREDICTIONS)
    def update(
        self,
        predictions: ArrayLike | Tensor,
        targets: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Add a batch, in which each sample is weighted by its sample weight."""
        weights = None if sample_weight is None else as_array(sample_weight)
        counts = self.measure(as_array(predictions), as_array(targets), weights)
        counts = np.asarray(counts)  # a few numbers, which need no GPU
        self._counts = counts if self._counts is None else self._counts + counts

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any], weights: NDArray[Any] | None = None) -> Any:
        """Return true positives, false positives and false negatives, for each class: `(3, classes)`."""
        if self.average == "binary":
            if predictions.shape != targets.shape:
                raise ValueError(
                    f"{type(self).__name__}: predictions of shape {predictions.shape} and targets of shape "
                    f"{targets.shape}. They must have the same shape; for classes, pass average='macro'."
                )
            found, right = predictions > self.threshold, targets.astype(bool)
            counted = 1 if weights is None else weights_like(self, found, weights)
            kinds = (found & right, found & ~right, ~found & right)
            return np.array([[np.sum(kind * counted)] for kind in kinds])
        labels, classes = _labels(self, predictions, targets), predictions.shape[-1]
        _check_range(self, labels, classes)
        counted = np.ones(labels.shape) if weights is None else weights_like(self, labels, weights)
        counted = np.broadcast_to(counted, labels.shape).reshape(-1)
        chosen, labels = np.argmax(predictions, axis=-1).reshape(-1), labels.reshape(-1)
        hit, predicted, present = (
            np.bincount(which, weight, minlength=classes)
            for which, weight in ((labels, counted * (chosen == labels)), (chosen, counted), (labels, counted))
        )
        return np.stack([hit, predicted - hit, present - hit])

    def result(self) -> float:
        """Return the value for all batches since `reset`.

        Raises:
            RuntimeError: there was no batch.
        """
        if self._counts is None:
            raise RuntimeError(f"{type(self).__name__}: no batch was added since reset.")
        return self._value(self._counts)

    @with_hints(PREDICTIONS)
    def __call__(self, predictions: ArrayLike | Tensor, targets: ArrayLike | Tensor) -> float:
        """Return the value for this batch alone, without changing the accumulated state."""
        return self._value(self.measure(as_array(predictions), as_array(targets)))

    def _value(self, counts: NDArray[Any]) -> float:
        occurs = counts.sum(axis=0) > 0  # a class that neither occurs nor is predicted is ignored
        counts = counts.sum(axis=1, keepdims=True) if self.average == "micro" else counts[:, occurs]
        if not counts.size:
            return 0.0
        hits, total = self._parts(*counts)
        return float(np.mean(np.where(total > 0, hits / np.where(total > 0, total, 1), 0.0)))

    def _parts(self, hits: Any, false: Any, missed: Any) -> tuple[Any, Any]:
        raise NotImplementedError

    def __repr__(self) -> str:
        shown = [] if self.average == "macro" else [f"average={self.average!r}"]
        shown += [] if self.threshold == 0.5 else [f"threshold={self.threshold:g}"]
        return f"{type(self).__name__}({', '.join(shown)})"


class Precision(_Counting):
    """Fraction of the samples predicted as a class that belong to it, over all batches.

    Predictions and targets as for `CategoricalAccuracy`, or, with `average="binary"`, as for `BinaryAccuracy`. A class
    that is never predicted has precision 0; one that neither occurs nor is predicted is ignored.

    Args:
        average: `"macro"`, `"micro"` or `"binary"`: the mean over classes, all classes together, or class 1 of two.
        threshold: for `"binary"`, an output above it means 1. The default is for probabilities; for logits pass 0.

    Raises:
        ValueError: an unknown `average`; when called, shapes or class numbers that do not fit.
        TypeError: class numbers that are not integers.

    >>> Precision(average="binary")([0.9, 0.8, 0.1], [1, 0, 1])
    0.5
    """

    name = "precision"

    def _parts(self, hits: Any, false: Any, missed: Any) -> tuple[Any, Any]:
        return hits, hits + false


class Recall(_Counting):
    """Fraction of the samples of a class that are predicted as it, over all batches.

    Arguments and conventions are those of `Precision`.

    >>> Recall(average="binary")([0.9, 0.8, 0.1, 0.2], [1, 1, 1, 1])
    0.5
    """

    name = "recall"

    def _parts(self, hits: Any, false: Any, missed: Any) -> tuple[Any, Any]:
        return hits, hits + missed


class F1(_Counting):
    """Harmonic mean of precision and recall, over all batches.

    With `average="macro"`, the mean of the values of the classes. Arguments and conventions are those of `Precision`.

    >>> round(F1(average="binary")([0.9, 0.8, 0.1, 0.2], [1, 1, 1, 0]), 6)  # precision 1, recall 2/3
    0.8
    """

    name = "f1"

    def _parts(self, hits: Any, false: Any, missed: Any) -> tuple[Any, Any]:
        return 2 * hits, 2 * hits + false + missed
