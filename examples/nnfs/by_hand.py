"""Layers, losses and optimizers in NumPy, without the engine, as chapters 3 to 17 build them by hand.

Every class has a backward pass, which the engine makes unnecessary. The formulas are those of the book. Results have
the dtype of the weights: float64 for comparisons with the engine, float32 for timings.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Dense:
    """Chapters 3, 9 and 14: x @ weights + biases, with L1 and L2 penalties."""

    def __init__(self, weights: Array, biases: Array | None = None, *, l1: float = 0.0, l2: float = 0.0) -> None:
        self.weights = np.array(weights)
        self.biases = np.zeros(weights.shape[1], weights.dtype) if biases is None else np.array(biases)
        self.l1, self.l2 = l1, l2

    def forward(self, inputs: Array) -> Array:
        self.inputs = inputs
        return inputs @ self.weights + self.biases

    def backward(self, d_outputs: Array) -> Array:
        self.d_weights, self.d_biases = self.inputs.T @ d_outputs, d_outputs.sum(axis=0)
        if self.l1:
            self.d_weights += self.l1 * np.sign(self.weights)
            self.d_biases += self.l1 * np.sign(self.biases)
        if self.l2:
            self.d_weights += 2 * self.l2 * self.weights
            self.d_biases += 2 * self.l2 * self.biases
        return d_outputs @ self.weights.T

    def penalty(self) -> float:
        return sum(self.l1 * float(np.abs(p).sum()) + self.l2 * float((p**2).sum()) for p in self.parameters)

    @property
    def parameters(self) -> list[Array]:
        return [self.weights, self.biases]

    @property
    def gradients(self) -> list[Array]:
        return [self.d_weights, self.d_biases]


class ReLU:
    """Chapters 4 and 9: positive values pass unchanged, and so do their gradients."""

    def forward(self, inputs: Array) -> Array:
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, d_outputs: Array) -> Array:
        return np.where(self.inputs > 0, d_outputs, 0.0)


class Dropout:
    """Chapter 15: a fraction `rate` of the values becomes 0, and the others are divided by 1 - rate."""

    def __init__(self, rate: float, rng: np.random.Generator) -> None:
        self.rate, self.rng = rate, rng

    def forward(self, inputs: Array) -> Array:
        self.mask = (self.rng.random(inputs.shape) >= self.rate) / (1 - self.rate)
        return inputs * self.mask

    def backward(self, d_outputs: Array) -> Array:
        return d_outputs * self.mask


class SoftmaxCrossEntropy:
    """Chapters 5 and 9: probabilities from scores, and their loss; `y` contains class numbers."""

    def forward(self, scores: Array) -> Array:
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        self.output = powers / powers.sum(axis=1, keepdims=True)
        return self.output

    def loss(self, y: Array) -> float:
        return float(-np.log(np.clip(self.output, 1e-7, 1 - 1e-7)[range(len(y)), y]).mean())

    def backward(self, y: Array) -> Array:
        d_scores = self.output.copy()
        d_scores[range(len(y)), y] -= 1
        return d_scores / len(y)


class SigmoidCrossEntropy:
    """Chapter 16: every output is a separate yes or no; `y` contains 0 and 1."""

    def forward(self, scores: Array) -> Array:
        self.output = 1 / (1 + np.exp(-scores))
        return self.output

    def loss(self, y: Array) -> float:
        p = np.clip(self.output, 1e-7, 1 - 1e-7)
        return float(-(y * np.log(p) + (1 - y) * np.log(1 - p)).mean())

    def backward(self, y: Array) -> Array:
        p = np.clip(self.output, 1e-7, 1 - 1e-7)
        d_output = -(y / p - (1 - y) / (1 - p)) / y.size
        return d_output * self.output * (1 - self.output)


class MeanSquaredError:
    """Chapter 17: the outputs are predicted numbers."""

    def forward(self, scores: Array) -> Array:
        self.output = scores
        return scores

    def loss(self, y: Array) -> float:
        return float(((self.output - y) ** 2).mean())

    def backward(self, y: Array) -> Array:
        return 2 * (self.output - y) / y.size


class Network:
    """Chapter 18: a sequence of layers with a loss at the end."""

    def __init__(self, layers: Sequence[Any], loss: Any) -> None:
        self.layers, self.loss = list(layers), loss
        self.dense = [layer for layer in self.layers if isinstance(layer, Dense)]

    def forward(self, X: Array) -> Array:
        for layer in self.layers:
            X = layer.forward(X)
        output: Array = self.loss.forward(X)
        return output

    def backward(self, y: Array) -> None:
        gradient = self.loss.backward(y)
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)

    def penalty(self) -> float:
        return sum(layer.penalty() for layer in self.dense)


class Optimizer:
    """Chapter 10: base class. `change` returns the update; the learning rate decays with the number of steps."""

    def __init__(self, learning_rate: float, *, decay: float = 0.0) -> None:
        self.learning_rate, self.decay, self.steps = learning_rate, decay, 0
        self.kept: dict[tuple[int, str], Array | float] = {}

    def step(self, network: Network) -> None:
        rate = self.learning_rate / (1 + self.decay * self.steps)
        pairs = [pair for layer in network.dense for pair in zip(layer.parameters, layer.gradients)]
        for self.at, (parameter, gradient) in enumerate(pairs):
            parameter += self.change(gradient, rate)
        self.steps += 1

    def change(self, g: Array, rate: float) -> Array:
        raise NotImplementedError

    def running(self, name: str, old_weight: float, new: Array, new_weight: float) -> Array:
        """Update a running average of this parameter: old_weight × the old value + new_weight × `new`."""
        average: Array = old_weight * self.kept.get((self.at, name), 0.0) + new_weight * new
        self.kept[self.at, name] = average
        return average


class SGD(Optimizer):
    """Gradient descent, with momentum if it is not 0."""

    def __init__(self, learning_rate: float, *, decay: float = 0.0, momentum: float = 0.0) -> None:
        super().__init__(learning_rate, decay=decay)
        self.momentum = momentum

    def change(self, g: Array, rate: float) -> Array:
        return self.running("velocity", self.momentum, g, -rate) if self.momentum else -rate * g


class Adagrad(Optimizer):
    """Smaller steps for parameters whose gradients have been large."""

    def change(self, g: Array, rate: float) -> Array:
        squares = self.kept[self.at, "squares"] = self.kept.get((self.at, "squares"), 0.0) + g**2
        return -rate * g / (np.sqrt(squares) + 1e-7)


class RMSprop(Optimizer):
    """Smaller steps for parameters whose recent gradients are large."""

    def __init__(self, learning_rate: float, *, decay: float = 0.0, rho: float = 0.9) -> None:
        super().__init__(learning_rate, decay=decay)
        self.rho = rho

    def change(self, g: Array, rate: float) -> Array:
        return -rate * g / (np.sqrt(self.running("squares", self.rho, g**2, 1 - self.rho)) + 1e-7)


class Adam(Optimizer):
    """Momentum combined with RMSprop; both averages start at 0 and are corrected for it."""

    def change(self, g: Array, rate: float) -> Array:
        mean = self.running("mean", 0.9, g, 0.1) / (1 - 0.9 ** (self.steps + 1))
        squares = self.running("squares", 0.999, g**2, 0.001) / (1 - 0.999 ** (self.steps + 1))
        return -rate * mean / (np.sqrt(squares) + 1e-7)
