"""Networks made with tensorgrad. The other contestants use their weights and data."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

import nn

Array = np.ndarray[Any, Any]

RATE = 0.001


@dataclass
class Work:
    """Network with its data.

    Attributes:
        kind: "mlp", "gpt", "resnet", "lenet" or "lstm".
        x, y: a batch.
        heads: the number of heads of attention.
    """

    name: str
    kind: str
    network: nn.Sequential
    x: Array
    y: Array
    heads: int = 1

    @property
    def parameters(self) -> dict[str, Array]:
        """Return the initial weights by name."""
        return {name: np.array(parameter.data) for name, parameter in self.network.named_parameters()}


def mlp(sizes: tuple[int, ...], batch: int, rng: Any) -> Work:
    """Return a dense network with ReLU."""
    layers = [layer for pair in pairwise(sizes) for layer in (nn.Dense(*pair, rng=rng), nn.ReLU())][:-1]
    x, y = rng.standard_normal((batch, sizes[0]), np.float32), rng.integers(0, sizes[-1], batch)
    return Work(f"MLP {'-'.join(map(str, sizes))}, batch {batch}", "mlp", nn.Sequential(*layers), x, y)


def gpt(width: int, tokens: int, batch: int, heads: int, rng: Any, vocabulary: int = 65) -> Work:
    """Return a GPT with two layers."""
    blocks = [nn.TransformerBlock(width, heads, causal=True, activation="gelu_tanh", rng=rng) for _ in range(2)]
    network = nn.Sequential(
        nn.Embedding(vocabulary, width, rng=rng), nn.PositionalEncoding(width), *blocks,
        nn.LayerNorm(width), nn.Dense(width, vocabulary, rng=rng),
    )  # fmt: skip
    ids = rng.integers(0, vocabulary, (batch, tokens + 1))
    name = f"GPT, 2 layers, width {width}, {tokens} tokens, batch {batch}"
    return Work(name, "gpt", network, ids[:, :-1], ids[:, 1:], heads)


def lstm(features: int, time: int, units: int, batch: int, rng: Any) -> Work:
    """Return an LSTM with a dense layer on its last state."""
    network = nn.Sequential(nn.LSTM(features, units, rng=rng), nn.Dense(units, 10, rng=rng))
    x, y = rng.standard_normal((batch, time, features), np.float32), rng.integers(0, 10, batch)
    return Work(f"LSTM, {time} steps, {units} units, batch {batch}", "lstm", network, x, y)


def lenet(size: int, batch: int, rng: Any) -> Work:
    """Return two convolutions with max-pooling, and a dense layer."""
    network = nn.Sequential(
        nn.Conv2D(1, 16, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2D(2),
        nn.Conv2D(16, 32, 3, padding=1, rng=rng), nn.ReLU(), nn.MaxPool2D(2),
        nn.Flatten(), nn.Dense(32 * (size // 4) ** 2, 10, rng=rng),
    )  # fmt: skip
    x, y = rng.standard_normal((batch, size, size, 1), np.float32), rng.integers(0, 10, batch)
    return Work(f"LeNet, batch {batch}", "lenet", network, x, y)


STAGES = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)


def resnet(size: int, batch: int, rng: Any) -> Work:
    """Return ResNet-20 for colour images."""

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> list[nn.Module]:
        kernel = nn.Conv2D(channels, filters, size, stride=stride, padding=size // 2, bias=False, rng=rng)
        return [kernel, nn.BatchNorm(filters)]

    layers: list[nn.Module] = [*convolution(3, 16), nn.ReLU()]
    for channels, filters in pairwise(STAGES):
        stride = filters // channels
        shortcut = nn.Sequential(*convolution(channels, filters, 1, stride)) if stride > 1 else None
        inside = [*convolution(channels, filters, 3, stride), nn.ReLU(), *convolution(filters, filters)]
        layers += [nn.Residual(*inside, shortcut=shortcut), nn.ReLU()]
    network = nn.Sequential(*layers, nn.GlobalAveragePool(), nn.Dense(64, 10, rng=rng))
    x, y = rng.standard_normal((batch, size, size, 3), np.float32), rng.integers(0, 10, batch)
    return Work(f"ResNet-20, batch {batch}", "resnet", network, x, y)
