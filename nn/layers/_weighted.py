"""Base class of layers with a weight and a bias."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

import tensorgrad as tg
from nn import init
from nn._repr import settings
from nn._rng import Rng
from nn.layers._weights import drawn
from nn.module import Module
from tensorgrad import Tensor


class Weighted(Module):
    """Base class of layers with a `weight` and, unless it is None, a `bias`.

    Args:
        weight_l1, weight_l2, bias_l1, bias_l2: the strengths of the penalties.
        has_bias: whether there is a bias.
    """

    parameter_names = ("weight", "bias")

    weight: Tensor
    bias: Tensor | None
    weight_l1: float
    weight_l2: float
    bias_l1: float
    bias_l2: float

    def __init__(self, weight_l1: float, weight_l2: float, bias_l1: float, bias_l2: float, has_bias: bool) -> None:
        strengths = {"weight_l1": weight_l1, "weight_l2": weight_l2, "bias_l1": bias_l1, "bias_l2": bias_l2}
        name = type(self).__name__
        for setting, value in strengths.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name}: {setting} must be a finite number of at least 0, got {value!r}.")
            setattr(self, setting, float(value))
        if not has_bias and (bias_l1 or bias_l2):
            raise ValueError(f"{name}: bias_l1 and bias_l2 need a bias, but bias=False.")

    def _weight(
        self, shape: tuple[int, ...], weight_init: Any, default: init.Initializer, rng: Rng, dtype: DTypeLike
    ) -> Tensor:
        """Return a parameter of this shape, from `weight_init` or, if that is None, the default initialiser."""
        initializer = default if weight_init is None else weight_init
        values = drawn(type(self).__name__, "weight_init", initializer, shape, rng, dtype)
        return Tensor(values, requires_grad=True)

    def penalties(self) -> Iterator[Tensor]:
        """Yield λΣ|w| and λΣw² for the weights and for the bias, where λ is not 0."""
        for values, l1, l2 in (
            (self.weight, self.weight_l1, self.weight_l2),
            (self.bias, self.bias_l1, self.bias_l2),
        ):
            if l1 and values is not None:
                yield l1 * tg.sum(tg.abs(values))
            if l2 and values is not None:
                yield l2 * tg.sum(tg.square(values))

    def weighted_settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults.

        A class with its own constructor returns this from `settings`, which saving relies on.
        """
        shown = settings(self)
        if self.bias is None:
            shown["bias"] = False
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        return shown
