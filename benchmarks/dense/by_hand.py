"""With NumPy by hand, in the book's style: the layers, losses and optimizers of `examples/nnfs/by_hand.py`.

Intermediate results are new arrays, layers keep their inputs, and the gradient of the network's input is also computed.
The tests compare that file with the book's loss curves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np

from dense import rules
from dense.task import Array, Task

sys.path.append(str(Path(__file__).parents[2] / "examples" / "nnfs"))  # scripts, which import one another by name
import by_hand as book


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss."""
    parameters = task.parameters()
    layers: list[Any] = []
    for w, b in zip(parameters[::2], parameters[1::2]):
        layers += [book.Dense(w, b), book.ReLU()]
    network = book.Network(layers[:-1], UnclippedLoss())
    optimizer = optimizer_for(task)
    batches = cycle(zip(*task.data()))

    def step() -> Any:
        x, y = next(batches)
        network.forward(x)
        value = network.loss.loss(y)
        network.backward(y)
        optimizer.step(network)
        return value

    return step


class UnclippedLoss(book.SoftmaxCrossEntropy):
    """Cross-entropy without the book's clipping, so that its value equals that of the other contestants."""

    def forward(self, scores: Array) -> Array:
        """Return the probabilities."""
        self.shifted = scores - scores.max(axis=1, keepdims=True)
        powers = np.exp(self.shifted)
        self.totals = powers.sum(axis=1, keepdims=True)
        output: Array = powers / self.totals
        self.output = output
        return output

    def loss(self, y: Array) -> float:
        """Return the mean of log Σeˣ − x of the correct class."""
        return float((np.log(self.totals[:, 0]) - self.shifted[range(len(y)), y]).mean())


def optimizer_for(task: Task) -> book.Optimizer:
    """Return the optimizer of the task. The book's constants are those of `rules.py`."""
    if task.optimizer in ("SGD", "momentum"):
        return book.SGD(task.learning_rate, momentum=rules.MOMENTUM if task.optimizer == "momentum" else 0.0)
    if task.optimizer == "Adagrad":
        return book.Adagrad(task.learning_rate)
    if task.optimizer == "RMSprop":
        return book.RMSprop(task.learning_rate, rho=rules.RHO)
    return book.Adam(task.learning_rate)
