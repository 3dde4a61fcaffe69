"""Embedding layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nn import functional, init
from nn._rng import Rng
from nn._validation import whole_number
from nn._weight_layouts import Layout
from nn.layers._weights import drawn
from nn.module import Module, place
from tensorgrad import Tensor


class Embedding(Module):
    """A learned vector for each word, character or other symbol.

    Args:
        vocabulary: the number of symbols, at least 1. Ids are 0 … vocabulary - 1.
        features: the length of each vector, at least 1.
        padding_index: the id used for padding. Its vector starts at 0 and is not trained.
        weight_init: an initialiser from `nn.init`; default `init.uniform(0.05)`, as in Keras.
        dtype: of the weight.
        rng: the source of the weights, as in `Dense`.

    Attributes:
        weight: `(vocabulary, features)`.

    Ids are integers of any shape, usually `(batch, time)`; the result has `features` as a further axis.

    Raises:
        ValueError: a size below 1, a `padding_index` that is not an id, an initialiser that returns the wrong shape;
            when called, an id outside the vocabulary.
        TypeError: a size that is not an integer, or a dtype that is not floating-point; when called, ids that are not
            integers.

    >>> layer = Embedding(65, 8, rng=0)
    >>> layer([[0, 1, 2], [64, 0, 0]]).shape
    (2, 3, 8)
    >>> layer([[0, 65]])
    Traceback (most recent call last):
    ValueError: Embedding(65, 8): expected ids of 0 … 64, got 65 at index (0, 1).
    """

    pytorch_layout = Layout({"weight": "weight"})
    keras_layout = Layout({"weight": "embeddings"}, name="embedding")

    def __init__(
        self,
        vocabulary: int,
        features: int,
        *,
        padding_index: int | None = None,
        weight_init: init.Initializer | None = None,
        dtype: DTypeLike = np.float32,
        rng: Rng = None,
    ) -> None:
        self.vocabulary = whole_number("Embedding: vocabulary", vocabulary)
        self.features = whole_number("Embedding: features", features)
        if padding_index is not None:
            padding_index = whole_number("Embedding: padding_index", padding_index, lowest=0)
            if padding_index >= vocabulary:
                raise ValueError(
                    f"Embedding: padding_index must be an id of 0 … {vocabulary - 1}, got {padding_index}."
                )
        self.padding_index = padding_index
        shape = (self.vocabulary, self.features)
        initializer = init.uniform(0.05) if weight_init is None else weight_init
        values = drawn("Embedding", "weight_init", initializer, shape, rng, dtype)
        if padding_index is not None:
            values[padding_index] = 0
        self.weight = Tensor(values, requires_grad=True)

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        yield np.zeros((1, 3), np.intp)

    def forward(self, ids: ArrayLike) -> Tensor:
        """Return the vectors of these ids."""
        try:
            return functional.embedding(ids, self.weight, padding_index=self.padding_index)
        except (TypeError, ValueError) as error:
            raise self._explained(error) from None

    def _explained(self, error: Exception) -> Exception:
        """Return the operation's error with its name replaced by this layer and its path."""
        message = str(error).removeprefix("embedding: ").partition(" Operands:")[0]
        return type(error)(f"{place(self)}: {message}")

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        shown = super().settings()
        if self.weight.dtype != np.float32:
            shown["dtype"] = str(self.weight.dtype)
        return shown
