"""Causal attention, forward and backward: 16 sequences of 64 tokens with 4 heads, and 8 of 256 tokens with 8 heads.

Heads have 32 features, float32. Queries, keys and values are views of arrays `(batch, time, heads, features)`, as the
projections of a layer return them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

SHAPES = {64: (16, 64, 4, 32), 256: (8, 256, 8, 32)}
TARGETS = {64: 0.65, 256: 0.6}


def measure(rounds: int) -> list[Row]:
    """Compare the operation with PyTorch's for both lengths, at one thread."""
    rows = []
    for length, at_most in TARGETS.items():
        contestants = [
            Contestant("tensorgrad", partial(ours, length)),
            Contestant("torch", partial(by_torch, length), at_most),
        ]
        rows += race(
            f"attention, {length} tokens", contestants, rounds=rounds, unit="per pass", rtol=1e-3, clock="processors"
        )
    return rows


def data(length: int) -> list[Any]:
    """Return queries, keys, values and the gradient of the result."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(SHAPES[length], dtype=np.float32).swapaxes(1, 2) for _ in range(4)]


def ours(length: int) -> Callable[[], Any]:
    """Return a pass with nn, which returns a number of the last gradient."""
    import nn
    import tensorgrad as tg

    *arrays, g = data(length)
    operands: list[Any] = [tg.Tensor(each, requires_grad=True) for each in arrays]
    q, k, v = operands

    def step() -> Any:
        for each in operands:
            each.grad = None
        nn.functional.attention(q, k, v, causal=True).backward(g)
        return q.grad[0, 0, -1, 0] + k.grad[0, 0, 0, 0] + v.grad[0, 0, 0, 0]

    return step


def by_torch(length: int) -> Callable[[], Any]:
    """Return the same pass with PyTorch."""
    import torch

    *arrays, g = map(torch.from_numpy, data(length))
    operands = [each.requires_grad_() for each in arrays]
    q, k, v = operands

    def step() -> Any:
        for each in operands:
            each.grad = None
        torch.nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True).backward(g)
        return q.grad[0, 0, -1, 0] + k.grad[0, 0, 0, 0] + v.grad[0, 0, 0, 0]

    return step
