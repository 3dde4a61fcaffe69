"""With NumPy by hand, in the book's style: a new array for every intermediate result, a gradient for the input too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from dense import rules
from dense.task import Array, Task


def training(task: Task) -> Callable[[], Any]:
    """A step returns the loss."""
    return rules.training(task, loss_and_gradients, *task.data())


def loss_and_gradients(parameters: list[Array], x: Array, y: Array) -> tuple[Any, list[Array]]:
    """Chapters 3 to 9: layers forward, the loss, and the same backward.

    The loss is not clipped, as it is in the book: that would make its value another than the others'.
    """
    layers = list(zip(parameters[::2], parameters[1::2]))
    inputs, sums = [x], []
    for w, b in layers:
        sums.append(inputs[-1] @ w + b)
        inputs.append(np.maximum(0, sums[-1]))

    scores = sums[-1] - np.max(sums[-1], axis=1, keepdims=True)
    powers = np.exp(scores)
    totals = np.sum(powers, axis=1, keepdims=True)
    probabilities = powers / totals
    samples = range(len(y))
    value = np.mean(np.log(totals[:, 0]) - scores[samples, y])

    g = probabilities.copy()
    g[samples, y] -= 1
    g = g / len(y)
    gradients: list[Array] = []
    for at in reversed(range(len(layers))):
        if at < len(layers) - 1:
            g = g.copy()
            g[sums[at] <= 0] = 0
        gradients = [inputs[at].T @ g, np.sum(g, axis=0), *gradients]
        g = g @ layers[at][0].T
    return value, gradients
