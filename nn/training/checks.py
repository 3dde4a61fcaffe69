"""Consistency checks of a model's arguments, and their error messages."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

import numpy as np

from nn._several import named
from nn.callbacks import Callback
from nn.data.conversion import check_columns
from nn.layers import Sequential, Sigmoid, Softmax
from nn.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    PerOutput,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from nn.metrics import LossOfOutput, Metric, OfOutput
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.training.history import NOT_METRICS, History
from nn.training.summary import expected_sample
from tensorgrad import Tensor

REPEATED = (
    (Softmax, SoftmaxCrossEntropy, CategoricalCrossEntropy),
    (Sigmoid, SigmoidBinaryCrossEntropy, BinaryCrossEntropy),
)
"""Activations, the losses that include them, and the losses for a network that ends with the activation."""

LossFunction: TypeAlias = Callable[..., Tensor]
"""`loss(predictions, targets)` returns a scalar tensor; with weights, `loss(predictions, targets, sample_weight)`."""


def checked_loss(loss: Any, weights: Any) -> LossFunction:
    """Return the loss; for several outputs, the sum of their losses.

    Args:
        loss: A function, or a tuple or dict of functions.
        weights: The factors of the sum; None for 1.

    Raises:
        TypeError: an element is not a loss, or weights are passed for a single loss.
        ValueError: the weights do not match the outputs.
    """
    if isinstance(loss, list):
        loss = tuple(loss)
    if isinstance(loss, (tuple, dict)):
        return PerOutput(loss, weights)
    if isinstance(loss, type) or not callable(loss):
        raise TypeError(f"Model: loss must be a loss object such as nn.SoftmaxCrossEntropy(), got {loss!r}.")
    if weights is not None:
        raise TypeError("Model: loss_weights are for several outputs: loss=(…, …), or a dict by name.")
    return cast(LossFunction, loss)


def checked_metrics(metrics: Any, loss: LossFunction) -> tuple[Metric, ...]:
    """Return the metrics, which must have distinct names.

    Args:
        metrics: Metrics. For several outputs, a metric or a list of them for each, in a tuple or dict.
        loss: The loss. For several outputs, the loss of each output is added as a metric.

    Raises:
        TypeError: `metrics` is not a collection, or an element is not a metric.
        ValueError: a name is reserved or used twice, or there are metrics for an output without a loss.
    """
    if isinstance(loss, PerOutput):
        return _checked_names(tuple(_metrics_of_outputs(metrics, loss)))
    if not isinstance(metrics, Iterable):
        raise TypeError(
            f"Model: metrics must be a list such as [nn.CategoricalAccuracy()], got {metrics!r}. A single one goes "
            "into a list, too: metrics=[…]."
        )
    checked = tuple(metrics)
    for metric in checked:
        if not isinstance(metric, Metric):
            raise TypeError(f"Model: metrics must be objects such as nn.CategoricalAccuracy(), got {metric!r}.")
    return _checked_names(checked)


def _metrics_of_outputs(metrics: Any, loss: PerOutput) -> Iterator[Metric]:
    if isinstance(metrics, (list, tuple)) and all(isinstance(each, (OfOutput, LossOfOutput)) for each in metrics):
        if metrics:  # metrics read from a file already have this form
            yield from metrics
            return
        metrics = {}
    losses = loss.losses if isinstance(loss.losses, dict) else dict(enumerate(loss.losses))
    if isinstance(metrics, (list, tuple)) and isinstance(loss.losses, tuple):
        metrics = dict(enumerate(metrics))
    if not isinstance(metrics, Mapping) or not set(metrics) <= set(losses):
        outputs = "a dict with some of " + ", ".join(map(repr, losses))
        outputs = f"a tuple of {len(losses)}" if isinstance(loss.losses, tuple) else outputs
        raise ValueError(
            f"Model: with several outputs, metrics must be {outputs}: a metric or a list of metrics for each, got "
            f"{metrics!r}."
        )
    for output, function in losses.items():
        yield LossOfOutput(output, function)
    for output, given in metrics.items():
        for metric in (given,) if isinstance(given, Metric) else given:
            if not isinstance(metric, Metric):
                raise TypeError(f"Model: metrics must be objects such as nn.CategoricalAccuracy(), got {metric!r}.")
            yield OfOutput(output, metric)


def _checked_names(checked: tuple[Metric, ...]) -> tuple[Metric, ...]:
    names = [metric.name for metric in checked]
    for name in names:
        if name in NOT_METRICS or name.startswith("val_") or names.count(name) > 1:
            raise ValueError(f"Model: the metric name {name!r} is already taken. Set metric.name to another.")
    return checked


def checked_callbacks(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """Return the callbacks as a tuple.

    Raises:
        TypeError: `callbacks` is not a collection, or an element is not a callback.
    """
    if not isinstance(callbacks, Iterable):
        raise TypeError(
            f"fit: callbacks must be a list of nn.Callback objects, got {callbacks!r}. A single one goes into a list, "
            "too: callbacks=[…]."
        )
    checked = tuple(callbacks)
    for callback in checked:
        if not isinstance(callback, Callback):
            raise TypeError(f"fit: callbacks must be nn.Callback objects, got {callback!r}.")
    return checked


def checked_optimizer(optimizer: Optimizer | None, network: Module) -> Optimizer:
    """Return the optimizer, if it trains only parameters of this network. It may hold parameters that have been frozen.

    Raises:
        ValueError: there is no optimizer, its step needs a closure, it trains no parameter of the network, or it holds
            a tensor that is not (or no longer) in the network.
    """
    if optimizer is None:
        raise ValueError("fit: this model has no optimizer. Give it one: Model(..., optimizer=nn.Adam(...)).")
    if optimizer.needs_closure:
        kind = type(optimizer).__name__
        raise ValueError(
            f"fit: {kind} computes the loss several times in a step, which fit cannot do. Write the loop: "
            f"optimizer.step(closure), see nn.{kind}. Or use another optimizer, such as nn.Adam."
        )
    own = {id(tensor) for _, tensor in network.named_state()}
    strangers = [number for number, tensor in enumerate(optimizer.parameters) if id(tensor) not in own]
    if len(strangers) == len(optimizer.parameters):
        raise ValueError(
            "fit: the optimizer trains none of this network's parameters. Make it with network.parameters()."
        )
    if strangers:
        tensor = optimizer.parameters[strangers[0]]
        named = f" {tensor.name!r}" if tensor.name else ""
        raise ValueError(
            f"fit: the optimizer holds parameter {strangers[0]}{named} of shape {tensor.shape}, which is not, or no "
            "longer, a parameter of this network. After replacing parameters make a new optimizer with "
            "network.parameters()."
        )
    if not any(tensor.requires_grad for tensor in optimizer.parameters):
        raise ValueError(
            "fit: the optimizer trains nothing: its parameters are all frozen. Set requires_grad = True on some."
        )
    return optimizer


def checked_history(history: History, metrics: Sequence[Metric], has_validation: bool) -> History:
    """Return the history of a run to resume, if its epochs have the same values as the next epochs.

    Raises:
        ValueError: the values differ.
    """
    measured = ["loss", *(metric.name for metric in metrics)]
    names = {*NOT_METRICS, *measured, *(f"val_{name}" for name in measured if has_validation)}
    if history.epochs and set(history) != names:
        raise ValueError(
            f"fit: resume=True, but the epochs before have {sorted(history)}, and these will have {sorted(names)}. Use "
            "the same metrics and validation_data, or resume=False."
        )
    return history


def warn_of_repeated_activation(network: Module, loss: Any) -> None:
    """Warn if the last layer of a network applies the activation that the loss applies too."""
    last: Any = network
    while isinstance(last, Sequential) and len(last):
        last = last[-1]
    for activation, includes_it, alternative in REPEATED:
        if type(last) is activation and isinstance(loss, includes_it):
            warnings.warn(
                f"Model: the last layer is {activation.__name__}, and {type(loss).__name__} applies it again, which "
                f"slows down training. Remove the layer, or use nn.{alternative.__name__}.",
                stacklevel=4,  # the line that calls Model
            )


def warn_of_missing_classes(train: Any, validation: Any) -> None:
    """Warn about classes that occur only among the samples that `validation_split` reserved for validation."""
    if not isinstance(train, np.ndarray) or train.ndim != 1 or train.dtype.kind not in "iu":
        return
    missing = np.setdiff1d(validation, train)
    if len(missing):
        warnings.warn(
            f"fit: validation_split keeps the last samples from training, and class {missing[0]} is only there. "
            "Shuffle the samples first, or use nn.data.split(X, y, stratify=True) and validation_data.",
            stacklevel=8,  # the line that calls fit
        )


def check_samples(what: str, network: Module, shape: Any) -> None:
    """Reject a flat list of numbers as the samples of a network that starts with a `Dense`.

    The layer itself would interpret the list as a single sample.

    Raises:
        ValueError: the samples are a flat list. The message explains what to do.
    """
    expected = expected_sample(network)
    if expected is None or len(shape) != 1 or not isinstance(shape[0], int):
        return
    remedy = " Use X.reshape(-1, 1)." if expected == (1,) else ""
    raise ValueError(f"{what}: X has shape {shape}, but the network expects rows: (samples, {expected[0]}).{remedy}")


def check_input_columns(
    what: str, expected: Mapping[str, tuple[str, ...]], columns: Mapping[str, tuple[str, ...]]
) -> None:
    """Reject DataFrames whose columns are not those of the training data in the same order.

    Args:
        what: names the data in messages.
        expected, columns: the column names of the training data and of these data; see `nn.data.arrays.columns_of`.

    Raises:
        ValueError: the columns of an input differ.
    """
    for index, names in columns.items():
        check_columns(f"{what}: X{index}" if index else what, expected.get(index), names)


def check_prediction(what: str, prediction: Any) -> None:
    """Reject a network that returns anything but a tensor, or a tuple or dict of tensors.

    Raises:
        TypeError: the network returned something else.
    """
    for name, each in named(prediction) or [("", prediction)]:
        if not isinstance(each, Tensor):
            place = f" at {name}" if name else ""
            raise TypeError(f"{what}: the network must return a Tensor, got {type(each).__name__}{place}.")


def check_loss(loss: Any, value: Any) -> None:
    """Reject a loss from which gradients cannot be computed.

    Raises:
        TypeError: `value`, the result of the loss, is not a tensor.
        ValueError: `value` is not a scalar.
    """
    name = getattr(loss, "__name__", type(loss).__name__)
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Model: the loss {name} returned {type(value).__name__}, expected a scalar Tensor. Compute it with "
            "tensorgrad's functions, without .data, .numpy() and .item()."
        )
    if value.shape:
        raise ValueError(
            f"Model: the loss {name} returned a tensor of shape {value.shape}, expected a single number. Average it: "
            "tg.mean(…)."
        )
