"""*Neural Networks from Scratch* by hand: whole training runs in plain NumPy, for the engine to agree with.

Layers, losses and optimizers are those that the chapters of `examples/nnfs` write by hand. `record` runs a scenario and
gives what the archives in `reference/` hold; that it gives the same for those is the proof that it can be believed.
"""

from __future__ import annotations

import importlib.util
import re
import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Settings = Mapping[str, Any]


def _by_hand() -> Any:
    """Return the module of the chapters, which is in no package because chapters are scripts."""
    path = Path(__file__).parents[2] / "examples" / "nnfs" / "by_hand.py"
    spec = importlib.util.spec_from_file_location("by_hand", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["by_hand"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


by_hand = _by_hand()
OPTIMIZERS = {"sgd": by_hand.SGD, "adagrad": by_hand.Adagrad, "rmsprop": by_hand.RMSprop, "adam": by_hand.Adam}
HEADS = {
    "softmax": by_hand.SoftmaxCrossEntropy,
    "sigmoid": by_hand.SigmoidCrossEntropy,
    "linear": by_hand.MeanSquaredError,
}
ACCURACIES: dict[str, Callable[[Array, Array], Array]] = {
    "softmax": lambda output, y: output.argmax(axis=1) == y,
    "sigmoid": lambda output, y: (output > 0.5) == y,
    "linear": lambda output, y: np.abs(output - y) < np.std(y) / 250,
}


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


def record(settings: Settings, begin: Mapping[str, Array], epochs: int) -> dict[str, Array]:
    """Return the start, the gradients of epoch 0 as dW1, db1, …, and data_loss, reg_loss and acc of every epoch."""
    X, y = begin["X"].astype(np.float64), begin["y"]
    y = y.astype(np.int64) if settings["head"] == "softmax" else y.astype(np.float64)
    layers: list[Any] = []
    for number in range(1, len(settings["layers"])):
        weights, biases = begin[f"W{number}"].astype(np.float64), begin[f"b{number}"].astype(np.float64)
        layers += [by_hand.Dense(weights, biases[0], l2=settings["l2_W1_b1"] if number == 1 else 0), by_hand.ReLU()]
    network = by_hand.Network(layers[:-1], HEADS[settings["head"]]())
    options = dict(settings["optimizer"])
    optimizer = OPTIMIZERS[options.pop("kind")](options.pop("lr"), **options)
    found = dict(begin)
    curves: dict[str, list[float]] = {"data_loss": [], "reg_loss": [], "acc": []}

    for epoch in range(epochs):
        output = network.forward(X)
        curves["data_loss"].append(network.loss.loss(y))
        curves["reg_loss"].append(network.penalty())
        curves["acc"].append(float(np.mean(ACCURACIES[settings["head"]](output, y))))
        network.backward(y)
        if epoch == 0:
            for number, layer in enumerate(network.dense, start=1):
                found |= {f"dW{number}": layer.d_weights, f"db{number}": layer.d_biases[None]}
        optimizer.step(network)
    return found | {name: np.array(curve) for name, curve in curves.items()}
