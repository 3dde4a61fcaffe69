"""How good a network is, without changing it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from nn.data import Batches
from nn.data.arrays import slices
from nn.metrics import Metric
from nn.module import Module, in_mode
from nn.training.checks import check_loss, check_prediction, check_samples
from tensorgrad import Tensor, interrupts, no_grad

T = TypeVar("T")

LossFunction: TypeAlias = Callable[[Any, Any], Tensor]
"""`loss(predictions, targets)` gives a scalar tensor."""

REHEARSED_AT_ONCE = 4_000_000
"""Predictions that `rehearse` shows to the loss together, at most: 16 MB of float32."""


def evaluate(network: Module, loss: LossFunction, metrics: Sequence[Metric], data: Batches) -> dict[str, float]:
    """The loss, without regularisation, and the metrics by name, in evaluation mode: means over all samples."""
    metrics = copy.deepcopy(metrics)  # an epoch in training may be gathering in the originals
    for metric in metrics:
        metric.reset()

    def total_loss() -> float:
        total = 0.0
        for X, y in data.in_order():
            predictions = network(Tensor(X))
            total += loss(predictions, y).item() * len(X)
            for metric in metrics:
                metric.update(predictions, y)
        return total

    mean = in_evaluation(network, total_loss) / len(data.X)
    return {"loss": mean, **{metric.name: metric.result() for metric in metrics}}


def predict(network: Module, data: Batches) -> NDArray[Any]:
    """The results of the network for all samples, in evaluation mode."""
    outputs = in_evaluation(network, lambda: [network(Tensor(X)).numpy() for X, _ in data.in_order()])
    return outputs[0] if len(outputs) == 1 else np.concatenate(outputs)


@interrupts.uninterrupted
def in_evaluation(network: Module, compute: Callable[[], T]) -> T:
    """Return `compute()`, with the network in evaluation mode and without recording.

    Only `compute` can be interrupted. A `with` statement alone would not be enough: Ctrl-C can come in the first line
    of its `__exit__`.
    """
    with in_mode(network, training=False), no_grad():
        return interrupts.interruptible(compute)


def rehearse(what: str, network: Module, loss: LossFunction, metrics: Sequence[Metric], data: Batches) -> None:
    """Let network, loss and metrics see everything they could object to, so that they do it before training.

    The network gets one sample. The loss gets every target, each beside that one prediction.

    Args:
        what: names the data in messages.
        network, loss, metrics: what will be used.
        data: what they will be used on.
    """
    sample, target = data.batch(slice(0, 1))
    shape = (len(data.X), *sample.shape[1:])
    check_samples(what, network, shape)

    def try_all() -> Any:
        try:
            prediction = network(Tensor(sample))
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{what}: X of shape {shape}, tried with one sample: {error}") from error
        check_prediction(what, prediction)
        for rows in slices(len(data.y), max(1, REHEARSED_AT_ONCE // max(1, prediction.size))):
            targets = data.y[rows]
            repeated = np.broadcast_to(prediction.data, (len(targets), *prediction.shape[1:]))
            try:
                value = loss(Tensor(repeated), targets)
            except (TypeError, ValueError) as error:
                error.add_note(f"{what}: this was found in y, counted from sample {rows.start}.")
                raise
            check_loss(loss, value)
        return prediction

    prediction = in_evaluation(network, try_all)
    for metric in metrics:
        metric(prediction, target)
