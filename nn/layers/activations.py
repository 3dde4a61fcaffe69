"""Activation functions as modules, for use between the layers of a network."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import tensorgrad as tg
from nn import functional
from nn._repr import counted
from nn._validation import whole_number
from nn._weight_layouts import Layout
from nn.module import Module
from tensorgrad import Tensor


class Identity(Module):
    """Return x unchanged: the book's linear activation.

    >>> Identity()([-1.0, 2.0])
    Tensor([-1.,  2.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `x` as a tensor."""
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


class SiLU(Module):
    """x·sigmoid(x), elementwise; also called swish.

    >>> SiLU()([-1e4, 0.0, 1e4])
    Tensor([   -0.,     0., 10000.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.silu`."""
        return functional.silu(x)


class PReLU(Module):
    """x where it is positive, else weight·x, with a weight that is trained.

    Args:
        features: the length of the last axis of x, for a weight of each feature; or 1, for one weight.
        initial: the initial value of the weights.
        dtype: of the weight.

    Attributes:
        weight: `(features,)`.

    Raises:
        ValueError: `features` below 1, or `initial` that is not finite; when called, x with other features.

    >>> PReLU()([-2.0, 2.0])
    Tensor([-0.5,  2. ], op=prelu)
    """

    keras_layout = Layout({"weight": "alpha"}, name="p_re_lu")

    def __init__(self, features: int = 1, *, initial: float = 0.25, dtype: DTypeLike = np.float32) -> None:
        self.features = whole_number("PReLU: features", features)
        self.initial = _finite("PReLU", "initial", initial)
        self.weight = Tensor(np.full(self.features, self.initial, dtype), requires_grad=True)

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.prelu`."""
        if self.features > 1 and np.shape(x)[-1:] != (self.features,):
            raise ValueError(
                f"{self!r}: expected x with {counted(self.features, 'feature')} along the last axis, got an array of "
                f"shape {np.shape(x)}."
            )
        return functional.prelu(x, self.weight)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        return shown


class GLU(Module):
    """a·sigmoid(b), where a and b are the halves of x along `axis`.

    Raises, when called:
        ValueError: the length along `axis` is odd.

    >>> GLU()([1.0, 2.0, 0.0, 1e4])
    Tensor([0.5, 2. ])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Tensor:
        """`functional.glu`."""
        return functional.glu(x, axis=self.axis)


class LogSoftmax(Module):
    """log softmax(x) along `axis`: log-probabilities, exact where probabilities underflow.

    >>> LogSoftmax()([[0.0, 1e4]])
    Tensor([[-10000.,      0.]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.log_softmax`."""
        return tg.log_softmax(x, axis=self.axis)


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
    """Hyperbolic tangent, elementwise.

    >>> Tanh()([-1e4, 0.0])
    Tensor([-1.,  0.])
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """`tg.tanh`."""
        return tg.tanh(x)


class Softmax(Module):
    """eˣ/Σeˣ along `axis`: probabilities that sum to 1.

    For training, omit it and use `SoftmaxCrossEntropy` on the network's plain outputs, which is faster and exact.

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
