"""*Neural Networks from Scratch* by hand: its rules in plain NumPy, without the engine, for the engine to agree with.

Written as the book writes them (a `forward` and a `backward` per class), in float64. `record` runs a scenario and gives
what the archives in `reference/` hold; that it gives the same for those is the proof that it can be believed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Settings = Mapping[str, Any]


# -- the start: everything is drawn from one stream -------------------------------------------------------


def spiral(samples: int, classes: int, rng: np.random.RandomState) -> tuple[Array, Array]:
    arms = []
    for label in range(classes):
        r = np.linspace(0.0, 1, samples)
        t = np.linspace(label * 4, (label + 1) * 4, samples) + rng.randn(samples).astype(np.float32) * 0.2
        arms.append(np.c_[r * np.sin(t * 2.5), r * np.cos(t * 2.5)])
    return np.concatenate(arms).astype(np.float32), np.arange(classes).repeat(samples)


def sine(samples: int) -> tuple[Array, Array]:
    X = np.arange(samples).reshape(-1, 1) / samples
    return X, np.sin(2 * np.pi * X)


def start(settings: Settings) -> dict[str, Array]:
    """X, y, W1, b1, W2, …: what is drawn is rounded to float32, as by the book's helper package."""
    rng = np.random.RandomState(0)
    numbers = [int(number) for number in re.findall(r"\d+", settings["dataset"])]
    X, y = sine(*numbers) if settings["dataset"].startswith("sine") else spiral(*numbers, rng)
    found = {"X": X, "y": y.reshape(-1, 1) if settings["head"] == "sigmoid" else y}
    for number, (inputs, neurons) in enumerate(pairwise(settings["layers"]), start=1):
        found[f"W{number}"] = settings["init_scale"] * rng.randn(inputs, neurons).astype(np.float32)
        found[f"b{number}"] = np.zeros((1, neurons), np.float32)
    return found


# -- layers -----------------------------------------------------------------------------------------------


class Dense:
    def __init__(self, weights: Array, biases: Array, l2: float) -> None:
        self.weights, self.biases, self.l2 = weights.astype(np.float64), biases.astype(np.float64), l2

    def forward(self, inputs: Array) -> Array:
        self.inputs = inputs
        return inputs @ self.weights + self.biases

    def backward(self, dvalues: Array) -> Array:
        self.dweights = self.inputs.T @ dvalues + 2 * self.l2 * self.weights
        self.dbiases = dvalues.sum(axis=0, keepdims=True) + 2 * self.l2 * self.biases
        return dvalues @ self.weights.T

    def regularization_loss(self) -> float:
        return float(self.l2 * (self.weights**2).sum() + self.l2 * (self.biases**2).sum())


class ReLU:
    def forward(self, inputs: Array) -> Array:
        self.inputs = inputs
        return np.maximum(0, inputs)

    def backward(self, dvalues: Array) -> Array:
        return np.where(self.inputs > 0, dvalues, 0)


# -- heads: the last activation, its loss and its accuracy ------------------------------------------------


class Head(Protocol):
    def forward(self, inputs: Array) -> Array: ...
    def loss(self, y: Array) -> float: ...
    def accuracy(self, y: Array) -> float: ...
    def backward(self, y: Array) -> Array: ...


class Softmax:
    """With categorical cross-entropy."""

    def forward(self, inputs: Array) -> Array:
        powers = np.exp(inputs - inputs.max(axis=1, keepdims=True))
        self.output = powers / powers.sum(axis=1, keepdims=True)
        return self.output

    def loss(self, y: Array) -> float:
        return float(np.mean(-np.log(np.clip(self.output, 1e-7, 1 - 1e-7)[range(len(y)), y])))

    def accuracy(self, y: Array) -> float:
        return float(np.mean(self.output.argmax(axis=1) == y))

    def backward(self, y: Array) -> Array:
        dinputs = self.output.copy()
        dinputs[range(len(y)), y] -= 1
        return dinputs / len(y)


class Sigmoid:
    """With binary cross-entropy."""

    def forward(self, inputs: Array) -> Array:
        self.output = 1 / (1 + np.exp(-inputs))
        return self.output

    def loss(self, y: Array) -> float:
        p = np.clip(self.output, 1e-7, 1 - 1e-7)
        return float(np.mean(np.mean(-(y * np.log(p) + (1 - y) * np.log(1 - p)), axis=-1)))

    def accuracy(self, y: Array) -> float:
        return float(np.mean((self.output > 0.5) == y))

    def backward(self, y: Array) -> Array:
        p = np.clip(self.output, 1e-7, 1 - 1e-7)
        dvalues = -(y / p - (1 - y) / (1 - p)) / y.shape[1] / len(y)
        return dvalues * (1 - self.output) * self.output


class Linear:
    """With the mean squared error."""

    def forward(self, inputs: Array) -> Array:
        self.output = inputs
        return self.output

    def loss(self, y: Array) -> float:
        return float(np.mean(np.mean((y - self.output) ** 2, axis=-1)))

    def accuracy(self, y: Array) -> float:
        return float(np.mean(np.abs(self.output - y) < np.std(y) / 250))

    def backward(self, y: Array) -> Array:
        return -2 * (y - self.output) / y.shape[1] / len(y)


HEADS: dict[str, type[Head]] = {"softmax": Softmax, "sigmoid": Sigmoid, "linear": Linear}


# -- optimizers: the change of one array; t counts the finished updates, `kept` is what is kept in between --


def sgd(g: Array, lr: float, t: int, kept: dict[str, Array], momentum: float = 0.0) -> Array:
    kept["v"] = momentum * kept.get("v", 0) - lr * g
    return kept["v"]


def adagrad(g: Array, lr: float, t: int, kept: dict[str, Array]) -> Array:
    kept["c"] = kept.get("c", 0) + g**2
    return -lr * g / (np.sqrt(kept["c"]) + 1e-7)


def rmsprop(g: Array, lr: float, t: int, kept: dict[str, Array], rho: float = 0.9) -> Array:
    kept["c"] = rho * kept.get("c", 0) + (1 - rho) * g**2
    return -lr * g / (np.sqrt(kept["c"]) + 1e-7)


def adam(g: Array, lr: float, t: int, kept: dict[str, Array], beta_1: float = 0.9, beta_2: float = 0.999) -> Array:
    kept["m"] = beta_1 * kept.get("m", 0) + (1 - beta_1) * g
    kept["c"] = beta_2 * kept.get("c", 0) + (1 - beta_2) * g**2
    m, c = kept["m"] / (1 - beta_1 ** (t + 1)), kept["c"] / (1 - beta_2 ** (t + 1))
    return -lr * m / (np.sqrt(c) + 1e-7)


RULES = {"sgd": sgd, "adagrad": adagrad, "rmsprop": rmsprop, "adam": adam}


# -- training ---------------------------------------------------------------------------------------------


def record(settings: Settings, begin: Mapping[str, Array], epochs: int) -> dict[str, Array]:
    """The start, the gradients of epoch 0 as dW1, db1, …, and data_loss, reg_loss and acc of every epoch."""
    X, y = begin["X"].astype(np.float64), begin["y"]
    y = y.astype(np.int64) if settings["head"] == "softmax" else y.astype(np.float64)
    dense = [
        Dense(begin[f"W{number}"], begin[f"b{number}"], settings["l2_W1_b1"] if number == 1 else 0)
        for number in range(1, len(settings["layers"]))
    ]
    layers: list[Dense | ReLU] = [layer for each in dense for layer in (each, ReLU())][:-1]
    head = HEADS[settings["head"]]()
    options = dict(settings["optimizer"])
    rule, lr, decay = RULES[options.pop("kind")], options.pop("lr"), options.pop("decay", 0)
    kept: list[dict[str, Array]] = [{} for _ in range(2 * len(dense))]
    found = dict(begin)
    curves: dict[str, list[float]] = {"data_loss": [], "reg_loss": [], "acc": []}

    for epoch in range(epochs):
        output = X
        for layer in layers:
            output = layer.forward(output)
        head.forward(output)
        curves["data_loss"].append(head.loss(y))
        curves["reg_loss"].append(sum(layer.regularization_loss() for layer in dense))
        curves["acc"].append(head.accuracy(y))

        dvalues = head.backward(y)
        for layer in reversed(layers):
            dvalues = layer.backward(dvalues)
        if epoch == 0:
            for number, layer in enumerate(dense, start=1):
                found |= {f"dW{number}": layer.dweights, f"db{number}": layer.dbiases}

        current = lr / (1 + decay * epoch)
        for number, layer in enumerate(dense):
            layer.weights += rule(layer.dweights, current, epoch, kept[2 * number], **options)
            layer.biases += rule(layer.dbiases, current, epoch, kept[2 * number + 1], **options)
    return found | {name: np.array(curve) for name, curve in curves.items()}
