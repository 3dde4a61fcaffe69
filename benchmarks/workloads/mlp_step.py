"""One training step of a 784-128-64-10 network: batch of 128, ReLU, cross-entropy, Adam, float32.

The graph is rebuilt at every step (but for JAX's). All contestants start from the same weights, use Adam's formula with
the same constants, and go through the same batches of random pixels with random labels. There are enough of them that
the network does not memorise them while it is timed: the gradients would vanish, and the measurement would be
dominated by the much slower arithmetic of subnormal numbers.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from dense import by_autograd, by_hand, by_hand_tuned, by_jax, by_mygrad, by_tensorgrad, by_torch
from dense.task import Array, Task
from harness import Contestant, race
from table import Row

BATCHES, BATCH, PIXELS, CLASSES = 64, 128, 784, 10


def measure(rounds: int) -> list[Row]:
    """Compare nn, PyTorch with fused and default Adam, and the other libraries, at one thread and at two."""
    contestants = [
        Contestant("tensorgrad", partial(by_tensorgrad.training, TASK)),
        Contestant("torch, fused Adam", partial(by_torch.training, TASK), 0.9),
        Contestant("torch, default Adam", partial(by_torch.training, TASK, fused=None)),
        Contestant("numpy by hand", partial(by_hand.training, TASK), 0.6),
        Contestant("numpy by hand, tuned", partial(by_hand_tuned.training, TASK)),
        Contestant("jax, compiled", partial(by_jax.training, TASK)),
        Contestant("mygrad", partial(by_mygrad.training, TASK), 0.5),
        Contestant("autograd", partial(by_autograd.training, TASK), 0.5),
    ]
    # Ten steps: later, rounding moves single elements across the kink of a ReLU, and the runs diverge.
    return race("mlp_step", contestants, rounds=rounds, threads=(1, 2), unit="per step", agreeing_steps=10)


def data() -> tuple[Array, Array]:
    """Return random pixels and labels."""
    rng = np.random.default_rng(0)
    return rng.random((BATCHES, BATCH, PIXELS), dtype=np.float32), rng.integers(0, CLASSES, (BATCHES, BATCH))


TASK = Task((PIXELS, 128, 64, CLASSES), data)
