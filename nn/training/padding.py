"""Padding of sequences in training: which outputs of a network belong to real steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn._several import mapped, named
from nn._validation import as_array
from nn.data.batches import PADDING
from nn.layers.masks import as_mask


def without_padding(what: str, X: Any, predictions: Any, targets: Any, weights: Any) -> tuple[Any, Any, Any]:
    """Return predictions, targets and sample weights of the steps that are not padding, one after the other.

    Predictions are per step if they are `(samples, time, …)` with at least three axes, and an input has as many steps.
    Other predictions are returned unchanged, and so is everything if the inputs have no lengths and no mask.

    Args:
        what: the method or the data that error messages name, such as "fit" or "fit: validation_data".
        X: the inputs of the network: a dict with `lengths` or `mask`, or anything else.
        predictions, targets: one of each, or several in a tuple or dict.
        weights: an empty tuple, or one with the weights of the samples or the steps.

    Raises:
        ValueError: lengths, a mask or targets that do not fit the predictions.
        TypeError: there are weights, and some outputs are per step and some are not.

    >>> X = {"x": np.zeros((2, 3)), "lengths": np.array([3, 1])}
    >>> predictions, targets, _ = without_padding("fit", X, np.ones((2, 3, 5)), np.array([[4, 2, 0], [1, 9, 9]]), ())
    >>> predictions.shape, targets
    ((4, 5), array([4, 2, 0, 1]))
    """
    if X.__class__ is not dict or not (X.keys() & set(PADDING)):
        return predictions, targets, weights
    times = _times(X)
    per_step = [_is_per_step(p, times) for _, p in named(predictions)]
    if not any(per_step):
        return predictions, targets, weights
    if weights and not all(per_step):
        raise TypeError(
            f"{what}: sample_weight is not supported if only some of the outputs have a value for each step."
        )
    shapes = [p.shape[:2] for _, p in named(predictions) if _is_per_step(p, times)]
    mask = as_mask(what, shapes[0], X.get("lengths"), X.get("mask"))

    def real(values: Any, like: Any) -> Any:
        if not _is_per_step(like, times):
            return values
        _check_steps(what, values, mask)
        return values[mask]

    weights = tuple(np.broadcast_to(_of_steps(what, each, mask), mask.shape)[mask] for each in weights)
    return mapped(real, predictions, predictions), mapped(real, targets, predictions), weights


def padding_as_weights(
    what: str, X: Any, predictions: Any, targets: Any, weights: Any, *, mean: bool = True
) -> tuple[Any, Any, Any]:
    """Return targets, sample weights and the number of real steps, such that padding has weight 0.

    For compiled programs, in which the number of selected steps cannot depend on values. A weighted mean over all steps
    is then the mean over the real ones. Targets at padding become 0.

    Args:
        what, X, predictions, targets, weights: as for `without_padding`.
        mean: whether the weights of the real steps are scaled, so that those of all steps have a mean of 1.

    Raises:
        TypeError: only some of the outputs are per step.
    """
    several = named(targets)
    count: Any = len(several[0][1])
    if X.__class__ is not dict or not (X.keys() & set(PADDING)):
        return targets, weights, count
    times = _times(X)
    per_step = [_is_per_step(p, times) for _, p in named(predictions)]
    if not any(per_step):
        return targets, weights, count
    if not all(per_step):
        raise TypeError(
            f"{what}: with compile=True, either all outputs or none of them must have a value for each step."
        )
    like = named(predictions)[0][1]
    mask = as_mask(what, like.shape[:2], X.get("lengths"), X.get("mask"))

    def real(values: Any) -> Any:
        _check_steps(what, values, mask)
        return np.where(mask.reshape(mask.shape + (1,) * (len(np.shape(values)) - 2)), values, 0)

    count = np.sum(mask)
    given = mask.astype(like.dtype)
    if mean:
        given = given * (math.prod(mask.shape) / count.astype(like.dtype))
    if weights:
        given = given * _of_steps(what, weights[0], mask)
    return mapped(real, targets), (given,), count


def _times(X: dict[str, Any]) -> set[int]:
    """Return the numbers of steps of the inputs."""
    return {np.shape(array)[1] for name, array in X.items() if name not in PADDING and np.ndim(array) > 1}


def _is_per_step(prediction: Any, times: set[int]) -> bool:
    return len(prediction.shape) > 2 and prediction.shape[1] in times


def _of_steps(what: str, weights: Any, mask: Any) -> Any:
    """Return the weights of the steps, or the weights of the samples as a column."""
    weights = as_array(weights)
    if weights.ndim > 1 and weights.shape != mask.shape:
        raise ValueError(
            f"{what}: sample_weight must have a number for each sample, shape {mask.shape[:1]}, or for each step, "
            f"shape {mask.shape}, got {weights.shape}."
        )
    return weights if weights.ndim > 1 else weights[:, None]


def _check_steps(what: str, values: Any, mask: Any) -> None:
    if np.shape(values)[:2] != mask.shape:
        raise ValueError(
            f"{what}: the network returns a value for each step, (samples, time) = {mask.shape}. Expected targets of "
            f"shape (samples, time, …), got {np.shape(values)}."
        )
