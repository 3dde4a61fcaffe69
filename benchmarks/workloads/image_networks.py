"""Training steps of two convolutional networks with Adam, in float32, and the memory that one of them needs.

- LeNet-like: two 3×3 convolutions with 16 and 32 filters, each with ReLU and max-pooling, and a dense layer, for
  batches of 64 grey images of 28×28 pixels;
- ResNet-20: nineteen 3×3 convolutions with batch normalisation, and 1×1 convolutions as shortcuts between its stages,
  for batches of 32 colour images of 32×32 pixels.

PyTorch runs twice: with the channels first, which is its default, and with `torch.channels_last`. All contestants start
from the same weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import cycle, pairwise
from typing import Any

import numpy as np
from harness import Contestant, Worker, race
from table import Ratio, Row
from worker import resident_peak

TARGETS = {"LeNet": 0.8, "ResNet-20": 1.35}
MEMORY_TARGET = 1.2
SHAPES = {"LeNet": (64, 28, 28, 1), "ResNet-20": (32, 32, 32, 3)}
BATCHES, CLASSES = 4, 10
STAGES = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)

Array = np.ndarray[Any, Any]
Step = Callable[[], Any]


def measure(rounds: int) -> list[Row]:
    """Compare the steps at one thread, and the peak memory of ResNet-20's."""
    rows: list[Row] = []
    for name, at_most in TARGETS.items():
        contestants = [
            Contestant("tensorgrad", partial(ours, name)),
            Contestant("torch, channels first", partial(by_torch, name, channels_last=False), at_most),
            Contestant("torch, channels last", partial(by_torch, name, channels_last=True)),
        ]
        title = f"{name} step, batch {SHAPES[name][0]}"
        rows += race(title, contestants, rounds=rounds, unit="per step", rtol=1e-4, clock="processors")
    return rows + memory()


def memory() -> list[Row]:
    """Measure the peak memory of ResNet-20's step in a process for each contestant; once, because it hardly varies."""
    builders: dict[str, Callable[..., Step]] = {
        "tensorgrad": ours,
        "torch, channels first": partial(by_torch, channels_last=False),
        "torch, channels last": partial(by_torch, channels_last=True),
    }
    used = {}
    for name, builder in builders.items():
        with Worker(Contestant(name, partial(prepared, builder)), threads=1) as worker:
            (used[name],) = worker.ask("values 1")
    rows = []
    for name, peak in used.items():
        fraction = used["tensorgrad"] / peak
        target = MEMORY_TARGET if name == "torch, channels first" else None
        ratio = None if name == "tensorgrad" else Ratio(fraction, fraction, fraction, fraction, target)
        rows.append(Row("ResNet-20 step, memory", 1, name, f"{peak / 2**20:.0f} MiB", ratio=ratio))
    return rows


def prepared(builder: Callable[..., Step]) -> Step:
    """Return a step, which trains ResNet-20 and returns how many bytes the resident peak rose. Call it only once.

    Steps with two images come first, for everything that is loaded on first use.
    """
    tiny = builder("ResNet-20", samples=2)
    for _ in range(3):
        tiny()
    before = resident_peak()

    def step() -> float:
        run = builder("ResNet-20")
        for _ in range(3):
            run()
        return float(resident_peak() - before)

    return step


def data(name: str, samples: int | None) -> Iterator[tuple[Array, Array]]:
    """Yield batches of random images and labels, again and again."""
    rng = np.random.default_rng(0)
    batch, *image = SHAPES[name]
    shape = (BATCHES, samples or batch, *image)
    return cycle(zip(rng.standard_normal(shape, dtype=np.float32), rng.integers(0, CLASSES, shape[:2])))


def weights(shapes: Sequence[tuple[int, ...]]) -> list[Array]:
    """Return initial parameters in tensorgrad's layout: scaled normal numbers; 1 after a kernel, else 0."""
    rng = np.random.default_rng(1)
    arrays = []
    for before, shape in pairwise([(), *shapes]):
        if len(shape) > 1:
            numbers = rng.standard_normal(shape) * np.sqrt(2 / np.prod(shape[:-1]))
        else:
            numbers = np.full(shape, float(len(before) == 4))
        arrays.append(numbers.astype(np.float32))
    return arrays


def ours(name: str, samples: int | None = None) -> Step:
    """Return a step with nn, which returns the loss."""
    import nn

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> tuple[nn.Module, ...]:
        padding = size // 2
        convolved = nn.Conv2D(channels, filters, size, stride=stride, padding=padding, bias=False)
        return convolved, nn.BatchNorm(filters)

    def block(channels: int, filters: int) -> tuple[nn.Module, ...]:
        stride = filters // channels
        shortcut = nn.Sequential(*convolution(channels, filters, 1, stride)) if stride > 1 else None
        layers = (*convolution(channels, filters, 3, stride), nn.ReLU(), *convolution(filters, filters))
        return nn.Residual(*layers, shortcut=shortcut), nn.ReLU()

    if name == "LeNet":
        network = nn.Sequential(
            nn.Conv2D(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2D(2),
            nn.Conv2D(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2D(2),
            nn.Flatten(), nn.Dense(32 * 7 * 7, CLASSES),
        )  # fmt: skip
    else:
        blocks = [layer for widths in pairwise(STAGES) for layer in block(*widths)]
        network = nn.Sequential(*convolution(3, 16), nn.ReLU(), *blocks, nn.GlobalAveragePool(), nn.Dense(64, CLASSES))
    parameters = list(network.parameters())
    for parameter, values in zip(parameters, weights([each.shape for each in parameters])):
        parameter.data = values
    loss, optimizer, batches = nn.SoftmaxCrossEntropy(), nn.Adam(parameters, 0.001), data(name, samples)

    def step() -> Any:
        x, y = next(batches)
        value = loss(network(x), y)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value

    return step


def by_torch(name: str, samples: int | None = None, *, channels_last: bool) -> Step:
    """Return the same step with PyTorch."""
    import torch
    from torch.nn import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential

    def convolution(channels: int, filters: int, size: int = 3, stride: int = 1) -> tuple[Any, ...]:
        return Conv2d(channels, filters, size, stride, size // 2, bias=False), BatchNorm2d(filters)

    class Residual(torch.nn.Module):
        def __init__(self, channels: int, filters: int) -> None:
            super().__init__()
            stride = filters // channels
            layers = (*convolution(channels, filters, 3, stride), ReLU(), *convolution(filters, filters))
            self.layers = Sequential(*layers)
            self.shortcut = (
                Sequential(*convolution(channels, filters, 1, stride)) if stride > 1 else torch.nn.Identity()
            )

        def forward(self, x: Any) -> Any:
            return torch.relu(self.layers(x) + self.shortcut(x))

    network: Any
    if name == "LeNet":
        network = Sequential(
            Conv2d(1, 16, 3, padding=1), ReLU(), MaxPool2d(2), Conv2d(16, 32, 3, padding=1), ReLU(), MaxPool2d(2),
            Flatten(), Linear(32 * 7 * 7, CLASSES),
        )  # fmt: skip
    else:
        blocks = [Residual(*widths) for widths in pairwise(STAGES)]
        pool = torch.nn.AdaptiveAvgPool2d(1)
        network = Sequential(*convolution(3, 16), ReLU(), *blocks, pool, Flatten(), Linear(64, CLASSES))
    parameters = list(network.parameters())
    with torch.no_grad():
        for parameter, values in zip(parameters, weights([our_shape(tuple(each.shape)) for each in parameters])):
            values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values.T
            if name == "LeNet" and values.ndim == 2:  # flattened, our channels come last
                values = values.reshape(CLASSES, 7, 7, 32).transpose(0, 3, 1, 2).reshape(CLASSES, -1)
            parameter.copy_(torch.from_numpy(np.ascontiguousarray(values)))
    layout = torch.channels_last if channels_last else torch.contiguous_format
    network = network.to(memory_format=layout)
    optimizer = torch.optim.Adam(network.parameters(), lr=0.001, eps=1e-7, fused=True)
    loss, batches = torch.nn.CrossEntropyLoss(), data(name, samples)

    def step() -> Any:
        x, y = next(batches)
        images = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous(memory_format=layout)
        value = loss(network(images), torch.from_numpy(y))
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        return value.detach()

    return step


def our_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return tensorgrad's shape of a parameter of PyTorch."""
    return tuple(shape[axis] for axis in {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[len(shape)])
