"""Evaluation and prediction without changing the network."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np

from nn._several import mapped, named
from nn.data import Batches
from nn.data.arrays import slices
from nn.data.batches import PADDING
from nn.metrics import Metric
from nn.module import Module, in_mode
from nn.training.checks import LossFunction, check_loss, check_prediction, check_samples
from nn.training.padding import without_padding
from tensorgrad import Tensor, interrupts, no_grad

T = TypeVar("T")

REHEARSED_AT_ONCE = 4_000_000
"""Maximum number of prediction elements that `rehearse` passes to the loss at once: 16 MB of float32."""


def applied(network: Module, X: Any) -> Any:
    """Return the output of the network for a batch: one array, several in a tuple, or several by name."""
    if X.__class__ is np.ndarray:
        return network(Tensor(X))
    if isinstance(X, dict):
        return network(**{name: Tensor(array) for name, array in X.items()})
    return network(*map(Tensor, X)) if isinstance(X, tuple) else network(Tensor(X))


def rows_of(y: Any) -> int:
    """Return the number of samples in these targets."""
    return len(y) if y.__class__ is np.ndarray else len(named(y)[0][1])


def evaluate(
    what: str, network: Module, loss: LossFunction, metrics: Sequence[Metric], data: Batches
) -> dict[str, float]:
    """Return the loss, without regularisation, and the metrics by name, in evaluation mode: means over all samples.

    Error messages begin with `what`, the name of the method or the data.
    """
    metrics = copy.deepcopy(metrics)  # the originals may be accumulating a training epoch
    for metric in metrics:
        metric.reset()

    def mean_loss() -> float:
        total, rows = 0.0, 0
        for X, targets, *weights_of_samples in data.in_order():
            predictions, y, weights = without_padding(what, X, applied(network, X), targets, weights_of_samples)
            total += loss(predictions, y, *weights).item() * rows_of(y)
            rows += rows_of(y)
            for metric in metrics:
                metric.update(predictions, y, *weights)
        return total / rows

    return {"loss": in_evaluation(network, mean_loss), **{metric.name: metric.result() for metric in metrics}}


def predict(network: Module, data: Batches) -> Any:
    """Return the outputs of the network for all samples, in evaluation mode."""

    def all_outputs() -> list[Any]:
        outputs = []
        for samples, *_ in data.in_order():
            prediction = applied(network, samples)
            check_prediction("predict", prediction)
            outputs.append(mapped(Tensor.numpy, prediction))
        return outputs

    outputs = in_evaluation(network, all_outputs)
    return outputs[0] if len(outputs) == 1 else mapped(lambda *parts: np.concatenate(parts), *outputs)


@interrupts.uninterrupted
def in_evaluation(network: Module, compute: Callable[[], T]) -> T:
    """Return `compute()`, with the network in evaluation mode and without recording a graph.

    Only `compute` can be interrupted. A `with` statement alone would not be enough, as Ctrl-C can arrive in the first
    line of its `__exit__`.
    """
    with in_mode(network, training=False), no_grad():
        return interrupts.interruptible(compute)


def rehearse(what: str, network: Module, loss: LossFunction, metrics: Sequence[Metric], data: Batches) -> None:
    """Run the network, loss and metrics once, so that they raise errors about the data before training starts.

    The network receives one sample. The loss receives every target, each paired with that one prediction.

    Args:
        what: the name of the data in messages.
        network, loss, metrics: the objects to check.
        data: the data to check them on.
    """
    sample, target, *_ = data.batch(slice(0, 1))
    shape = mapped(lambda array: (data.samples, *array.shape[1:]), sample)
    check_samples(what, network, shape)

    def try_all() -> Any:
        try:
            prediction = applied(network, sample)
        except (TypeError, ValueError) as error:
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{what}: X of shape {shape}, tried with one sample: {error}") from error
        check_prediction(what, prediction)
        size = sum(tensor.size for _, tensor in named(prediction))
        for rows in slices(data.samples, max(1, REHEARSED_AT_ONCE // max(1, size))):
            targets = mapped(itemgetter(rows), data.y)
            repeated = mapped(partial(_repeated, samples=rows_of(targets)), prediction)
            weights = () if data.sample_weight is None else (data.sample_weight[rows],)
            try:
                value = loss(*real(rows, repeated, targets, weights))
            except (TypeError, ValueError) as error:
                error.add_note(f"{what}: this was found in y, counted from sample {rows.start}.")
                raise
            check_loss(loss, value)
        return prediction

    def real(rows: slice, *values: Any) -> tuple[Any, ...]:
        """Return values of these samples without padding, as arguments of the loss."""
        if not isinstance(data.X, dict):
            predictions, targets, weights = values
        else:
            X = {**sample, **{name: data.X[name][rows] for name in PADDING if name in data.X}}
            predictions, targets, weights = without_padding(what, X, *values)
        return predictions, targets, *weights

    prediction = in_evaluation(network, try_all)
    first = real(slice(0, 1), prediction, target, ())
    for metric in metrics if rows_of(first[1]) else ():
        metric(*first)


def _repeated(prediction: Tensor, samples: int) -> Tensor:
    return Tensor(np.broadcast_to(prediction.data, (samples, *prediction.shape[1:])))
