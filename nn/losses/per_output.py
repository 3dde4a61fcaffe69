"""Loss of a network with several outputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from nn._repr import described
from nn._several import mapped, named
from nn.losses.losses import Loss
from tensorgrad import Tensor


class PerOutput(Loss):
    """Weighted sum of a loss for each output of a network. `nn.Model` creates one if `loss` is a tuple or a dict.

    Args:
        losses: a tuple of losses, for a network that returns a tuple; or a dict, for one that returns a dict.
        weights: the factor of each, of the same structure; default: 1 for each.

    Raises:
        TypeError: an item is not a loss, or a weight is not a number; when called, if predictions or targets do not
            have this structure.
        ValueError: there is no loss, the weights do not match the losses, or one is not finite; when called, if the
            number of predictions or targets, or their keys, differ.

    >>> import nn, numpy as np
    >>> loss = PerOutput({"class": nn.SoftmaxCrossEntropy(), "age": nn.MeanSquaredError()}, {"class": 1.0, "age": 0.1})
    >>> predictions = {"class": Tensor([[0.0, 0.0]]), "age": Tensor([[30.0]])}
    >>> loss(predictions, {"class": np.array([1]), "age": np.array([[20.0]])})  # log 2 + 0.1 · 10²
    Tensor(10.69314718)
    """

    def __init__(self, losses: Any, weights: Any = None) -> None:
        if not isinstance(losses, (tuple, dict)) or not losses:
            raise TypeError(f"PerOutput: losses must be a tuple or a dict with a loss per output, got {losses!r}.")
        for name, loss in named(losses):
            if isinstance(loss, type) or not callable(loss):
                raise TypeError(
                    f"PerOutput: losses{name} must be a loss such as nn.SoftmaxCrossEntropy(), got {loss!r}."
                )
        self.losses = losses
        self.weights = mapped(lambda _: 1.0, losses) if weights is None else self._checked_weights(weights)

    def forward(self, predictions: Any, targets: Any, sample_weight: Any = None) -> Tensor:
        """Return Σ weight · loss over the outputs."""
        check_structure("the network's outputs", self.losses, predictions)
        check_structure("the targets y", self.losses, targets)
        given = () if sample_weight is None else (sample_weight,)
        losses = named(mapped(lambda loss, p, t: loss(p, t, *given), self.losses, predictions, targets))
        total: Tensor | None = None
        for (name, value), (_, weight) in zip(losses, named(self.weights)):
            if not isinstance(value, Tensor):
                raise TypeError(f"PerOutput: losses{name} returned {type(value).__name__}, expected a scalar Tensor.")
            part = value if weight == 1 else value * weight
            total = part if total is None else total + part
        assert total is not None
        return total

    def probabilities(self, outputs: Any) -> Any:
        """Return the probabilities of each output."""
        return mapped(lambda loss, array: self._part(loss).probabilities(array), self.losses, outputs)

    def classes(self, probabilities: Any) -> Any:
        """Return the most probable classes of each output."""
        return mapped(lambda loss, array: self._part(loss).classes(array), self.losses, probabilities)

    def __repr__(self) -> str:
        return described(self, {"losses": self.losses, "weights": self.weights})

    @staticmethod
    def _part(loss: Callable[..., Any]) -> Loss:
        return loss if isinstance(loss, Loss) else Loss()

    def _checked_weights(self, weights: Any) -> Any:
        check_structure("loss_weights", self.losses, weights)
        for name, weight in named(weights):
            if isinstance(weight, bool) or not isinstance(weight, (int, float)):
                raise TypeError(f"PerOutput: loss_weights{name} must be a number, got {weight!r}.")
            if not math.isfinite(weight):
                raise ValueError(f"PerOutput: loss_weights{name} must be finite, got {weight!r}.")
        return weights if isinstance(weights, dict) else tuple(weights)


def check_structure(what: str, expected: Any, values: Any) -> None:
    """Reject values that do not match the outputs of a network.

    Raises:
        TypeError: `values` is not a tuple or dict, as the losses are.
        ValueError: the number of values or their keys differ.
    """
    kind = dict if isinstance(expected, dict) else tuple
    got = type(values).__name__
    if not isinstance(values, dict if kind is dict else (tuple, list)):
        raise TypeError(f"PerOutput: expected {what} as a {kind.__name__}, as the losses are, got {got}.")
    given, wanted = ([name for name, _ in named(each)] for each in (values, expected))
    if set(given) != set(wanted):
        names = f"for {', '.join(wanted)}, got {', '.join(given) or 'none'}" if kind is dict else ""
        counts = f"{len(wanted)}, one for each output, got {len(given)}" if kind is tuple else ""
        raise ValueError(f"PerOutput: expected {what} {names}{counts}.")
