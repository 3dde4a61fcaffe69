"""Losses: scalar measures of the error of predictions.

All are averages over the outputs of a sample, then over the samples, in the dtype of the predictions. Called with
`sample_weight`, they multiply the loss of each sample by its weight before they average.
*Neural Networks from Scratch*, chapters 5, 16 and 17.
"""

from __future__ import annotations

import inspect
import math
import operator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._hints import LOSS, LOSS_SETTINGS, PREDICTIONS, attribute_hints
from nn._repr import described, settings
from nn.functional import overlap
from nn.losses.cross_entropy import (
    binary_cross_entropy,
    categorical_cross_entropy,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
)
from nn.losses.targets import (
    as_constant,
    as_predictions,
    check_binary,
    check_classes,
    check_same_shape,
    check_weights,
    check_within_0_and_1,
    difference,
    smoothed_rows,
    weighted_rows,
)
from tensorgrad import Tensor
from tensorgrad.arguments import with_hints


@attribute_hints(LOSS)
class Loss:
    """Base class: `loss(predictions, targets)` is a scalar tensor. Subclasses implement `forward`.

    >>> class MeanCubicError(Loss):
    ...     def forward(self, predictions, targets):
    ...         return tg.mean(tg.abs(predictions - targets) ** 3)
    >>> float(MeanCubicError()(Tensor([[1.0], [2.0]]), [[1.0], [0.0]]))
    4.0
    """

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "__init__" in vars(cls):
            cls.__init__ = with_hints(LOSS_SETTINGS)(vars(cls)["__init__"])  # type: ignore[method-assign]

    def forward(self, predictions: Any, targets: Any, sample_weight: Any = None) -> Tensor:
        """Compute the loss. Subclasses implement this; users call the loss itself.

        A subclass without the argument `sample_weight` cannot be used with weights.

        Raises:
            NotImplementedError: the subclass does not implement `forward`.
        """
        raise NotImplementedError(f"{type(self).__name__}: a loss needs a forward(self, predictions, targets) method.")

    @with_hints(PREDICTIONS)
    def __call__(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the result of `forward`.

        Args:
            predictions: the outputs of the network.
            targets: the true values.
            sample_weight: a number for each sample, or for each step `(samples, time)`, by which its loss is
                multiplied. The sum is still divided by the number of samples or steps, not by the sum of the weights.

        Raises:
            TypeError: the loss does not support weights.
        """
        if sample_weight is None:
            return self.forward(predictions, targets)
        if "sample_weight" not in inspect.signature(self.forward).parameters:
            raise TypeError(
                f"{type(self).__name__}: this loss takes no sample_weight. Write forward(self, predictions, targets, "
                "sample_weight=None), and multiply the loss of each sample by its weight before the mean is taken."
            )
        return self.forward(predictions, targets, sample_weight)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the probabilities for outputs of the network; used by `Model.predict_proba`.

        Raises:
            TypeError: this is not a loss for classes.
        """
        raise TypeError(
            f"{type(self).__name__}: outputs trained on this loss are not probabilities. predict_proba and "
            "predict_classes need a loss for classes, such as nn.SoftmaxCrossEntropy()."
        )

    def classes(self, probabilities: NDArray[Any]) -> NDArray[np.intp]:
        """Return the most probable classes; used by `Model.predict_classes`."""
        return np.asarray(probabilities.argmax(axis=-1))

    def __repr__(self) -> str:
        return described(self, settings(self))


class SoftmaxCrossEntropy(Loss):
    """Softmax and categorical cross-entropy in one: for the plain outputs (logits) of a network.

    `predictions` are `(samples, classes)`; `targets` integers `(samples,)`, or one-hot rows or probabilities
    `(samples, classes)`. Sequences are `(batch, time, classes)` and `(batch, time)`; there may be further axes. The
    value is log Σeˣ - x of the right class and the gradient (softmax - one-hot)/samples, both exact however large the
    outputs are.

    Args:
        label_smoothing: the fraction of each target that is spread evenly over all classes, in [0, 1). Szegedy et al.,
            *Rethinking the Inception Architecture for Computer Vision*, 2015.
        ignored_label: a label that is excluded from the average, such as that of padding; None for none. PyTorch's
            default is -100.

    Raises:
        ValueError: `label_smoothing` outside [0, 1); targets of another shape, labels out of range, rows that do not
            sum to 1, no samples, or only ignored labels.
        TypeError: labels that are not integers.

    >>> float(SoftmaxCrossEntropy()([[0.0, 0.0, 0.0]], [2]))  # log 3
    1.0986122886681098
    >>> float(SoftmaxCrossEntropy(ignored_label=-1)([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]], [2, -1]))
    1.0986122886681098
    """

    def __init__(self, *, label_smoothing: float = 0.0, ignored_label: int | None = None) -> None:
        if not 0 <= label_smoothing < 1:
            raise ValueError(f"SoftmaxCrossEntropy: label_smoothing must be in [0, 1), got {label_smoothing!r}.")
        self.label_smoothing = float(label_smoothing)
        self.ignored_label = None if ignored_label is None else operator.index(ignored_label)

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return `softmax_cross_entropy` of validated targets."""
        predictions = as_predictions("SoftmaxCrossEntropy", predictions)
        if self.label_smoothing or self.ignored_label is not None:
            labels = smoothed_rows(
                "SoftmaxCrossEntropy", predictions, targets, self.label_smoothing, self.ignored_label
            )
        else:
            labels = check_classes("SoftmaxCrossEntropy", predictions, targets)
        if sample_weight is not None:
            labels = _weighted("SoftmaxCrossEntropy", predictions, labels, sample_weight)
        return softmax_cross_entropy(predictions, labels)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the softmax of the outputs."""
        return np.asarray(tg.softmax.apply(outputs, axis=-1))


class CategoricalCrossEntropy(Loss):
    """Categorical cross-entropy of probabilities, such as the result of `Softmax`.

    `predictions` are `(samples, classes)` in [0, 1]; targets as for `SoftmaxCrossEntropy`, which is faster and exact
    where probabilities underflow. The rule is that of the book (chapter 5): the value is -log p of the right class,
    with p clipped to [1e-7, 1 - 1e-7], and the gradient is that of the *unclipped* value, -1/p. (Through the
    clip it would be 0 for a confident mistake, which could then never be corrected.) Only where 1/p would overflow,
    at p < 1e4 times the smallest normal number, is p taken to be that; the gradient is finite, also for p = 0.

    Raises:
        ValueError: targets of another shape, labels out of range, rows that do not sum to 1, predictions outside
            [0, 1], or no samples.
        TypeError: labels that are not integers.

    >>> p = Tensor([[0.7, 0.1, 0.2]], requires_grad=True)
    >>> loss = CategoricalCrossEntropy()(p, [0])
    >>> loss.backward()
    >>> p.grad.round(4)  # -1/0.7 for the right class
    array([[-1.4286, -0.    , -0.    ]])
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return `categorical_cross_entropy` of validated targets."""
        predictions = as_predictions("CategoricalCrossEntropy", predictions)
        labels = check_classes("CategoricalCrossEntropy", predictions, targets)
        check_within_0_and_1(
            "CategoricalCrossEntropy", "predictions", predictions.array, "For logits, use SoftmaxCrossEntropy."
        )
        if sample_weight is not None:
            labels = _weighted("CategoricalCrossEntropy", predictions, labels, sample_weight)
        return categorical_cross_entropy(predictions, labels)

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs, which already are probabilities."""
        return outputs


class SigmoidBinaryCrossEntropy(Loss):
    """Sigmoid and binary cross-entropy in one: for the plain outputs (logits) of a network.

    `predictions` and `targets` have the same shape, usually `(samples, outputs)`; targets are 0 or 1, or
    probabilities between. The gradient is (sigmoid - targets)/size. Exact however large the outputs are.

    Raises:
        ValueError: another shape, targets outside [0, 1], or no samples.

    >>> float(SigmoidBinaryCrossEntropy()([[0.0], [1e4]], [[1], [1]]))  # (log 2 + 0) / 2
    0.34657359027997264
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return `sigmoid_binary_cross_entropy` of validated targets."""
        predictions = as_predictions("SigmoidBinaryCrossEntropy", predictions)
        wanted = check_binary("SigmoidBinaryCrossEntropy", predictions, targets)
        return sigmoid_binary_cross_entropy(predictions, wanted, _weights(self, predictions, sample_weight))

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the sigmoid of the outputs."""
        return np.asarray(tg.sigmoid.apply(outputs))

    def classes(self, probabilities: NDArray[Any]) -> NDArray[np.intp]:
        """Return 1 where the probability is above 1/2, else 0."""
        return (probabilities > 0.5).astype(np.intp)


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy of probabilities, such as the result of `Sigmoid`.

    `predictions` and `targets` have the same shape, usually `(samples, outputs)`, both in [0, 1]. The rule is that of
    the book (chapter 16): p is clipped to [1e-7, 1 - 1e-7], and both the value -y·log p - (1 - y)·log(1 - p) and the
    gradient -(y/p - (1 - y)/(1 - p)) are taken at the clipped p. `SigmoidBinaryCrossEntropy` is faster and exact.

    Raises:
        ValueError: another shape, predictions or targets outside [0, 1], or no samples.

    >>> float(BinaryCrossEntropy()([[0.5], [0.5]], [[1], [0]]))  # log 2
    0.6931471805599453
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return `binary_cross_entropy` of validated targets."""
        predictions = as_predictions("BinaryCrossEntropy", predictions)
        wanted = check_binary("BinaryCrossEntropy", predictions, targets)
        check_within_0_and_1(
            "BinaryCrossEntropy", "predictions", predictions.array, "For logits, use SigmoidBinaryCrossEntropy."
        )
        return binary_cross_entropy(predictions, wanted, _weights(self, predictions, sample_weight))

    def probabilities(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """Return the outputs, which already are probabilities."""
        return outputs

    def classes(self, probabilities: NDArray[Any]) -> NDArray[np.intp]:
        """Return 1 where the probability is above 1/2, else 0."""
        return (probabilities > 0.5).astype(np.intp)


class FocalLoss(Loss):
    """Mean binary cross-entropy of logits in which nearly correct outputs have less weight.

    The loss of an output is -αₜ·(1 - p)^gamma·log p, where p is the probability of the correct class. Used for object
    detection, where nearly all outputs are background.

    Args:
        gamma: the exponent, 0 or at least 1; 0 for plain cross-entropy.
        alpha: the weight of targets of 1, in [0, 1]; those of 0 have 1 - alpha. None for equal weights of 1.

    `predictions` and `targets` have the same shape; targets are 0 or 1, or probabilities between.

    Raises:
        ValueError: an argument out of range; another shape, targets outside [0, 1], or no samples.

    References:
        Lin, Goyal, Girshick, He, Dollár, *Focal Loss for Dense Object Detection*, 2017.

    >>> round(float(FocalLoss()([[0.0], [9.0]], [[1.0], [1.0]])), 6)  # (0.25 · 0.25 · log 2 + about 0) / 2
    0.021661
    """

    def __init__(self, gamma: float = 2.0, alpha: float | None = 0.25) -> None:
        if not (math.isfinite(gamma) and (gamma == 0 or gamma >= 1)):
            raise ValueError(f"FocalLoss: gamma must be 0, or a finite number of at least 1, got {gamma!r}.")
        if alpha is not None and not 0 <= alpha <= 1:
            raise ValueError(f"FocalLoss: alpha must be in [0, 1], or None, got {alpha!r}.")
        self.gamma = float(gamma)
        self.alpha = None if alpha is None else float(alpha)

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean of the weighted cross-entropies."""
        logits = as_predictions("FocalLoss", predictions)
        y = check_binary("FocalLoss", logits, targets)
        entropy = tg.softplus(logits) - logits * y
        wrong = tg.sigmoid(logits) * (1 - 2 * y) + y  # 1 - p
        losses = entropy * wrong**self.gamma if self.gamma else entropy
        if self.alpha is not None:
            losses = losses * (self.alpha * y + (1 - self.alpha) * (1 - y))
        return _mean(self, losses, sample_weight)


class KLDivergence(Loss):
    """Kullback-Leibler divergence: Σ target·(log target - prediction) over the classes, averaged over the samples.

    `predictions` are log-probabilities `(samples, classes)`, such as the result of `LogSoftmax`; `targets` are
    probabilities of the same shape. Further axes may come before the last, and count as samples.

    Raises:
        ValueError: another shape, targets outside [0, 1], or no samples.

    >>> round(float(KLDivergence()([[-0.6931471805599453, -0.6931471805599453]], [[1.0, 0.0]])), 6)  # log 2
    0.693147
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean divergence."""
        logs = as_predictions("KLDivergence", predictions)
        array = as_constant("KLDivergence", targets)
        check_same_shape("KLDivergence", logs.shape, array.shape)
        check_within_0_and_1("KLDivergence", "targets", array, "They are probabilities.")
        array = array.astype(logs.dtype, copy=False)
        smallest = float(np.finfo(logs.dtype).tiny)
        entropies = array * np.log(np.maximum(array, smallest))  # 0·log 0 = 0
        return _mean(self, tg.sum(entropies - array * logs, axis=-1), sample_weight)


class MeanSquaredError(Loss):
    """(prediction - target)², averaged. Both have the same shape, usually `(samples, outputs)`.

    Raises:
        ValueError: another shape, or no samples.

    >>> float(MeanSquaredError()([[1.0], [2.0]], [[1.0], [4.0]]))
    2.0
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean of the squared differences."""
        return _mean(self, tg.square(difference("MeanSquaredError", predictions, targets)), sample_weight)


class MeanAbsoluteError(Loss):
    """|prediction - target|, averaged. Both have the same shape, usually `(samples, outputs)`.

    The gradient is the sign of the difference, and 0 where the difference is 0. (The book has the opposite sign.)

    Raises:
        ValueError: another shape, or no samples.

    >>> float(MeanAbsoluteError()([[1.0], [2.0]], [[1.0], [4.0]]))
    1.0
    """

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean of the absolute differences."""
        return _mean(self, tg.abs(difference("MeanAbsoluteError", predictions, targets)), sample_weight)


class Huber(Loss):
    """d²/2 for differences up to `delta`, delta·(|d| - delta/2) beyond, averaged: outliers have bounded gradients.

    Huber, *Robust Estimation of a Location Parameter*, 1964.

    Raises:
        ValueError: `delta` not positive and finite; another shape, or no samples.

    >>> float(Huber(delta=1.0)([[1.0], [2.0]], [[1.5], [5.0]]))  # (0.125 + 2.5) / 2
    1.3125
    """

    def __init__(self, delta: float = 1.0) -> None:
        if not (math.isfinite(delta) and delta > 0):
            raise ValueError(f"Huber: delta must be a finite number above 0, got {delta!r}.")
        self.delta = float(delta)

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean of m·(|d| - m/2) with m = min(|d|, delta), which covers both branches."""
        size = tg.abs(difference("Huber", predictions, targets))
        capped = tg.minimum(size, self.delta)
        return _mean(self, capped * (size - 0.5 * capped), sample_weight)


class IoULoss(Loss):
    """1 minus the intersection over union of predicted and true boxes, averaged.

    `predictions` and `targets` are `(…, 4)`: left, top, right, bottom.

    Args:
        generalised: whether boxes that do not touch also have a gradient, as in `functional.overlap`.

    Raises:
        ValueError: another shape, or no samples.

    >>> round(float(IoULoss(generalised=False)([[0.0, 0.0, 2.0, 2.0]], [[1.0, 0.0, 3.0, 2.0]])), 4)
    0.6667
    """

    def __init__(self, generalised: bool = True) -> None:
        self.generalised = bool(generalised)

    def forward(self, predictions: ArrayLike, targets: ArrayLike, sample_weight: ArrayLike | None = None) -> Tensor:
        """Return the mean of 1 minus the overlaps."""
        boxes = as_predictions("IoULoss", predictions)
        array = as_constant("IoULoss", targets)
        check_same_shape("IoULoss", boxes.shape, array.shape)
        if boxes.shape[-1:] != (4,):
            raise ValueError(f"IoULoss: expected boxes (…, 4) of left, top, right, bottom, got shape {boxes.shape}.")
        overlaps = overlap(boxes, array.astype(boxes.dtype, copy=False), generalised=self.generalised)
        return _mean(self, 1 - overlaps, sample_weight)


def _mean(loss: Loss, values: Tensor, sample_weight: ArrayLike | None) -> Tensor:
    """Return the mean of the values, each times the weight of its sample."""
    weights = _weights(loss, values, sample_weight)
    return tg.mean(values if weights is None else values * weights)


def _weights(loss: Loss, outputs: Tensor, sample_weight: ArrayLike | None) -> Any:
    if sample_weight is None:
        return None
    return check_weights(type(loss).__name__, outputs.shape, outputs.dtype, sample_weight)


def _weighted(asker: str, predictions: Tensor, labels: Any, sample_weight: ArrayLike) -> Any:
    """Return class targets as rows, multiplied by the weights of their samples."""
    shape = (*predictions.shape[:-1], 1)
    weights = check_weights(asker, shape, predictions.dtype, sample_weight)
    return weighted_rows(labels, predictions.shape[-1], weights)
