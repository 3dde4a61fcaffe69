"""One training step of a network of six layers of 1024: batch of 512, ReLU, cross-entropy, Adam, float32.

Matrix products are nearly all of the work.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from dense import by_autograd, by_hand, by_jax, by_mygrad, by_tensorgrad, by_torch
from dense.task import Array, Task
from harness import Contestant, race
from table import Row

BATCHES, BATCH, WIDTH, CLASSES = 4, 512, 1024, 10


def measure(rounds: int) -> list[Row]:
    """Compare nn, PyTorch with fused Adam, and the other libraries, at one thread and at two."""
    contestants = [
        Contestant("tensorgrad", partial(by_tensorgrad.training, TASK)),
        Contestant("torch, fused Adam", partial(by_torch.training, TASK), 1.0),
        Contestant("numpy by hand", partial(by_hand.training, TASK)),
        Contestant("jax, compiled", partial(by_jax.training, TASK)),
        Contestant("mygrad", partial(by_mygrad.training, TASK)),
        Contestant("autograd", partial(by_autograd.training, TASK)),
    ]
    return race(
        "wide_mlp", contestants, rounds=min(rounds, 5), threads=(1, 2), unit="per step", agreeing_steps=2, rtol=1e-3
    )


def data() -> tuple[Array, Array]:
    """Return random numbers and labels."""
    rng = np.random.default_rng(0)
    return rng.random((BATCHES, BATCH, WIDTH), dtype=np.float32), rng.integers(0, CLASSES, (BATCHES, BATCH))


TASK = Task((WIDTH,) * 6 + (CLASSES,), data, learning_rate=1e-4)
