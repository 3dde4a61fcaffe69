"""The cost of calling an operation through NumPy: `np.exp(t)` compared with `tg.exp(t)`."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np
from harness import microseconds
from table import Row

import tensorgrad as tg

AT_MOST = 1.0
"""Microseconds that NumPy's dispatch may add."""


def measure(rounds: int) -> list[Row]:
    """Measure both ways in turn and return the function with the largest cost."""
    t, m = tg.tensor(np.ones(16, np.float32), requires_grad=True), tg.tensor(np.ones((4, 4)))
    both_ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
        "exp": (lambda: tg.exp(t), lambda: np.exp(t)),
        "add": (lambda: tg.add(t, t), lambda: np.add(t, t)),
        "sum": (lambda: tg.sum(m, axis=0), lambda: np.sum(m, axis=0)),
        "concatenate": (lambda: tg.concatenate([t, t]), lambda: np.concatenate([t, t])),
        "einsum": (lambda: tg.einsum("ij,jk", m, m), lambda: np.einsum("ij,jk", m, m)),
        "matmul": (lambda: tg.matmul(m, m), lambda: np.matmul(m, m)),
    }
    added = {
        name: statistics.median(microseconds(theirs) - microseconds(ours) for _ in range(rounds))
        for name, (ours, theirs) in both_ways.items()
    }
    worst = max(added, key=added.__getitem__)
    return [
        Row(
            "dispatch", 1, "np.f(tensor)", f"at most {added[worst]:.2f} µs more than tg.f ({worst})",
            target=f"≤ {AT_MOST} µs more", met=added[worst] <= AT_MOST,
        )
    ]  # fmt: skip
