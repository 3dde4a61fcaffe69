"""Activations as modules, to stand between the layers of a network."""

from __future__ import annotations

import math
from typing import Literal

from numpy.typing import ArrayLike

import tensorgrad as tg
from nn import functional
from nn.module import Module
from tensorgrad import Tensor


class Identity(Module):
    """x as it is: the book's linear activation.

    >>> Identity()([-1.0, 2.0])
    Tensor([-1.,  2.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`x` as a tensor."""
        return x if isinstance(x, Tensor) else Tensor(x)


class ReLU(Module):
    """max(x, 0), elementwise, with the slope 0 at 0.

    >>> ReLU()([-1.0, 2.0])
    Tensor([0., 2.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.relu`."""
        return functional.relu(x)


class LeakyReLU(Module):
    """x where it is positive, else `negative_slope`·x, elementwise.

    Raises:
        ValueError: `negative_slope` is not finite.

    >>> LeakyReLU(0.1)([-1.0, 2.0])
    Tensor([-0.1,  2. ])
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        self.negative_slope = _finite("LeakyReLU", "negative_slope", negative_slope)

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.leaky_relu`."""
        return functional.leaky_relu(x, negative_slope=self.negative_slope)


class ELU(Module):
    """x where it is positive, else `alpha`·(eˣ - 1), elementwise.

    Raises:
        ValueError: `alpha` is not finite.

    >>> ELU()([-1e4, 2.0])
    Tensor([-1.,  2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = _finite("ELU", "alpha", alpha)

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.elu`."""
        return functional.elu(x, alpha=self.alpha)


class GELU(Module):
    """x·Φ(x), elementwise, where Φ is the normal distribution function.

    Args:
        approximate: `"none"` for the exact function, `"tanh"` for the approximation by tanh; as in PyTorch.

    Raises:
        ValueError: another `approximate`.

    >>> GELU()([0.0, 1.0])
    Tensor([0.        , 0.84134475])
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate must be 'none' or 'tanh', got {approximate!r}.")
        self.approximate = approximate

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.gelu` or `functional.gelu_tanh`."""
        return functional.gelu(x) if self.approximate == "none" else functional.gelu_tanh(x)


class Softplus(Module):
    """log(1 + eˣ), elementwise: a smooth ReLU.

    >>> Softplus()([-1e4, 0.0])
    Tensor([0.        , 0.69314718])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.softplus`."""
        return tg.softplus(x)


class Sigmoid(Module):
    """1/(1 + e⁻ˣ), elementwise: a probability.

    >>> Sigmoid()([-1e4, 0.0])
    Tensor([0. , 0.5])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.sigmoid`."""
        return tg.sigmoid(x)


class Tanh(Module):
    """The hyperbolic tangent, elementwise.

    >>> Tanh()([-1e4, 0.0])
    Tensor([-1.,  0.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.tanh`."""
        return tg.tanh(x)


class Softmax(Module):
    """eˣ/Σeˣ along `axis`: probabilities that sum to 1.

    For training, leave it away and use `SoftmaxCrossEntropy` on the network's plain outputs: faster and exact.

    >>> Softmax()([[0.0, 1e4]])
    Tensor([[0., 1.]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.softmax`."""
        return tg.softmax(x, axis=self.axis)


def _finite(layer: str, name: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"{layer}: {name} must be a finite number, got {value!r}.")
    return float(value)
