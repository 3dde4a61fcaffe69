"""Fully connected layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

import tensorgrad as tg
from nn import init
from nn._rng import Rng
from nn._validation import whole_number
from nn._weight_layouts import Layout, foreign
from nn.functional import linear
from nn.layers._weighted import Weighted
from nn.module import place
from tensorgrad import Tensor


class Dense(Weighted):
    """Fully connected layer: `x @ weight + bias`.

    Args:
        inputs: the width of x, at least 1.
        neurons: the width of the result, at least 1.
        bias: whether a bias is added.
        weight_init: an initialiser from `nn.init`; default `init.glorot()`, as in Keras. The bias starts at 0.
        weight_l1, weight_l2, bias_l1, bias_l2: λ of the penalties λΣ|w| and λΣw², at least 0; see
            `regularization_loss`. *Neural Networks from Scratch*, chapter 14.
        dtype: of the parameters.
        rng: the source of the weights: a `Generator`, a `RandomState`, a seed, or None. Layers with the same generator
            draw from it one after the other. Layers with the same seed draw the same numbers.

    Attributes:
        weight: `(inputs, neurons)`.
        bias: `(neurons,)`, or None.

    x is `(samples, inputs)`, or a single sample `(inputs,)`, or a stack `(…, inputs)`; the result has `neurons`
    instead of `inputs`. Dtypes promote as in NumPy.

    Raises:
        ValueError: a size below 1, a negative or non-finite λ, λ for a missing bias, an initialiser that returns
            the wrong shape; when called, x of another width.
        TypeError: a size that is not an integer, a dtype that is not floating-point, or a `weight_init` that is not
            an initialiser.

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
        super().__init__(weight_l1, weight_l2, bias_l1, bias_l2, bias)
        self.weight = self._weight((self.inputs, self.neurons), weight_init, init.glorot(), rng, dtype)
        self.bias = Tensor(np.zeros(self.neurons, dtype), requires_grad=True) if bias else None

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        yield np.zeros((1, self.inputs), self.weight.dtype)

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
                f"{place(self)}: expected inputs of width {self.inputs}, got an array of shape {np.shape(x)}."
            ) from error

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return self.weighted_settings()
