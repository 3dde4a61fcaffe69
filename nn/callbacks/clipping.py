"""Gradient clipping."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from nn._validation import as_array
from nn.callbacks.callback import Callback
from tensorgrad import Tensor


class ClipGradients(Callback):
    """Clip the gradients before each update, by value or by global norm.

    Pass exactly one of the arguments.

    Args:
        value: each element of each gradient is clipped to [-value, value].
        norm: if √Σg² over all gradients is larger, all are multiplied by norm / √Σg², which preserves their direction.
            Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, 2013, algorithm 1.

    Gradients that are not finite are left unchanged, for `fit` to report. Outside `fit`, use the functions `clip_value`
    and `clip_norm` in `nn.callbacks.clipping`.

    Raises:
        ValueError: none or both arguments are passed, or the argument is not finite and above 0.

    >>> ClipGradients(norm=1.0)
    ClipGradients(norm=1.0)
    """

    def __init__(self, *, value: float | None = None, norm: float | None = None) -> None:
        given = [bound for bound in (value, norm) if bound is not None]
        if len(given) != 1:
            raise ValueError("ClipGradients: give either value=… or norm=….")
        if not (math.isfinite(given[0]) and given[0] > 0):
            raise ValueError(f"ClipGradients: the bound must be finite and above 0, got {given[0]!r}.")
        self.value = value
        self.norm = norm

    def on_gradients(self, step: int) -> None:
        """Clip the gradients."""
        parameters = self.model.optimizer.parameters
        if self.value is not None:
            clip_value(parameters, self.value)
        elif self.norm is not None:
            clip_norm(parameters, self.norm)

    def clipped(self, gradients: Sequence[Any]) -> list[Any]:
        """Return the clipped gradients as new arrays, computed without a branch on values, for compiled programs."""
        if self.value is not None:
            return [np.where(np.isinf(g), g, np.clip(g, -self.value, self.value)) for g in gradients]
        assert self.norm is not None
        largest: Any = 0.0
        for gradient in gradients:
            largest = np.maximum(largest, np.max(np.abs(gradient), initial=0))
        scale = np.where(np.isfinite(largest) & (largest > 0), largest, 1)  # avoids overflow
        before: Any = 0.0
        for gradient in gradients:
            before = before + np.sum(np.square(gradient / scale))
        before = scale * np.sqrt(before)
        factor = np.where(np.isfinite(before) & (before > self.norm), self.norm / before, 1)
        return [gradient * factor.astype(gradient.dtype) for gradient in gradients]

    def __repr__(self) -> str:
        return f"ClipGradients(value={self.value})" if self.norm is None else f"ClipGradients(norm={self.norm})"


def clip_value(parameters: Iterable[Tensor], value: float) -> None:
    """Clip each element of each parameter's gradient to [-value, value], except infinity and NaN.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * np.array([3.0, -0.5])).sum().backward()
    >>> clip_value([w], 1.0)
    >>> w.grad
    array([ 1. , -0.5])
    """
    for parameter in _checked(parameters):
        gradient = parameter.grad
        if gradient is not None:
            parameter.grad = np.where(np.isinf(gradient), gradient, np.clip(gradient, -value, value))


def clip_norm(parameters: Iterable[Tensor], norm: float) -> float:
    """Scale the gradients of all parameters down so that √Σg², over all of them, is at most `norm`.

    Returns:
        √Σg² before scaling, computed in float64. If it is not finite, nothing is changed.

    >>> w = Tensor([1.0, 2.0], requires_grad=True)
    >>> (w * np.array([3.0, -4.0])).sum().backward()
    >>> clip_norm([w], 1.0)
    5.0
    >>> w.grad
    array([ 0.6, -0.8])
    """
    gradients = [(parameter, parameter.grad) for parameter in _checked(parameters) if parameter.grad is not None]
    largest = float(np.max([np.max(np.abs(g), initial=0) for _, g in gradients], initial=0))
    if not math.isfinite(largest) or largest == 0:
        return largest
    scale = math.ldexp(1.0, math.frexp(largest)[1] - 1)  # scaling by a power of 2 is exact and avoids overflow
    squares = (float(np.sum(np.square(np.divide(g, scale, dtype=np.float64)))) for _, g in gradients)
    before = scale * math.sqrt(sum(squares))
    if norm < before < math.inf:
        for parameter, gradient in gradients:
            parameter.grad = as_array(gradient * (norm / before))
    return before


def _checked(parameters: Iterable[Tensor]) -> list[Tensor]:
    tensors = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"clip: expected tensors such as network.parameters(), got {type(tensor).__name__}.")
    return tensors
