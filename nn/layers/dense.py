"""Fully connected layer."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

import tensorgrad as tg
from nn import init
from nn._rng import Rng
from nn._validation import as_array, whole_number
from nn._weight_layouts import Layout, foreign
from nn.functional import linear
from nn.module import Module
from tensorgrad import Tensor


class Dense(Module):
    """A fully connected layer: `x @ weight + bias`.

    Args:
        inputs: the width of x, at least 1.
        neurons: the width of the result, at least 1.
        bias: whether a bias is added.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`, as in Keras. The bias starts at 0.
        weight_l1, weight_l2, bias_l1, bias_l2: λ of the penalties λΣ|w| and λΣw², at least 0; see
            `regularization_loss`. *Neural Networks from Scratch*, chapter 14.
        dtype: of the parameters.
        rng: where the weights are drawn from: a `Generator`, a `RandomState`, a seed, or None. Layers that are
            given the same generator draw from it one after the other; given the same seed, they draw the same.

    Attributes:
        weight: `(inputs, neurons)`.
        bias: `(neurons,)`, or None.

    x is `(samples, inputs)`, or a single sample `(inputs,)`, or a stack `(…, inputs)`; the result has `neurons` in
    the place of `inputs`. dtypes promote as in NumPy.

    Raises:
        ValueError: a size below 1, a negative or non-finite λ, λ for a bias that is not there, an initialiser that
            gives the wrong shape; when called, x of another width.
        TypeError: a size that is not an integer, a dtype that is not floating-point, or a `weight_init` that is no
            initialiser.

    >>> import numpy as np
    >>> layer = Dense(4, 3, rng=0)
    >>> layer
    Dense(4, 3)
    >>> layer(np.ones((2, 4), np.float32)).shape
    (2, 3)
    >>> layer(np.ones((2, 5)))
    Traceback (most recent call last):
    ValueError: Dense(4, 3): expected inputs of width 4, got an array of shape (2, 5).
    """

    pytorch_layout = Layout({"weight": foreign("weight").transpose(), "bias": "bias"})
    keras_layout = Layout({"weight": "kernel", "bias": "bias"}, name="dense")

    def __init__(
        self,
        inputs: int,
        neurons: int,
        *,
        bias: bool = True,
        weight_init: init.Initializer | None = None,
        weight_l1: float = 0.0,
        weight_l2: float = 0.0,
        bias_l1: float = 0.0,
        bias_l2: float = 0.0,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        self.inputs = whole_number("Dense: inputs", inputs)
        self.neurons = whole_number("Dense: neurons", neurons)
        self.weight_l1 = _checked_strength("weight_l1", weight_l1)
        self.weight_l2 = _checked_strength("weight_l2", weight_l2)
        self.bias_l1 = _checked_strength("bias_l1", bias_l1)
        self.bias_l2 = _checked_strength("bias_l2", bias_l2)
        if not bias and (bias_l1 or bias_l2):
            raise ValueError("Dense: bias_l1 and bias_l2 need a bias, but bias=False.")
        if np.dtype(dtype).kind != "f":
            raise TypeError(f"Dense: expected a floating-point dtype, got {np.dtype(dtype)}.")
        shape = (self.inputs, self.neurons)
        initializer = init.glorot() if weight_init is None else _checked_initializer(weight_init)
        values = as_array(initializer(shape, rng, dtype)).astype(dtype)  # a copy: the initialiser may keep its array
        if values.shape != shape:
            raise ValueError(f"Dense: weight_init gave an array of shape {values.shape}, expected {shape}.")
        self.weight = Tensor(values, requires_grad=True)
        self.bias = Tensor(np.zeros(self.neurons, dtype), requires_grad=True) if bias else None

    def forward(self, x: ArrayLike) -> Tensor:
        """`x @ weight + bias`."""
        try:
            if self.bias is None:
                return tg.matmul(x, self.weight)
            return linear(x, self.weight, self.bias)
        except ValueError as error:
            if np.shape(x)[-1:] == (self.inputs,):
                raise
            raise ValueError(
                f"{self._place()}: expected inputs of width {self.inputs}, got an array of shape {np.shape(x)}."
            ) from error

    def penalties(self) -> Iterator[Tensor]:
        """λΣ|w| and λΣw² for the weights and for the bias, where λ is not 0."""
        for values, l1, l2 in (
            (self.weight, self.weight_l1, self.weight_l2),
            (self.bias, self.bias_l1, self.bias_l2),
        ):
            if l1 and values is not None:
                yield l1 * tg.sum(tg.abs(values))
            if l2 and values is not None:
                yield l2 * tg.sum(tg.square(values))

    def settings(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.bias is None:
            shown["bias"] = False
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        return shown

    def _place(self) -> str:
        """This layer and, when its weight is named after it, its path in the network."""
        path = (self.weight.name or "").rpartition(".")[0]
        return f"layer {path}: {self!r}" if path else repr(self)


def _checked_strength(name: str, value: float) -> float:
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(f"Dense: {name} must be a finite number of at least 0, got {value!r}.")
    return float(value)


def _checked_initializer(weight_init: Any) -> init.Initializer:
    if not callable(weight_init):
        raise TypeError(f"Dense: weight_init must be an initialiser such as nn.init.he(), got {weight_init!r}.")
    for name, maker in vars(init).items():
        if weight_init is maker:
            raise TypeError(f"Dense: weight_init=nn.init.{name} makes an initialiser. Call it: nn.init.{name}().")
    initializer: init.Initializer = weight_init
    return initializer
