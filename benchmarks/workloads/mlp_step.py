"""One training step of a 784-128-64-10 network: batch of 128, ReLU, cross-entropy, Adam, float32.

The graph is rebuilt at every step. All contestants start from the same weights, use Adam's formula with the
same constants, and go through the same batches of random pixels with random labels. There are enough of them that
the network does not learn them by heart while it is timed: the gradients would vanish, and then the arithmetic
of denormal numbers, many times slower, would be what is measured.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from harness import Contestant, available_cpus, race
from table import Row

SIZES = (784, 128, 64, 10)
BATCH = 128
BATCHES = 64
ADAM = {"learning_rate": 0.001, "epsilon": 1e-7}


def measure(rounds: int) -> list[Row]:
    """Ours against PyTorch with its fused Adam, and with its default one, at one thread and at two."""
    contestants = [
        Contestant("tensorgrad", "ours", versus="torch, fused Adam", at_most=1.0),
        Contestant("torch, fused Adam", "theirs_fused"),
        Contestant("torch, default Adam", "theirs_default", versus="torch, fused Adam"),
    ]
    rows = []
    for threads in (1, 2):
        if threads <= len(available_cpus()):
            # Ten steps: later, rounding takes single elements across the kink of a ReLU, and the runs part.
            rows += race(__name__, contestants, rounds=rounds, threads=threads, unit="per step", agreeing_steps=10)
    return rows


def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any], list[np.ndarray[Any, Any]]]:
    """Inputs (BATCHES, BATCH, 784), labels (BATCHES, BATCH), weights (inputs, neurons); biases start at 0."""
    rng = np.random.default_rng(0)
    inputs = rng.random((BATCHES, BATCH, SIZES[0]), dtype=np.float32)
    labels = rng.integers(0, SIZES[-1], (BATCHES, BATCH))
    shapes = list(pairwise(SIZES))
    return inputs, labels, [(rng.standard_normal(s) * np.sqrt(2 / s[0])).astype(np.float32) for s in shapes]


def ours() -> Callable[[], Any]:
    """With tensorgrad and nn."""
    import nn

    inputs, labels, weights = data()
    layers: list[nn.Module] = []
    for weight in weights:
        dense = nn.Dense(*weight.shape, rng=0)
        dense.weight.data = weight
        dense.bias.data = np.zeros(weight.shape[1])
        layers += [dense, nn.ReLU()]
    network, loss = nn.Sequential(*layers[:-1]), nn.SoftmaxCrossEntropy()
    optimizer = nn.Adam(network.parameters(), **ADAM)
    batches = cycle(zip(inputs, labels))

    def step() -> Any:
        x, y = next(batches)
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def theirs_fused() -> Callable[[], Any]:
    """With PyTorch, Adam as one fused kernel."""
    return theirs(fused=True)


def theirs_default() -> Callable[[], Any]:
    """With PyTorch, Adam as it comes."""
    return theirs(fused=None)


def theirs(fused: bool | None) -> Callable[[], Any]:
    """With PyTorch."""
    import torch

    inputs, labels, weights = data()
    layers: list[torch.nn.Module] = []
    for weight in weights:
        linear = torch.nn.Linear(*weight.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(weight.T))
            linear.bias.zero_()
        layers += [linear, torch.nn.ReLU()]
    network, loss = torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(network.parameters(), lr=ADAM["learning_rate"], eps=ADAM["epsilon"], fused=fused)
    batches = cycle(zip(torch.from_numpy(inputs), torch.from_numpy(labels)))

    def step() -> Any:
        x, y = next(batches)
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step
