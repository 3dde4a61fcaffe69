"""Padding of sequences in training: which outputs of a network belong to real steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn._several import mapped, named
from nn._validation import as_array
from nn.data.batches import PADDING
from nn.layers.masks import as_mask


def without_padding(X: Any, predictions: Any, targets: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Return predictions, targets and sample weights of the steps that are not padding, one after the other.

    Predictions are per step if they are `(samples, time, …)` with at least three axes, and an input has as many steps.
    Other predictions are returned unchanged, and so is everything if the inputs have no lengths and no mask.

    Args:
        X: the inputs of the network: a dict with `lengths` or `mask`, or anything else.
        predictions, targets: one of each, or several in a tuple or dict.
        weights: an empty tuple, or one with the weights of the samples.

    Raises:
        ValueError: lengths, a mask or targets that do not fit the predictions.
        TypeError: there are weights, and some outputs are per step and some are not.

    >>> X = {"x": np.zeros((2, 3)), "lengths": np.array([3, 1])}
    >>> predictions, targets, _ = without_padding(X, np.ones((2, 3, 5)), np.array([[4, 2, 0], [1, 9, 9]]), ())
    >>> predictions.shape, targets
    ((4, 5), array([4, 2, 0, 1]))
    """
    if X.__class__ is not dict or not (X.keys() & set(PADDING)):
        return predictions, targets, weights
    times = {np.shape(array)[1] for name, array in X.items() if name not in PADDING and np.ndim(array) > 1}
    per_step = [len(p.shape) > 2 and p.shape[1] in times for _, p in named(predictions)]
    if not any(per_step):
        return predictions, targets, weights
    if weights and not all(per_step):
        raise TypeError("fit: sample_weight is not supported if only some of the outputs have a value for each step.")
    shapes = [p.shape[:2] for _, p in named(predictions) if len(p.shape) > 2 and p.shape[1] in times]
    mask = as_mask("fit", shapes[0], X.get("lengths"), X.get("mask"))

    def real(values: Any, like: Any) -> Any:
        if len(like.shape) < 3 or like.shape[1] not in times:
            return values
        if np.shape(values)[:2] != mask.shape:
            raise ValueError(
                f"fit: the network returns a value for each step, (samples, time) = {mask.shape}. Expected targets of "
                f"shape (samples, time, …), got {np.shape(values)}."
            )
        return values[mask]

    weights = tuple(np.broadcast_to(as_array(each)[:, None], mask.shape)[mask] for each in weights)
    return mapped(real, predictions, predictions), mapped(real, targets, predictions), weights
