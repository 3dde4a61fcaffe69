"""The overhead of one operation: a chain of tanh(x*w + w) on 16 float32 numbers, forward and backward."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

REPEATS = 100
OPERATIONS = 3 * REPEATS


def measure(rounds: int) -> list[Row]:
    """Ours, PyTorch's, and what NumPy alone takes for the same arithmetic."""
    contestants = [
        Contestant("tensorgrad", "ours", OPERATIONS, versus="torch", at_most=0.75),
        Contestant("torch", "theirs", OPERATIONS),
        Contestant("numpy by hand", "by_hand", OPERATIONS, versus="torch"),
    ]
    return race(__name__, contestants, rounds=rounds, unit="per op")


def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """The start x and the weights w."""
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal(16)).astype(np.float32), (0.5 * rng.standard_normal(16)).astype(np.float32)


def ours() -> Callable[[], Any]:
    """With tensorgrad; a step returns the sum of w's gradient."""
    import tensorgrad as tg

    x_data, w_data = data()

    def step() -> Any:
        x, w = tg.tensor(x_data, requires_grad=True), tg.tensor(w_data, requires_grad=True)
        h = x
        for _ in range(REPEATS):
            h = tg.tanh(h * w + w)
        h.sum().backward()
        assert w.grad is not None
        return w.grad.sum()

    return step


def theirs() -> Callable[[], Any]:
    """With PyTorch."""
    import torch

    x_data, w_data = data()

    def step() -> Any:
        x, w = torch.tensor(x_data, requires_grad=True), torch.tensor(w_data, requires_grad=True)
        h = x
        for _ in range(REPEATS):
            h = torch.tanh(h * w + w)
        h.sum().backward()
        return w.grad.sum()

    return step


def by_hand() -> Callable[[], Any]:
    """With NumPy, the backward pass written out."""
    x, w = data()

    def step() -> Any:
        values = [x]
        for _ in range(REPEATS):
            values.append(np.tanh(values[-1] * w + w))
        g, w_grad = np.ones_like(x), np.zeros_like(w)
        for _ in range(REPEATS):
            out = values.pop()
            inner = g * (1 - out * out)
            w_grad = w_grad + inner + inner * values[-1]
            g = inner * w
        return w_grad.sum()

    return step
