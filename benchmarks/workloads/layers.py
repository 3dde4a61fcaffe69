"""Normalisation, GELU and dropout, forward and backward with respect to the input and the parameters, in float32.

For images, PyTorch runs twice: with the channels first, which is its default, and with `torch.channels_last`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from harness import Contestant, race
from table import Row


class Case(NamedTuple):
    """One layer, by its name in both libraries, and the shape of its input. An image has four axes, channels last."""

    title: str
    ours: str
    torch: str
    shape: tuple[int, ...]
    at_most: float


CASES = (
    Case("batch norm, 32×32²×16", "BatchNorm", "BatchNorm2d", (32, 32, 32, 16), 1.0),
    Case("batch norm, 32×32²×64", "BatchNorm", "BatchNorm2d", (32, 32, 32, 64), 1.0),
    Case("batch norm, 64×14²×32", "BatchNorm", "BatchNorm2d", (64, 14, 14, 32), 1.0),
    Case("layer norm, 1024×128", "LayerNorm", "LayerNorm", (1024, 128), 2.0),
    Case("RMS norm, 1024×128", "RMSNorm", "RMSNorm", (1024, 128), 0.7),
    Case("tanh GELU, 1024×512", "GELU", "GELU", (1024, 512), 0.6),
    Case("dropout, 1024×512", "Dropout", "Dropout", (1024, 512), 0.4),
)


def measure(rounds: int) -> list[Row]:
    """Compare nn with PyTorch at one thread."""
    rows: list[Row] = []
    for case in CASES:
        image = len(case.shape) == 4
        contestants = [
            Contestant("tensorgrad", partial(ours, case)),
            Contestant(
                f"torch{', channels first' * image}", partial(by_torch, case, channels_last=False), case.at_most
            ),
        ]
        if image:
            contestants.append(Contestant("torch, channels last", partial(by_torch, case, channels_last=True)))
        agreeing = 0 if case.ours == "Dropout" else 1  # each library draws its own random numbers
        rows += race(
            case.title, contestants, rounds=rounds, unit="per pass", agreeing_steps=agreeing, rtol=1e-3,
            clock="processors",
        )  # fmt: skip
    return rows


def data(case: Case) -> tuple[Any, Any]:
    """Return the input and the upstream gradient."""
    rng = np.random.default_rng(0)
    return rng.standard_normal(case.shape, dtype=np.float32), rng.random(case.shape, dtype=np.float32)


def ours(case: Case) -> Callable[[], Any]:
    """Return a step with nn, which returns one element of the input's gradient."""
    import nn
    import tensorgrad as tg

    settings: tuple[Any, ...] = {"GELU": (), "Dropout": (0.1, 0)}.get(case.ours, (case.shape[-1],))
    layer = nn.GELU(approximate="tanh") if case.ours == "GELU" else getattr(nn, case.ours)(*settings)
    images, upstream = data(case)
    x = tg.tensor(images, requires_grad=True)
    leaves = [x, *layer.parameters()]

    def step() -> Any:
        to_x, *_ = tg.gradient(layer(x), leaves, grad_outputs=upstream)
        return to_x[(0,) * to_x.ndim]

    return step


def by_torch(case: Case, *, channels_last: bool) -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    settings: dict[str, Any] = {
        "GELU": {"approximate": "tanh"}, "Dropout": {"p": 0.1}, "BatchNorm2d": {"num_features": case.shape[-1]},
        "LayerNorm": {"normalized_shape": case.shape[-1]}, "RMSNorm": {"normalized_shape": case.shape[-1], "eps": 1e-5},
    }  # fmt: skip
    layer = getattr(torch.nn, case.torch)(**settings[case.torch])
    x, upstream = (torch.from_numpy(array) for array in data(case))
    if x.ndim == 4:
        layout = torch.channels_last if channels_last else torch.contiguous_format
        x, upstream = (each.permute(0, 3, 1, 2).contiguous(memory_format=layout) for each in (x, upstream))
    leaves = [x.requires_grad_(), *layer.parameters()]

    def step() -> Any:
        to_x, *_ = torch.autograd.grad(layer(x), leaves, upstream)
        return to_x[(0,) * to_x.ndim]

    return step
