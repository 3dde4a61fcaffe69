"""Training steps compiled by XLA on a CPU: a GPT, an LSTM, LeNet and ResNet-20, with Adam, in float32.

The sizes are those of `gpt`, `recurrent` and `image_networks`. Every step uses the same batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from harness import Contestant, race
from networks import by_compiled, by_jax, by_torch
from table import Row

TARGET = 1.15


def measure(rounds: int) -> list[Row]:
    """Compare tensorgrad, hand-written JAX and PyTorch's eager mode, at one thread and at two.

    Two losses are compared: one before and one after an update. Adam divides each gradient by its own size at first, so
    the rounding errors of small gradients are amplified: the third losses of ResNet-20 differ by 1e-3.
    """
    rows = []
    for kind in ("gpt", "lstm", "lenet", "resnet"):
        contestants = [
            Contestant("tensorgrad, compiled", partial(step, by_compiled.training, kind)),
            Contestant("jax, compiled", partial(step, by_jax.training, kind), TARGET),
            Contestant("torch", partial(step, by_torch.training, kind)),
        ]
        rows += race(
            f"compiled {kind}", contestants, rounds=rounds, threads=(1, 2), unit="per step", agreeing_steps=2,
            rtol=1e-4, clock="processors",
        )  # fmt: skip
    return rows


def step(training: Callable[[Any], Callable[[], Any]], kind: str) -> Callable[[], float]:
    """Return a step of a contestant, which waits for the loss."""
    from networks import work

    rng: Any = np.random.default_rng(0)
    makers: dict[str, Callable[[], work.Work]] = {
        "gpt": lambda: work.gpt(128, 64, 16, 4, rng),
        "lstm": lambda: work.lstm(64, 50, 128, 32, rng),
        "lenet": lambda: work.lenet(28, 64, rng),
        "resnet": lambda: work.resnet(32, 32, rng),
    }
    asynchronous = training(makers[kind]())
    return lambda: float(asynchronous())
