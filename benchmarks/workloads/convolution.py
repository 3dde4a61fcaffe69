"""Convolutions of images, forward and backward with respect to the input, the weight and the bias, in float32.

PyTorch runs twice: with the channels first, which is its default, and with `torch.channels_last`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from harness import Contestant, race
from table import Row


class Case(NamedTuple):
    """One convolution of square images, padded so that a stride of 1 keeps their size."""

    samples: int
    size: int
    channels: int
    filters: int
    kernel: int
    stride: int
    at_most: float

    @property
    def title(self) -> str:
        """The name in the table."""
        kernel, stride = f"{self.kernel}×{self.kernel}", f", stride {self.stride}" if self.stride > 1 else ""
        return f"convolution {kernel}{stride}, {self.samples}×{self.size}²×{self.channels}→{self.filters}"


CASES = (
    Case(64, 14, 16, 32, 3, 1, 1.5),
    Case(32, 32, 16, 16, 3, 1, 1.5),
    Case(32, 16, 32, 32, 3, 1, 1.5),
    Case(32, 8, 64, 64, 3, 1, 1.5),
    Case(32, 32, 16, 32, 3, 2, 1.25),
    Case(32, 16, 32, 64, 3, 2, 1.25),
    Case(32, 32, 64, 64, 1, 1, 0.8),
    Case(64, 14, 16, 32, 5, 1, 1.9),
)


def measure(rounds: int) -> list[Row]:
    """Compare tensorgrad with PyTorch at one thread."""
    rows: list[Row] = []
    for case in CASES:
        contestants = [
            Contestant("tensorgrad", partial(ours, case)),
            Contestant("torch, channels first", partial(by_torch, case, channels_last=False), case.at_most),
            Contestant("torch, channels last", partial(by_torch, case, channels_last=True)),
        ]
        rows += race(case.title, contestants, rounds=rounds, unit="per pass", rtol=1e-3, clock="processors")
    return rows


def data(case: Case) -> list[Any]:
    """Return the images, the weight, the bias and the upstream gradient."""
    rng = np.random.default_rng(0)
    windows = -(-case.size // case.stride)
    shapes = [
        (case.samples, case.size, case.size, case.channels),
        (case.kernel, case.kernel, case.channels, case.filters),
        (case.filters,),
        (case.samples, windows, windows, case.filters),
    ]
    return [rng.random(shape, dtype=np.float32) for shape in shapes]


def ours(case: Case) -> Callable[[], Any]:
    """Return a step with tensorgrad, which returns one element of the weight's gradient."""
    import nn
    import tensorgrad as tg

    *arrays, upstream = data(case)
    leaves = [tg.tensor(array, requires_grad=True) for array in arrays]
    convolve = partial(nn.functional.conv2d, stride=case.stride, padding=case.kernel // 2)

    def step() -> Any:
        _, to_weight, _ = tg.gradient(convolve(*leaves), leaves, grad_outputs=upstream)
        return to_weight[0, 0, 0, 0]

    return step


def by_torch(case: Case, *, channels_last: bool) -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, weight, bias, upstream = (torch.from_numpy(array) for array in data(case))
    x, upstream = (each.permute(0, 3, 1, 2).contiguous(memory_format=layout) for each in (x, upstream))
    leaves = [x, weight.permute(3, 2, 0, 1).contiguous(memory_format=layout), bias]
    for leaf in leaves:
        leaf.requires_grad_()

    def step() -> Any:
        result = torch.nn.functional.conv2d(*leaves, stride=case.stride, padding=case.kernel // 2)
        _, to_weight, _ = torch.autograd.grad(result, leaves, upstream)
        return to_weight[0, 0, 0, 0]

    return step
