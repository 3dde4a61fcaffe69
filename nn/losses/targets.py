"""Validation of predictions, targets and sample weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._several import is_several
from nn._validation import as_array
from tensorgrad import Tensor

SEVERAL = " For a network with several outputs, give nn.Model a loss for each: loss=(…, …), or a dict by name."


def as_predictions(asker: str, predictions: ArrayLike) -> Tensor:
    """Return `predictions` as a floating-point tensor that is not empty."""
    if not isinstance(predictions, Tensor):
        if is_several(predictions):
            raise TypeError(f"{asker}: got several predictions, expected one tensor.{SEVERAL}")
        predictions = Tensor(predictions)
    if predictions.dtype.kind != "f":
        predictions = predictions.astype(np.float64)
    if predictions.size == 0:
        raise ValueError(f"{asker}: there is nothing to average: the predictions are empty, {predictions.shape}.")
    return predictions


def as_constant(asker: str, targets: ArrayLike) -> Any:
    """Return `targets` as an array, without a gradient."""
    if isinstance(targets, Tensor) and targets.requires_grad:
        raise TypeError(
            f"{asker}: the targets require a gradient, but the loss computes none for them. The order is "
            "loss(predictions, targets). For targets computed by a network, pass targets.detach()."
        )
    return as_array(targets)


def check_same_shape(asker: str, predictions: tuple[int, ...], targets: tuple[int, ...]) -> None:
    """Reject targets whose shape differs from that of the predictions. They are never broadcast.

    Raises:
        ValueError: the shapes differ.
    """
    if predictions == targets:
        return
    if predictions[:1] != targets[:1]:
        advice = "There must be as many targets as predictions."
    elif predictions == (*targets, 1):
        advice = f"NumPy would stretch them to {np.broadcast_shapes(predictions, targets)}. Use y.reshape(-1, 1)."
    elif targets == (*predictions, 1):
        advice = f"NumPy would stretch them to {np.broadcast_shapes(predictions, targets)}. Use y.ravel()."
    else:
        advice = "There must be one target for each output of each sample."
        if targets == predictions[:-1]:
            advice += f" Class numbers become rows by nn.functional.one_hot(y, {predictions[-1]})."
    raise ValueError(f"{asker}: the predictions have shape {predictions}, the targets {targets}. {advice}")


def check_within_0_and_1(asker: str, what: str, values: NDArray[Any], advice: str) -> None:
    """Reject values outside [0, 1], up to rounding. NaN is accepted, so that it reaches the loss.

    Raises:
        ValueError: a value is outside; the message names the first.
    """
    if not isinstance(values, np.ndarray):  # arrays of other libraries are not checked
        return
    if values.min() < -1e-6 or values.max() > 1 + 1e-6:
        index = _first((values < -1e-6) | (values > 1 + 1e-6))
        raise ValueError(f"{asker}: {what} must be in [0, 1], got {values[index]} at index {index}. {advice}")


def difference(asker: str, predictions: ArrayLike, targets: ArrayLike) -> Tensor:
    """Return predictions - targets, in the dtype of the predictions.

    Raises:
        ValueError: the shapes differ, or there are no samples.
    """
    predictions = as_predictions(asker, predictions)
    targets = targets if isinstance(targets, Tensor) else Tensor(targets)
    check_same_shape(asker, predictions.shape, targets.shape)
    return predictions - (targets if targets.dtype == predictions.dtype else targets.astype(predictions.dtype))


def check_weights(asker: str, outputs: tuple[int, ...], dtype: Any, sample_weight: ArrayLike) -> Any:
    """Return the weights of the samples, shaped to be multiplied with an array of shape `outputs`.

    Args:
        asker: names the loss in messages.
        outputs: the shape of the weighted array: `(samples, ...)`.
        dtype: of the predictions.
        sample_weight: a number for each sample, `(samples,)`; or one for each place of the first axes of `outputs`,
            such as `(samples, time)`.

    Raises:
        ValueError: another shape.
        TypeError: not real numbers, or a tensor that requires a gradient.
    """
    weights = as_constant(asker, sample_weight)
    if weights.dtype.kind not in "fiub":
        raise TypeError(f"{asker}: sample_weight must hold real numbers, got dtype {weights.dtype}.")
    if not weights.ndim or weights.shape != outputs[: weights.ndim]:
        steps = f" or for each step, shape {outputs[:2]}," if len(outputs) > 1 else ""
        raise ValueError(
            f"{asker}: sample_weight must have a number for each sample, shape {outputs[:1]},{steps} "
            f"got {weights.shape}."
        )
    return as_array(weights.astype(dtype, copy=False).reshape(weights.shape + (1,) * (len(outputs) - weights.ndim)))


def weighted_rows(labels: Any, classes: int, weights: Any) -> Any:
    """Return class targets, as `check_classes` returns them, as rows multiplied by the weights of their samples."""
    rows = labels if labels.ndim == weights.ndim else labels[..., None] == np.arange(classes)
    return as_array(rows * weights)


def check_binary(asker: str, predictions: Tensor, targets: ArrayLike) -> Any:
    """Return targets in [0, 1], one for each prediction, in the dtype of the predictions.

    Raises:
        ValueError: another shape, or a value outside (naming the first).
    """
    array = as_constant(asker, targets)
    check_same_shape(asker, predictions.shape, array.shape)
    check_within_0_and_1(asker, "targets", array, "They are probabilities, or 0 and 1.")
    return array.astype(predictions.dtype, copy=False)


def check_classes(asker: str, predictions: Tensor, targets: ArrayLike) -> Any:
    """Return class targets for predictions `(…, classes)`: integers `(…)`, or rows like the predictions.

    Rows hold a probability for each class: a 1 among zeros (one-hot), or soft labels that sum to 1.

    Returns:
        The integers, as np.intp; or the rows, in the dtype of the predictions.

    Raises:
        ValueError: another shape, a label outside 0 … classes - 1 (naming the first), rows that do not sum to 1.
        TypeError: labels that are not integers.
    """
    scores = predictions.shape
    array = as_constant(asker, targets)
    if not scores:
        raise ValueError(f"{asker}: expected predictions of shape (samples, classes), got a single number.")
    classes = scores[-1]
    if array.shape == scores:
        check_within_0_and_1(asker, "one-hot rows", array, "For class numbers, pass integers of shape (samples,).")
        _check_rows(asker, array)
        return array.astype(predictions.dtype, copy=False)
    if array.shape != scores[:-1]:
        advice = ""
        if array.shape == (*scores[:-1], 1):
            advice = " Use y.ravel()."
        elif len(scores) > 2 and array.shape == (scores[0], *scores[2:]):
            advice = " The classes must be the last axis: use tg.moveaxis(predictions, 1, -1)."
        elif len(scores) == 2 == array.ndim and array.shape[0] == scores[0] and array.dtype.kind in "iu":
            advice = " For a label per step, recurrent layers need return_sequences=True."
        raise ValueError(
            f"{asker}: for predictions of shape {scores} the targets must be integers of shape {scores[:-1]} or "
            f"one-hot rows of shape {scores}, got shape {array.shape}.{advice}"
        )
    if array.dtype.kind not in "iu":
        raise TypeError(f"{asker}: class labels must be integers, got dtype {array.dtype}. Use y.astype(int).")
    labels = array.astype(np.intp)
    _check_labels(asker, labels, classes)
    return labels


def smoothed_rows(
    asker: str, predictions: Tensor, targets: ArrayLike, label_smoothing: float, ignored_label: int | None
) -> Any:
    """Return class targets as rows in the dtype of the predictions, mixed with equal probabilities for all classes.

    Rows of ignored labels are 0. The other rows are scaled so that the mean over all rows is the mean over these.

    Raises:
        ValueError, TypeError: as `check_classes`; every label is ignored.
    """
    array, kept = as_constant(asker, targets), None
    if ignored_label is not None and array.shape == predictions.shape[:-1] and array.dtype.kind in "iu":
        kept = array != ignored_label
        if isinstance(kept, np.ndarray) and not kept.any():
            raise ValueError(f"{asker}: there is nothing to average: every label is {ignored_label}, which is ignored.")
        array = np.where(kept, array, 0)
    checked = check_classes(asker, predictions, array)
    classes, dtype = predictions.shape[-1], predictions.dtype
    rows = checked if checked.ndim == predictions.ndim else (checked[..., None] == np.arange(classes)).astype(dtype)
    if label_smoothing:
        rows = rows * (1 - label_smoothing) + label_smoothing / classes
    if kept is not None:
        rows = rows * (kept[..., None] * (kept.size / np.sum(kept))).astype(dtype)
    return rows


def _check_rows(asker: str, rows: Any) -> None:
    """Reject rows that do not sum to 1. Arrays of other libraries are not checked."""
    sums = np.sum(rows, axis=-1)
    wrong = np.abs(sums - 1) > 1e-3
    if isinstance(rows, np.ndarray) and wrong.any():
        index = _first(wrong)
        raise ValueError(f"{asker}: each target row must sum to 1, but row {index} sums to {sums[index]}.")


def _check_labels(asker: str, labels: Any, classes: int) -> None:
    """Reject labels out of range. Arrays of other libraries are not checked."""
    if not isinstance(labels, np.ndarray):
        return
    if labels.view(np.uintp).max() >= classes:  # as unsigned integers, negative labels are huge: one check finds both
        index = _first((labels < 0) | (labels >= classes))
        advice = " For a single output, use a binary loss." if classes == 1 else ""
        raise ValueError(
            f"{asker}: class labels must be 0 … {classes - 1}, one for each of the {classes} outputs, got "
            f"{labels[index]} at index {index}.{advice}"
        )


def _first(mask: NDArray[np.bool_]) -> int | tuple[int, ...]:
    """Return the index of the first True: an integer for one axis, a tuple for several."""
    index = tuple(int(i) for i in np.argwhere(mask)[0])
    return index[0] if len(index) == 1 else index
