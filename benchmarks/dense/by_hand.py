"""With NumPy by hand, in the book's style: the layers, losses and optimizers of `examples/nnfs/by_hand.py`.

Every result is a new array, layers keep what they were given and what they gave back, and there is a gradient for the
input too. The tests hold that file to the book's own loss curves.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

from dense import rules
from dense.task import Task

sys.path.append(str(Path(__file__).parents[2] / "examples" / "nnfs"))
import by_hand as book


def training(task: Task) -> Callable[[], Any]:
    """A step returns the loss."""
    parameters = task.parameters()
    layers: list[Any] = []
    for w, b in zip(parameters[::2], parameters[1::2]):
        layers += [book.Dense(w, b), book.ReLU()]
    network = book.Network(layers[:-1], book.SoftmaxCrossEntropy())
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


def optimizer_for(task: Task) -> book.Optimizer:
    """The optimizer of the task; the book's constants are those of `rules.py`."""
    if task.optimizer in ("SGD", "momentum"):
        return book.SGD(task.learning_rate, momentum=rules.MOMENTUM if task.optimizer == "momentum" else 0.0)
    if task.optimizer == "Adagrad":
        return book.Adagrad(task.learning_rate)
    if task.optimizer == "RMSprop":
        return book.RMSprop(task.learning_rate, rho=rules.RHO)
    return book.Adam(task.learning_rate)
