"""Pooling of images, forward and backward, in float32.

PyTorch runs twice: with the channels first, which is its default, and with `torch.channels_last`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple

import numpy as np
from harness import Contestant, race
from table import Row


class Case(NamedTuple):
    """One pool over square images."""

    kind: Literal["max", "average"]
    samples: int
    size: int
    channels: int
    window: int
    padding: int
    at_most: float

    @property
    def title(self) -> str:
        """The name in the table."""
        window = f"{self.window}×{self.window}, stride 2"
        return f"{self.kind}-pool {window}, {self.samples}×{self.size}²×{self.channels}"


CASES = (
    Case("max", 64, 28, 16, 2, 0, 0.35),
    Case("max", 32, 32, 64, 2, 0, 0.35),
    Case("max", 64, 28, 16, 3, 1, 0.5),
    Case("max", 32, 32, 64, 3, 1, 0.5),
    Case("average", 64, 28, 16, 2, 0, 0.25),
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


def data(case: Case) -> tuple[Any, Any]:
    """Return the images and the upstream gradient."""
    rng = np.random.default_rng(0)
    shape = (case.samples, case.size, case.size, case.channels)
    half = (case.samples, case.size // 2, case.size // 2, case.channels)
    return rng.standard_normal(shape, dtype=np.float32), rng.random(half, dtype=np.float32)


def ours(case: Case) -> Callable[[], Any]:
    """Return a step with tensorgrad, which returns the sum of the gradient's first row of pixels."""
    import nn
    import tensorgrad as tg

    images, upstream = data(case)
    x = tg.tensor(images, requires_grad=True)
    pool = getattr(nn.functional, f"{case.kind}_pool2d")

    def step() -> Any:
        gradient = tg.gradient(pool(x, case.window, stride=2, padding=case.padding), x, grad_outputs=upstream)
        return gradient[0, 0].sum()

    return step


def by_torch(case: Case, *, channels_last: bool) -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    layout = torch.channels_last if channels_last else torch.contiguous_format
    x, upstream = (torch.from_numpy(each).permute(0, 3, 1, 2).contiguous(memory_format=layout) for each in data(case))
    x.requires_grad_()
    pool: Any = {"max": torch.nn.functional.max_pool2d, "average": torch.nn.functional.avg_pool2d}[case.kind]

    def step() -> Any:
        (gradient,) = torch.autograd.grad(pool(x, case.window, 2, case.padding), x, upstream)
        return gradient[0, :, 0].sum()

    return step
