"""The training task: a dense network with ReLU and softmax cross-entropy, in float32, with given initial weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Task:
    """A network, its data and its optimizer.

    Attributes:
        sizes: the widths, from the input to the classes.
        data: returns inputs (batches, samples, features) and labels (batches, samples). A step takes the next batch.
        optimizer: "SGD", "momentum", "Adagrad", "RMSprop" or "Adam".
        learning_rate: of the optimizer. Its other settings are those of `rules.py` for all contestants.
    """

    sizes: tuple[int, ...]
    data: Callable[[], tuple[Array, Array]]
    optimizer: str = "Adam"
    learning_rate: float = 0.001

    def weights(self) -> list[Array]:
        """Return the initial weights (He): an array (inputs, neurons) for each layer. Biases start at 0."""
        rng = np.random.default_rng(0)
        return [(rng.standard_normal(s) * np.sqrt(2 / s[0])).astype(np.float32) for s in pairwise(self.sizes)]

    def parameters(self) -> list[Array]:
        """Return weights and biases, alternating."""
        return [array for w in self.weights() for array in (w, np.zeros(w.shape[1], np.float32))]
