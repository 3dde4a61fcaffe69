"""A long chain of operations: neither the time per operation nor Python's stack may grow with the length.

Ten times the length may take up to twice the time per operation: Python's garbage collector repeatedly
traverses the growing graph while it is recorded. With quadratic time, it would be ten times as long.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness import Contestant, race
from table import Row

SHORT, LONG = 100_000, 1_000_000


def measure(rounds: int) -> list[Row]:
    """Compare 100,000 operations with the other libraries (JAX would compile for minutes), and with 1,000,000."""
    peers = [
        Contestant("tensorgrad", ours_short, units=SHORT),
        Contestant("torch", by_torch, 0.6, SHORT),
        Contestant("mygrad", by_mygrad, 0.5, SHORT),
        Contestant("autograd", by_autograd, 0.5, SHORT),
    ]
    lengths = [
        Contestant(f"{LONG:,} ops", ours_long, units=LONG),
        Contestant(f"{SHORT:,} ops", ours_short, 2.0, SHORT),
    ]
    return [
        *race("deep_chain", peers, rounds=min(rounds, 5), unit="per op"),
        *race("deep_chain, longer", lengths, rounds=min(rounds, 3), unit="per op"),
    ]


def ours_short() -> Callable[[], Any]:
    """Return a step of 100,000 operations with tensorgrad."""
    return ours(SHORT)


def ours_long() -> Callable[[], Any]:
    """Return a step of 1,000,000 operations with tensorgrad."""
    return ours(LONG)


def ours(length: int) -> Callable[[], Any]:
    """Return a step of `length` operations with tensorgrad."""
    import tensorgrad as tg

    x = tg.tensor(1.0, requires_grad=True)

    def step() -> Any:
        x.zero_grad()
        chain(x, length).backward()
        return x.grad

    return step


def by_torch() -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    x = torch.tensor(1.0, requires_grad=True)

    def step() -> Any:
        x.grad = None
        chain(x, SHORT).backward()
        return x.grad

    return step


def by_mygrad() -> Callable[[], Any]:
    """Return the same step with MyGrad."""
    import mygrad as mg

    mg.turn_memory_guarding_off()  # as its documentation advises for speed

    def step() -> Any:
        x = mg.tensor(1.0)
        chain(x, SHORT).backward()
        return x.grad

    return step


def by_autograd() -> Callable[[], Any]:
    """Return the same step with HIPS autograd."""
    import autograd

    gradient = autograd.grad(lambda x: chain(x, SHORT))
    return lambda: gradient(1.0)


def chain(x: Any, length: int) -> Any:
    """Return x multiplied by 1 `length` times."""
    for _ in range(length):
        x = x * 1.0
    return x
