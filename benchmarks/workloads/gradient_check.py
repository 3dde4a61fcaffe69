"""`gradcheck` of a small network in float64, every entry of the Jacobian: 4-8-3, tanh, five samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from harness import Contestant, race
from table import Row

SHAPES = ((4, 8), (8,), (8, 3), (3,))


def measure(rounds: int) -> list[Row]:
    """Compare tensorgrad with PyTorch. JAX and autograd check a random direction, a different task."""
    contestants = [Contestant("tensorgrad", ours), Contestant("torch", theirs)]
    return race("gradient_check", contestants, rounds=rounds, unit="per check")


def data() -> tuple[list[np.ndarray[Any, Any]], np.ndarray[Any, Any]]:
    """Return weights and biases, alternating, and the samples."""
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape) for shape in SHAPES], rng.standard_normal((5, 4))


def network(x: Any, tanh: Callable[[Any], Any], w1: Any, b1: Any, w2: Any, b2: Any) -> Any:
    """Return a scalar to differentiate."""
    return (tanh(tanh(x @ w1 + b1) @ w2 + b2) ** 2).sum()


def ours() -> Callable[[], Any]:
    """Return a step with tensorgrad, which returns the network's value."""
    import tensorgrad as tg

    arrays, x = data()
    inputs = [tg.tensor(array, requires_grad=True) for array in arrays]

    def value(*parameters: Any) -> Any:
        return network(x, tg.tanh, *parameters)

    def step() -> Any:
        assert tg.gradcheck(value, inputs, fast=False)
        return value(*inputs)

    return step


def theirs() -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    arrays, samples = data()
    x = torch.from_numpy(samples)
    inputs = [torch.from_numpy(array).requires_grad_() for array in arrays]

    def value(*parameters: Any) -> Any:
        return network(x, torch.tanh, *parameters)

    def step() -> Any:
        assert torch.autograd.gradcheck(value, inputs)
        return value(*inputs).detach()

    return step
