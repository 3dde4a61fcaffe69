"""Base class of metrics, and metrics that are means over samples. They are not differentiable."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._hints import PREDICTIONS
from nn._validation import as_array
from tensorgrad import Tensor, no_grad
from tensorgrad.arguments import with_hints


class Metric:
    """Base class of metrics: a mean over samples, accumulated batch by batch.

    To define a metric, subclass it with a `name` and a `measure` method:

    >>> import numpy as np
    >>> class WithinOne(Metric):
    ...     name = "within_one"
    ...
    ...     def measure(self, predictions, targets):
    ...         return np.abs(predictions - targets) <= 1
    >>> WithinOne()(np.array([0.0, 3.0]), np.array([0.5, 1.0]))
    0.5

    Attributes:
        name: its key in `History` and in the results of `evaluate`.
    """

    name = "metric"
    _total = 0.0
    _count = 0.0

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return one number (or boolean) for each element that is counted. Subclasses implement this method."""
        raise NotImplementedError(f"{type(self).__name__}: a metric needs a measure(self, predictions, targets).")

    def prepare(self, targets: NDArray[Any]) -> None:
        """Receive all training targets before the first step of `Model.fit`. Does nothing by default."""

    def reset(self) -> None:
        """Discard the batches so far."""
        self._total, self._count = 0.0, 0.0

    @with_hints(PREDICTIONS)
    def update(
        self,
        predictions: ArrayLike | Tensor,
        targets: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> None:
        """Add a batch, in which each sample is weighted by its sample weight."""
        self.add(*self.sums(predictions, targets, sample_weight))

    def sums(
        self,
        predictions: ArrayLike | Tensor,
        targets: ArrayLike | Tensor,
        sample_weight: ArrayLike | None = None,
    ) -> tuple[Any, Any]:
        """Return what a batch adds to the numerator and to the denominator of the mean, without adding it."""
        measured = self.measure(as_array(predictions), as_array(targets))
        if sample_weight is None:
            return _sum(measured), measured.size
        weights = weights_like(self, measured, as_array(sample_weight))
        return _sum(measured * weights), _sum(weights)

    def add(self, total: Any, count: Any) -> None:
        """Add the result of `sums` for one or more batches."""
        self._total += float(total)
        self._count += float(count)

    @property
    def is_additive(self) -> bool:
        """Whether `update` only adds the result of `sums`, which a compiled program can compute."""
        return type(self).update is Metric.update

    def result(self) -> float:
        """Return the mean over all batches since `reset`; a weighted mean if there are weights.

        Raises:
            RuntimeError: there was no batch, or all weights are 0.
        """
        if not self._count:
            raise RuntimeError(f"{type(self).__name__}: no batch was added since reset.")
        return self._total / self._count

    @with_hints(PREDICTIONS)
    def __call__(self, predictions: ArrayLike | Tensor, targets: ArrayLike | Tensor) -> float:
        """Return the mean over this batch alone, without changing the accumulated state."""
        return float(np.mean(self.measure(as_array(predictions), as_array(targets)), dtype=np.float64))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class CategoricalAccuracy(Metric):
    """Fraction of samples whose largest output is that of their class.

    Predictions are probabilities or logits of shape (samples, classes), or (…, classes). Targets are class numbers,
    integers of shape (samples,), or one-hot rows of the predictions' shape. Ties are resolved in favour of the first
    class.

    Raises, when called:
        ValueError: the shapes do not match.
        TypeError: class numbers that are not integers.

    >>> CategoricalAccuracy()([[0.9, 0.1], [0.2, 0.8]], [0, 0])
    0.5
    """

    name = "accuracy"

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return True for samples whose class is predicted correctly."""
        predictions, targets = as_array(predictions), as_array(targets)
        if predictions.ndim > 1 and targets.shape == predictions.shape:
            targets = np.argmax(targets, axis=-1)
        elif predictions.ndim < 2 or targets.shape != predictions.shape[:-1]:
            raise ValueError(
                f"CategoricalAccuracy: predictions of shape {predictions.shape} and targets of shape {targets.shape}. "
                "Expected (samples, classes) and class numbers (samples,), or one-hot rows (samples, classes)."
            )
        elif targets.dtype.kind not in "iub":
            raise TypeError(f"CategoricalAccuracy: class numbers must be integers, got {targets.dtype}.")
        return as_array(np.argmax(predictions, axis=-1) == targets)


class BinaryAccuracy(Metric):
    """Fraction of outputs on the correct side of the threshold, over all samples and outputs.

    Predictions and targets (0 and 1, or False and True) have the same shape.

    Args:
        threshold: an output above it means 1. The default is for probabilities; for logits pass 0.

    Raises, when called:
        ValueError: the shapes differ.

    >>> BinaryAccuracy()([[0.9], [0.4]], [[1], [1]])
    0.5
    """

    name = "accuracy"

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = float(threshold)

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return True for outputs on the correct side of the threshold."""
        predictions, targets = as_array(predictions), as_array(targets)
        _check_same_shape(self, predictions, targets)
        return as_array((predictions > self.threshold) == targets)

    def __repr__(self) -> str:
        return f"BinaryAccuracy(threshold={self.threshold:g})"


class RegressionAccuracy(Metric):
    """Fraction of outputs that are closer to their target than `precision`.

    Predictions and targets have the same shape.

    Args:
        precision: in units of the target. Default, as in the book (chapter 17): the standard deviation of the training
            targets divided by 250. If these are all equal, only outputs equal to their target count. `Model.fit`
            computes it from `y` and it is kept; without `fit` it is computed from the targets of each call.

    Raises:
        ValueError: a precision that is not above 0; when called, shapes that differ.

    >>> RegressionAccuracy(precision=0.1)([[1.0], [2.0]], [[1.05], [2.2]])
    0.5
    """

    name = "accuracy"

    def __init__(self, precision: float | None = None) -> None:
        if precision is not None and not precision > 0:
            raise ValueError(f"RegressionAccuracy: precision must be above 0, got {precision!r}.")
        self.precision = precision

    def prepare(self, targets: NDArray[Any]) -> None:
        """Compute the precision from these targets, unless it is set."""
        if self.precision is None:
            self.precision = float(_precision_for(targets))

    def measure(self, predictions: NDArray[Any], targets: NDArray[Any]) -> Any:
        """Return True for outputs that are close enough to their target."""
        predictions, targets = as_array(predictions), as_array(targets)
        _check_same_shape(self, predictions, targets)
        precision = _precision_for(targets) if self.precision is None else self.precision
        return as_array(np.abs(predictions - targets) < precision)

    def __repr__(self) -> str:
        return f"RegressionAccuracy(precision={self.precision})"


class OfOutput(Metric):
    """Metric of one output of a network with several. `nn.Model` creates these if `metrics` is a tuple or a dict.

    Args:
        output: the key or position of the output.
        metric: the metric of that output.

    Attributes:
        name: the name of the output and of the metric, such as "age_accuracy" or "0_accuracy".

    >>> accuracy = OfOutput("digit", CategoricalAccuracy())
    >>> accuracy({"digit": [[0.9, 0.1], [0.2, 0.8]]}, {"digit": [0, 0]}), accuracy.name
    (0.5, 'digit_accuracy')
    """

    def __init__(self, output: str | int, metric: Metric) -> None:
        self.output = output
        self.metric = metric
        self.name = f"{output}_{metric.name}"

    def prepare(self, targets: Any) -> None:
        """Prepare the metric with the targets of the output."""
        self.metric.prepare(targets[self.output])

    def reset(self) -> None:
        """Discard the batches so far."""
        self.metric.reset()

    def update(self, predictions: Any, targets: Any, *sample_weight: Any) -> None:
        """Add a batch."""
        self.metric.update(predictions[self.output], targets[self.output], *sample_weight)

    def sums(self, predictions: Any, targets: Any, *sample_weight: Any) -> tuple[Any, Any]:
        """Return the metric's sums for a batch."""
        return self.metric.sums(predictions[self.output], targets[self.output], *sample_weight)

    def add(self, total: Any, count: Any) -> None:
        """Add sums to the metric's."""
        self.metric.add(total, count)

    @property
    def is_additive(self) -> bool:
        """Whether the metric is."""
        return self.metric.is_additive

    def result(self) -> float:
        """Return the metric's mean over all batches since `reset`."""
        return self.metric.result()

    def __call__(self, predictions: Any, targets: Any) -> float:
        """Return the metric's mean over this batch alone."""
        return self.metric(predictions[self.output], targets[self.output])

    def __repr__(self) -> str:
        return f"OfOutput({self.output!r}, {self.metric!r})"


class LossOfOutput(Metric):
    """Loss of one output of a network with several, without its weight in the sum.

    Args:
        output: the key or position of the output.
        loss: a function of the output's predictions and targets.
    """

    def __init__(self, output: str | int, loss: Callable[..., Tensor]) -> None:
        self.output = output
        self.loss = loss
        self.name = f"{output}_loss"

    def sums(self, predictions: Any, targets: Any, *sample_weight: Any) -> tuple[Any, Any]:
        """Return the loss times the number of samples, and this number."""
        of_output = targets[self.output]
        with no_grad():
            value = self.loss(predictions[self.output], of_output, *sample_weight)
        return value.array * len(of_output), len(of_output)

    def __call__(self, predictions: Any, targets: Any) -> float:
        """Return the loss of this batch alone."""
        with no_grad():
            return float(self.loss(predictions[self.output], targets[self.output]).item())

    def __repr__(self) -> str:
        return f"LossOfOutput({self.output!r}, {self.loss!r})"


def _sum(values: Any) -> Any:
    """Return the sum of all elements: of NumPy arrays in float64, of other libraries' arrays in their own dtype."""
    return np.sum(values, dtype=np.float64 if isinstance(values, (np.ndarray, np.generic)) else None)


def _precision_for(targets: NDArray[Any]) -> Any:
    precision = np.std(targets, dtype=np.float64) / 250
    return float(precision) or float(np.finfo(np.float32).tiny) if isinstance(precision, np.floating) else precision


def weights_like(metric: Metric, measured: NDArray[Any], weights: NDArray[Any]) -> NDArray[Any]:
    """Return the sample weights, broadcast to the shape of the measured values."""
    if weights.shape != measured.shape[: weights.ndim] or not weights.ndim:
        raise ValueError(
            f"{type(metric).__name__}: sample_weight must have a number for each sample, shape {measured.shape[:1]}, "
            f"got {weights.shape}."
        )
    return np.broadcast_to(weights.reshape(weights.shape + (1,) * (measured.ndim - weights.ndim)), measured.shape)


def _check_same_shape(metric: Metric, predictions: NDArray[Any], targets: NDArray[Any]) -> None:
    if predictions.shape != targets.shape:
        raise ValueError(
            f"{type(metric).__name__}: predictions of shape {predictions.shape} and targets of shape {targets.shape}. "
            "They must have the same shape; reshape(-1, 1) makes a column of a flat list."
        )
