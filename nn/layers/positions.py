"""Layers that encode the positions of a sequence for attention."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike

from nn import functional, init
from nn._rng import Rng, generator
from nn._validation import whole_number
from nn.layers._cache import current_cache
from nn.layers._weights import drawn
from nn.layers.dropout import Dropout
from nn.module import Module
from tensorgrad import Tensor


class PositionalEncoding(Module):
    """Add sines and cosines of the positions, and apply dropout.

    Args:
        features: the length of the last axis of x, at least 1.
        dropout: the fraction of the sums that is dropped in training.
        base: the ratio of the longest to the shortest wavelength.
        rng: the source of random numbers of dropout.

    x is `(…, time, features)`, such as the result of an `Embedding`. The encoding is `functional.sinusoids`. It has no
    parameters, and sequences can have any length.

    Raises:
        ValueError: `features` below 1, or `dropout` outside [0, 1); when called, x of another shape.
        TypeError: `features` that is not an integer.

    References:
        Vaswani et al., *Attention Is All You Need*, 2017, section 3.5.

    >>> PositionalEncoding(2)(np.zeros((2, 2)))
    Tensor([[0.        , 1.        ],
            [0.84147098, 0.54030231]])
    """

    def __init__(self, features: int, *, dropout: float = 0.0, base: float = 10_000.0, rng: Rng = None) -> None:
        self.features = whole_number("PositionalEncoding: features", features)
        self.dropout = dropout
        self.base = base
        self.rng = generator(rng)
        self.dropped = Dropout(dropout, self.rng) if dropout else None

    def forward(self, x: ArrayLike) -> Tensor:
        """Return x plus the encoding of its positions."""
        x = _sequence(self, x, self.features)
        start = _start(self, x)
        table = functional.sinusoids(x.shape[-2], self.features, start=start, base=self.base).astype(x.dtype)
        encoded: Tensor = x + table
        return encoded if self.dropped is None else self.dropped(encoded)


class LearnedPositions(Module):
    """Add a trained vector for each position.

    Args:
        length: the number of positions, at least 1: the length of the longest sequence.
        features: the length of the last axis of x, at least 1.
        weight_init: an initialiser from `nn.init`; default `init.normal(0.02)`, as in GPT-2.
        dtype: of the weight.
        rng: the source of the weights, as in `Dense`.

    Attributes:
        weight: `(length, features)`.

    x is `(…, time, features)`, such as the result of an `Embedding`.

    Raises:
        ValueError: a size below 1, an initialiser that returns the wrong shape; when called, x of another shape, or
            a sequence longer than `length`.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    References:
        Gehring et al., *Convolutional Sequence to Sequence Learning*, 2017.

    >>> LearnedPositions(8, 4, rng=0)(np.zeros((2, 5, 4), np.float32)).shape
    (2, 5, 4)
    """

    def __init__(
        self, length: int, features: int, *, weight_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        self.length = whole_number("LearnedPositions: length", length)
        self.features = whole_number("LearnedPositions: features", features)
        initializer = init.normal(0.02) if weight_init is None else weight_init
        shape = (self.length, self.features)
        self.weight = Tensor(
            drawn("LearnedPositions", "weight_init", initializer, shape, rng, dtype), requires_grad=True
        )

    def forward(self, x: ArrayLike) -> Tensor:
        """Return x plus the vectors of its positions."""
        x = _sequence(self, x, self.features)
        start = _start(self, x)
        stop = start + x.shape[-2]
        if stop > self.length:
            raise ValueError(f"{self!r}: expected at most {self.length} steps, got {stop}. Use a larger length.")
        result: Tensor = x + self.weight[start:stop]
        return result

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        return shown


class RotaryPositions(Module):
    """Rotate pairs of features by angles proportional to the position.

    The product of a query and a key that were rotated depends on their distance, not on their positions. Attention
    applies it to queries and keys, with `rotary=True`.

    Args:
        features: the length of the last axis of x, an even number.
        base: the ratio of the longest to the shortest wavelength.
        interleaved: whether neighbouring features are a pair, as in the paper and in Llama; if not, the features of a
            pair are half of all features apart, as in Hugging Face's models.

    x is `(…, time, features)`; see `functional.rotary`.

    Raises:
        ValueError: `features` that is not even; when called, x of another shape.
        TypeError: `features` that is not an integer.

    References:
        Su et al., *RoFormer: Enhanced Transformer with Rotary Position Embedding*, 2021.

    >>> RotaryPositions(2)([[1.0, 0.0], [1.0, 0.0]]).data.round(2)
    array([[1.  , 0.  ],
           [0.54, 0.84]])
    """

    def __init__(self, features: int, *, base: float = 10_000.0, interleaved: bool = True) -> None:
        self.features = whole_number("RotaryPositions: features", features)
        if self.features % 2:
            raise ValueError(
                f"RotaryPositions: features are rotated in pairs, so their number must be even, got {features}."
            )
        self.base = base
        self.interleaved = interleaved

    def forward(self, x: ArrayLike, start: int = 0) -> Tensor:
        """Return x, rotated; `start` is the position of its first step."""
        x = _sequence(self, x, self.features)
        positions = np.arange(start, start + x.shape[-2])
        cosines, sines = functional.rotary_angles(positions, self.features, base=self.base)
        rotated: Tensor = functional.rotary(
            x, cosines.astype(x.dtype), sines.astype(x.dtype), interleaved=self.interleaved
        )
        return rotated


def _sequence(layer: Module, x: ArrayLike, features: int) -> Tensor:
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim < 2 or x.shape[-1] != features:
        raise ValueError(f"{layer!r}: expected x of shape (…, time, {features}), got {x.shape}.")
    return x


def _start(layer: Module, x: Tensor) -> int:
    """Return the position of the first step, which is 0 unless a cache has earlier ones."""
    cache = current_cache()
    return 0 if cache is None else cache.advance(layer, x.shape[-2])
