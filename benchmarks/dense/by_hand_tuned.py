"""With NumPy by hand, tuned for speed: an estimate of the time without the overhead of an engine.

No array of a layer's size is allocated after the start, there is no gradient for the input, the last layer's softmax
and cross-entropy are one, and Adam runs over all parameters at once, in blocks that fit into the cache. For Adam only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from dense.rules import BETA_1, BETA_2, EPSILON
from dense.task import Array, Task

BLOCK = 65_536


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss."""
    start = task.parameters()
    weights, gradients = (np.empty(sum(p.size for p in start), np.float32) for _ in range(2))
    parameters, slopes = in_the_shapes_of(start, weights), in_the_shapes_of(start, gradients)
    for own, given in zip(parameters, start):
        own[:] = given
    network = Network(task, parameters, slopes)
    adam = Adam(weights, gradients, task.learning_rate)
    batches = cycle(zip(*task.data()))

    def step() -> Any:
        value = network.loss_and_gradients(*next(batches))
        adam.step()
        return value

    return step


def in_the_shapes_of(arrays: list[Array], flat: Array) -> list[Array]:
    """Return consecutive views of `flat` in the shapes of the arrays."""
    ends = np.cumsum([array.size for array in arrays])
    return [flat[end - array.size : end].reshape(array.shape) for array, end in zip(arrays, ends)]


class Network:
    """The network with preallocated buffers for all intermediate results."""

    def __init__(self, task: Task, parameters: list[Array], slopes: list[Array]) -> None:
        samples = task.data()[0].shape[1]
        self.layers = list(zip(parameters[::2], parameters[1::2]))
        self.slopes = list(zip(slopes[::2], slopes[1::2]))
        self.outputs = [np.empty((samples, size), np.float32) for size in task.sizes[1:]]
        self.upstream = [np.empty_like(output) for output in self.outputs]
        self.positive = [np.empty(output.shape, bool) for output in self.outputs]
        self.ones, self.rows = np.ones(samples, np.float32), np.arange(samples)

    def loss_and_gradients(self, x: Array, y: Array) -> Any:
        """Return the loss and write the gradients into their buffers."""
        inputs = [x, *self.outputs]
        for at, (w, b) in enumerate(self.layers):
            out = np.matmul(inputs[at], w, out=self.outputs[at])
            out += b
            if at < len(self.layers) - 1:
                np.maximum(out, 0, out=out)

        scores, g = self.outputs[-1], self.upstream[-1]
        scores -= scores.max(axis=1, keepdims=True)
        totals = np.exp(scores, out=g).sum(axis=1, keepdims=True)
        value = (np.log(totals[:, 0]) - scores[self.rows, y]).mean()
        g /= totals
        g[self.rows, y] -= 1
        g *= np.float32(1 / len(y))

        for at in reversed(range(len(self.layers))):
            g = self.upstream[at]
            np.matmul(inputs[at].T, g, out=self.slopes[at][0])
            np.matmul(self.ones, g, out=self.slopes[at][1])
            if at:
                below = np.matmul(g, self.layers[at][0].T, out=self.upstream[at - 1])
                below *= np.greater(self.outputs[at - 1], 0, out=self.positive[at - 1])
        return value


class Adam:
    """Adam over flat arrays. The factors 1 − β of its averages are applied at the end."""

    def __init__(self, weights: Array, gradients: Array, rate: float) -> None:
        sums, squares = np.zeros_like(weights), np.zeros_like(weights)
        size = math.ceil(len(weights) / math.ceil(len(weights) / BLOCK))
        scratch = np.empty(size, np.float32)
        self.rate, self.t = rate, 0
        parts = [slice(i, min(i + size, len(weights))) for i in range(0, len(weights), size)]
        self.blocks = [
            (weights[part], gradients[part], sums[part], squares[part], scratch[: part.stop - part.start])
            for part in parts
        ]

    def step(self) -> None:
        """Perform one step."""
        self.t += 1
        correction = (1 - BETA_1) / (1 - BETA_1**self.t)
        root = math.sqrt((1 - BETA_2) / (1 - BETA_2**self.t))
        beta_1, beta_2 = np.float32(BETA_1), np.float32(BETA_2)
        epsilon, factor = np.float32(EPSILON / root), np.float32(-self.rate * correction / root)
        for w, g, s, q, scratch in self.blocks:
            s *= beta_1
            s += g
            np.square(g, out=scratch)
            q *= beta_2
            q += scratch
            np.sqrt(q, out=scratch)
            scratch += epsilon
            np.divide(s, scratch, out=scratch)
            scratch *= factor
            w += scratch
