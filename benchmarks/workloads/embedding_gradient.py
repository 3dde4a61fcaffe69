"""An embedding and its gradient: 1024 ids of 65 characters, and as many of 30,000 words with Zipf's frequencies.

128 features, float32. The gradient is dense: for 30,000 words, most of the time goes into its zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

TARGETS = {65: 1.5, 30_000: 0.95}
SHAPE, FEATURES = (16, 64), 128

Array = np.ndarray[Any, Any]


def measure(rounds: int) -> list[Row]:
    """Compare nn with PyTorch at one thread."""
    rows = []
    for vocabulary, at_most in TARGETS.items():
        contestants = [
            Contestant("tensorgrad", partial(ours, vocabulary)),
            Contestant("torch", partial(by_torch, vocabulary), at_most),
        ]
        rows += race(
            f"embedding, {vocabulary:,} words", contestants, rounds=rounds, unit="per step", clock="processors"
        )
    return rows


def data(vocabulary: int) -> tuple[Array, Array, Array]:
    """Return the table, the ids and the upstream gradient."""
    rng = np.random.default_rng(0)
    ids = rng.integers(0, vocabulary, SHAPE) if vocabulary < 100 else rng.zipf(1.3, SHAPE) % vocabulary
    table = rng.standard_normal((vocabulary, FEATURES), dtype=np.float32)
    return table, ids, rng.random((*SHAPE, FEATURES), dtype=np.float32)


def ours(vocabulary: int) -> Callable[[], Any]:
    """Return a step with nn, which returns one element of the gradient."""
    import nn
    import tensorgrad as tg

    table, ids, upstream = data(vocabulary)
    weight = tg.tensor(table, requires_grad=True)

    def step() -> Any:
        weight.zero_grad()
        nn.functional.embedding(ids, weight).backward(upstream)
        assert weight.grad is not None
        return weight.grad[1, 0]

    return step


def by_torch(vocabulary: int) -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    table, ids, upstream = data(vocabulary)
    weight = torch.from_numpy(table).requires_grad_()
    places, gradient = torch.from_numpy(ids), torch.from_numpy(upstream)

    def step() -> Any:
        weight.grad = None
        torch.autograd.backward(torch.nn.functional.embedding(places, weight), gradient)
        assert weight.grad is not None
        return weight.grad[1, 0]

    return step
