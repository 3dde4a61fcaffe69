"""Peak memory of training steps of the wide network, above its parameters, Adam's two moments and the data.

Each contestant first trains a tiny network in the same process, which triggers all imports on first use. The increase
of the resident peak is then due to the wide network, its gradients, its activations and temporary arrays.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from dense import by_autograd, by_hand, by_jax, by_mygrad, by_tensorgrad, by_torch
from dense.task import Array, Task
from harness import Contestant, Worker
from table import Ratio, Row
from worker import resident_peak

from workloads.wide_mlp import TASK

STEPS = 5


def measure(rounds: int) -> list[Row]:
    """Measure every contestant in a separate process, with one thread; once, because it hardly varies."""
    builders: dict[str, Callable[[Task], Callable[[], Any]]] = {
        "tensorgrad": by_tensorgrad.training,
        "torch, fused Adam": by_torch.training,
        "numpy by hand": by_hand.training,
        "jax, compiled": by_jax.training,
        "mygrad": by_mygrad.training,
        "autograd": by_autograd.training,
    }
    used = {}
    for name, training in builders.items():
        with Worker(Contestant(name, partial(prepared, training)), threads=1) as worker:
            (used[name],) = worker.ask("values 1")
    ours = used["tensorgrad"]
    rows = []
    for name, peak in used.items():
        share = ours / peak
        ratio = Ratio(share, share, share, share, at_most=1.1 if name.startswith("torch") else None)
        rows.append(
            Row("step_memory", 1, name, f"{peak / 2**20:.0f} MiB", ratio=None if name == "tensorgrad" else ratio)
        )
    return rows


def prepared(training: Callable[[Task], Callable[[], Any]]) -> Callable[[], float]:
    """Return a step, which returns the bytes needed beyond parameters, moments and data. Call it only once."""
    tiny = training(Task((2, 3, 2), tiny_data))
    for _ in range(STEPS):
        tiny()
    before = resident_peak()

    def step() -> float:
        run = training(TASK)
        for _ in range(STEPS):
            run()
        risen = resident_peak() - before
        return float(risen - 3 * sum(p.nbytes for p in TASK.parameters()) - sum(array.nbytes for array in TASK.data()))

    return step


def tiny_data() -> tuple[Array, Array]:
    """Return one batch of two samples."""
    return np.ones((1, 2, 2), np.float32), np.array([[0, 1]])
