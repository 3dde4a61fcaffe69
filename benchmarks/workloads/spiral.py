"""The book's spiral with each of its optimizers: a 2-64-3 network, all 300 samples at every step, float32.

*Neural Networks from Scratch*, chapter 10, with its learning rates and without their decay.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from dense import by_autograd, by_hand, by_jax, by_mygrad, by_tensorgrad, by_torch
from dense.task import Array, Task
from harness import Contestant, race
from table import Row

LEARNING_RATES = {"SGD": 1.0, "momentum": 1.0, "Adagrad": 1.0, "RMSprop": 0.02, "Adam": 0.05}


def measure(rounds: int) -> list[Row]:
    """Compare nn, PyTorch (fused if available) and NumPy for each optimizer; for Adam, also the other libraries."""
    rows = []
    for optimizer, rate in LEARNING_RATES.items():
        task = Task((2, 64, 3), data, optimizer, rate)
        contestants = [
            Contestant("tensorgrad", partial(by_tensorgrad.training, task)),
            Contestant("torch", partial(by_torch.training, task), 0.8),
            Contestant("numpy by hand", partial(by_hand.training, task)),
        ]
        if optimizer == "Adam":
            contestants += [
                Contestant("jax, compiled", partial(by_jax.training, task)),
                Contestant("mygrad", partial(by_mygrad.training, task), 0.5),
                Contestant("autograd", partial(by_autograd.training, task), 0.5),
            ]
        title = f"spiral, {optimizer}"
        rows += race(title, contestants, rounds=rounds, threads=(1, 2), unit="per step", agreeing_steps=5, rtol=1e-4)
    return rows


def data() -> tuple[Array, Array]:
    """Return a single batch of all samples."""
    import nn

    X, y = nn.datasets.spiral(100, 3, rng=0)
    return X[np.newaxis], y[np.newaxis]
