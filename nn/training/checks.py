"""Whether what a model was given fits together, and what to say when it does not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from nn.callbacks import Callback
from nn.metrics import Metric
from nn.module import Module
from nn.optimizers.optimizer import Optimizer
from nn.training.history import NOT_METRICS, History
from nn.training.summary import expected_sample
from tensorgrad import Tensor


def checked_metrics(metrics: Iterable[Metric]) -> tuple[Metric, ...]:
    """The metrics, of different names.

    Raises:
        TypeError: no collection, or something in it that is no metric.
        ValueError: a name that is taken.
    """
    if not isinstance(metrics, Iterable):
        raise TypeError(
            f"Model: metrics must be a list such as [nn.CategoricalAccuracy()], got {metrics!r}. A single one goes "
            "into a list, too: metrics=[…]."
        )
    checked = tuple(metrics)
    for metric in checked:
        if not isinstance(metric, Metric):
            raise TypeError(f"Model: metrics must be objects such as nn.CategoricalAccuracy(), got {metric!r}.")
    names = [metric.name for metric in checked]
    for name in names:
        if name in NOT_METRICS or name.startswith("val_") or names.count(name) > 1:
            raise ValueError(f"Model: the metric name {name!r} is already taken. Set metric.name to another.")
    return checked


def checked_callbacks(callbacks: Iterable[Callback]) -> tuple[Callback, ...]:
    """The callbacks.

    Raises:
        TypeError: no collection, or something in it that is no callback.
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
    """The optimizer, if it trains this network and nothing else. It may hold parameters that have been frozen.

    Raises:
        ValueError: there is none, it trains nothing here, or it holds a tensor that the network has not (any more).
    """
    if optimizer is None:
        raise ValueError("fit: this model has no optimizer. Give it one: Model(..., optimizer=nn.Adam(...)).")
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
    """The history of a training that is to go on, if its epochs have the values that the next ones will have.

    Raises:
        ValueError: they have others.
    """
    measured = ["loss", *(metric.name for metric in metrics)]
    names = {*NOT_METRICS, *measured, *(f"val_{name}" for name in measured if has_validation)}
    if history.epochs and set(history) != names:
        raise ValueError(
            f"fit: resume=True, but the epochs before have {sorted(history)}, and these will have {sorted(names)}. Use "
            "the same metrics and validation_data, or resume=False."
        )
    return history


def check_samples(what: str, network: Module, shape: tuple[int, ...]) -> None:
    """Refuse a flat list of numbers as the samples of a network that starts with a `Dense`.

    The layer itself would take the list for a single sample.

    Raises:
        ValueError: with what to do.
    """
    expected = expected_sample(network)
    if expected is None or len(shape) != 1:
        return
    remedy = " Use X.reshape(-1, 1)." if expected == (1,) else ""
    raise ValueError(f"{what}: X has shape {shape}, but the network expects rows: (samples, {expected[0]}).{remedy}")


def check_prediction(what: str, prediction: Any) -> None:
    """Refuse a network that gives anything but a tensor.

    Raises:
        TypeError: naming what it gave.
    """
    if not isinstance(prediction, Tensor):
        raise TypeError(f"{what}: the network must give a Tensor, got {type(prediction).__name__}.")


def check_loss(loss: Any, value: Any) -> None:
    """Refuse a loss that cannot be gone backward from.

    Raises:
        TypeError: `value`, which it gave, is no tensor.
        ValueError: it is not a single number.
    """
    name = getattr(loss, "__name__", type(loss).__name__)
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Model: the loss {name} gave {type(value).__name__}, expected a scalar Tensor. Compute it with "
            "tensorgrad's functions, without .data, .numpy() and .item()."
        )
    if value.shape:
        raise ValueError(
            f"Model: the loss {name} gave a tensor of shape {value.shape}, expected a single number. Average it: "
            "tg.mean(…)."
        )
