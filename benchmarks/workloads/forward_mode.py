"""A Jacobian-vector product of a 784-128-64-10 network, batch of 128, float64: forward mode, and reverse mode twice."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from harness import microseconds
from table import Row

import tensorgrad as tg


def measure(rounds: int) -> list[Row]:
    """Compare `tg.jvp` and two reverse passes with the forward pass of the network."""
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
        "the network alone": lambda: network(tg.Tensor(X)),
        "tg.jvp": lambda: tg.jvp(network, (X,), (v,)),
        "two reverse passes": two_reverse_passes,
    }
    times = {name: [microseconds(way, 5) for _ in range(rounds)] for name, way in ways.items()}
    alone = times["the network alone"]
    return [
        Row(
            "forward_mode", 1, name, f"{statistics.median(found) / 1000:.2f} ms, "
            f"{statistics.median(a / b for a, b in zip(found, alone)):.2f} × the network alone",
        )
        for name, found in times.items()
    ]  # fmt: skip
