"""A long chain of operations: neither the time per operation nor Python's stack may grow with the length.

Ten times the length may take up to twice the time per operation: Python's own garbage collector goes through the
growing graph again and again while it is recorded. Quadratic time would be ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import Contestant, race
from table import Row

SHORT, LONG = 100_000, 1_000_000


def measure(rounds: int) -> list[Row]:
    """100,000 and 1,000,000 operations, and PyTorch's 100,000."""
    contestants = [
        Contestant(f"tensorgrad, {SHORT:,} ops", "ours_short", SHORT, versus=f"torch, {SHORT:,} ops"),
        Contestant(f"torch, {SHORT:,} ops", "theirs", SHORT),
        Contestant(f"tensorgrad, {LONG:,} ops", "ours_long", LONG, versus=f"tensorgrad, {SHORT:,} ops", at_most=2.0),
    ]
    return race(__name__, contestants, rounds=min(rounds, 5), unit="per op", agreeing_steps=0)


def ours_short() -> Callable[[], Any]:
    """100,000 operations with tensorgrad."""
    return ours(SHORT)


def ours_long() -> Callable[[], Any]:
    """1,000,000 operations with tensorgrad."""
    return ours(LONG)


def ours(length: int) -> Callable[[], Any]:
    """A chain of `length` operations with tensorgrad."""
    import tensorgrad as tg

    x = tg.tensor(1.0, requires_grad=True)

    def step() -> None:
        x.zero_grad()
        y = x
        for _ in range(length):
            y = y * 1.0
        y.backward()
        if x.grad != 1:
            raise RuntimeError(f"deep_chain: expected the gradient 1, got {x.grad}.")

    return step


def theirs() -> Callable[[], Any]:
    """100,000 operations with PyTorch."""
    import torch

    x = torch.tensor(1.0, requires_grad=True)

    def step() -> None:
        x.grad = None
        y = x
        for _ in range(SHORT):
            y = y * 1.0
        y.backward()

    return step
