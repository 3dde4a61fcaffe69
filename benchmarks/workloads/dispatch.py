"""What reaching an operation through NumPy costs: `np.exp(t)` against `tg.exp(t)`; and forward mode against forward."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
from table import Row

import tensorgrad as tg

AT_MOST = 1.0
"""Microseconds that NumPy's dispatch may add."""


def measure(rounds: int) -> list[Row]:
    """The dearest of several functions, both ways in turn; then `jvp` and double reverse mode beside forward."""
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
        ),
        *forward_mode(rounds),
    ]  # fmt: skip


def forward_mode(rounds: int) -> list[Row]:
    """J·v of a 784-128-64-10 network, batch 128, by `tg.jvp` and by two reverse passes, beside the network alone."""
    rng = np.random.default_rng(0)
    weights = [tg.tensor(rng.normal(size=shape) * 0.1) for shape in [(784, 128), (128, 64), (64, 10)]]
    X, v = rng.normal(size=(2, 128, 784))

    def network(x: Any) -> Any:
        for weight in weights[:-1]:
            x = tg.tanh(x @ weight)
        return x @ weights[-1]

    def two_reverse_passes() -> Any:
        x = tg.tensor(X, requires_grad=True)
        out = network(x)
        u = tg.tensor(np.zeros(out.shape), requires_grad=True)
        pulled = tg.gradient(out, x, grad_outputs=u, create_graph=True)
        return tg.gradient(pulled, u, grad_outputs=v)

    ways = {
        "forward alone": lambda: network(tg.Tensor(X)),
        "tg.jvp": lambda: tg.jvp(network, (X,), (v,)),
        "two reverse passes": two_reverse_passes,
    }
    times = {name: [microseconds(way, 5) for _ in range(rounds)] for name, way in ways.items()}
    alone = times["forward alone"]
    return [
        Row(
            "jvp", 1, name, f"{statistics.median(found) / 1000:.2f} ms, "
            f"{statistics.median(a / b for a, b in zip(found, alone)):.2f} × forward",
        )
        for name, found in times.items()
    ]  # fmt: skip


def microseconds(function: Callable[[], Any], number: int = 2000) -> float:
    """The mean time of a call."""
    return 1e6 * timeit.timeit(function, number=number) / number
