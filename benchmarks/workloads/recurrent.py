"""One training step of a recurrent network: 64 features, 50 steps, 128 units, a head of 10 classes on the last state.

Batch of 32, cross-entropy, Adam, float32. All contestants start from the same weights, with biases of 0. They diverge
after the first step, because PyTorch trains two biases where one would do.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

BATCHES, BATCH, TIME, FEATURES, UNITS, CLASSES = 8, 32, 50, 64, 128, 10
TARGETS = {"LSTM": 1.25, "GRU": 0.6, "RNN": 0.4}

Array = np.ndarray[Any, Any]


def measure(rounds: int) -> list[Row]:
    """Compare nn with PyTorch for each kind of layer, at one thread."""
    rows = []
    for kind, at_most in TARGETS.items():
        contestants = [
            Contestant("tensorgrad", partial(ours, kind)),
            Contestant("torch, fused Adam", partial(by_torch, kind), at_most),
        ]
        rows += race(f"recurrent, {kind}", contestants, rounds=rounds, unit="per step", clock="processors")
    return rows


def data() -> tuple[Array, Array]:
    """Return random sequences and labels."""
    rng = np.random.default_rng(0)
    shape = (BATCHES, BATCH, TIME, FEATURES)
    return rng.standard_normal(shape, dtype=np.float32), rng.integers(0, CLASSES, (BATCHES, BATCH))


def weights(kind: str) -> tuple[Array, Array, Array]:
    """Return the initial weights: of the inputs, of the states, and of the head. The gates are in the same order."""
    rng = np.random.default_rng(1)
    width = {"LSTM": 4, "GRU": 3, "RNN": 1}[kind] * UNITS
    shapes = [(FEATURES, width), (UNITS, width), (UNITS, CLASSES)]
    first, second, head = (rng.uniform(-0.09, 0.09, shape).astype(np.float32) for shape in shapes)
    return first, second, head


def ours(kind: str) -> Callable[[], Any]:
    """Return a step with nn, which returns the loss."""
    import nn

    layer, head, loss = getattr(nn, kind)(FEATURES, UNITS), nn.Dense(UNITS, CLASSES), nn.SoftmaxCrossEntropy()
    layer.weight.data, layer.recurrent_weight.data, head.weight.data = weights(kind)
    layer.bias.data = np.zeros_like(layer.bias.data)
    network = nn.Sequential(layer, head)
    optimizer = nn.Adam(network.parameters(), 0.001)
    batches = cycle(zip(*data()))

    def step() -> Any:
        x, y = next(batches)
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def by_torch(kind: str) -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    recurrent = getattr(torch.nn, kind)(FEATURES, UNITS, batch_first=True)
    head, loss = torch.nn.Linear(UNITS, CLASSES), torch.nn.CrossEntropyLoss()
    with torch.no_grad():
        for parameter in (*recurrent.parameters(), *head.parameters()):
            parameter.zero_()
        for parameter, array in zip((recurrent.weight_ih_l0, recurrent.weight_hh_l0, head.weight), weights(kind)):
            parameter.copy_(torch.from_numpy(array.T))
    optimizer = torch.optim.Adam([*recurrent.parameters(), *head.parameters()], lr=0.001, eps=1e-7, fused=True)
    inputs, labels = data()
    batches = cycle(zip(torch.from_numpy(inputs), torch.from_numpy(labels)))

    def step() -> Any:
        x, y = next(batches)
        value = loss(head(recurrent(x)[0][:, -1]), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step
