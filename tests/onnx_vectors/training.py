"""Losses, one-hot labels, dropout and optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes, last


def negative_log_likelihood_loss(a: Attributes, x: Any, labels: Any, weights: Any = None) -> Any:
    """Reduce the negative log probabilities of the labels."""
    kept = labels != a.get("ignore_index", np.iinfo(np.int64).min)
    labels = np.where(kept, labels, 0)
    counts = kept * (np.ones(x.shape[1], x.dtype) if weights is None else weights)[labels]
    losses = -tg.take_along_axis(x, labels[:, None], axis=1)[:, 0] * counts.astype(x.dtype)
    reduction = a.get("reduction", b"mean")
    if reduction == b"none":
        return losses
    return tg.sum(losses) if reduction == b"sum" else tg.sum(losses) / counts.sum(dtype=x.dtype)


def softmax_cross_entropy_loss(a: Attributes, x: Any, labels: Any, weights: Any = None) -> Any:
    logarithms = tg.log_softmax(x, axis=1)
    if a.get("reduction", b"mean") != b"mean":
        return negative_log_likelihood_loss(a, logarithms, labels, weights), logarithms
    loss = nn.SoftmaxCrossEntropy(ignored_label=a.get("ignore_index"))
    if weights is None:
        return loss(last(x), labels), logarithms
    kept = labels != loss.ignored_label
    counts = kept * weights[np.where(kept, labels, 0)]
    return loss(last(x), labels, sample_weight=counts * (kept.sum() / counts.sum())), logarithms


def one_hot(a: Attributes, labels: Any, depth: Any, values: Any) -> Any:
    depth, (off, on) = int(np.ravel(depth)[0]), values
    labels = labels.astype(np.int64)
    rows = nn.functional.one_hot(labels % depth, depth, dtype=values.dtype)  # negative labels count from the end
    return np.moveaxis(off + rows * (on - off), -1, a.get("axis", -1))


def dropout(a: Attributes, x: Any, ratio: Any = 0.5, training: Any = False) -> Any:
    layer = nn.Dropout(float(ratio))
    return layer.train(bool(training))(x), None


def regularised(a: Attributes, x: Any, g: Any) -> Any:
    """Return the gradient with that of a penalty on the squares of the weights."""
    return a["norm_coefficient"] * x + g


def thirds(arrays: tuple[Any, ...]) -> Any:
    """Weights, gradients and states, which follow each other."""
    count = len(arrays) // 3
    return zip(arrays[:count], arrays[count : 2 * count], arrays[2 * count :])


def adagrad(a: Attributes, rate: Any, step: Any, *arrays: Any) -> Any:
    weights, caches = [], []
    for x, g, cache in thirds(arrays):
        parameter = tg.tensor(x, requires_grad=True)
        optimizer = nn.Adagrad([parameter], float(rate), decay=a["decay_factor"], epsilon=a["epsilon"])
        assert step == 0
        settings = optimizer.step_settings(optimizer.groups[0])
        change, state = optimizer.update(regularised(a, x, g), {"cache": cache}, settings)
        weights.append(x + change)
        caches.append(state["cache"])
    return *weights, *caches


def momentum(a: Attributes, rate: Any, step: Any, *arrays: Any) -> Any:
    """The velocity of ONNX is ours divided by -rate."""
    weights, velocities = [], []
    assert step == 0 or a["beta"] == 1
    for x, g, velocity in thirds(arrays):
        parameter = tg.tensor(x, requires_grad=True)
        optimizer = nn.SGD([parameter], float(rate), momentum=a["alpha"], nesterov=a["mode"] == b"nesterov")
        settings = optimizer.step_settings(optimizer.groups[0])
        change, state = optimizer.update(regularised(a, x, g), {"velocity": -rate * velocity}, settings)
        weights.append(x + change)
        velocities.append(state["velocity"] / -rate)
    return *weights, *velocities


OPERATORS = {
    "SoftmaxCrossEntropyLoss": softmax_cross_entropy_loss,
    "NegativeLogLikelihoodLoss": negative_log_likelihood_loss,
    "OneHot": one_hot,
    "Dropout": dropout,
    "Adagrad": adagrad,
    "Momentum": momentum,
}
LEFT_OUT = {
    r"test_training_dropout(_default)?(_mask)?": "draws from another random generator",
    r"test_onehot_out_of_range_indices": "labels out of range are refused",
}
