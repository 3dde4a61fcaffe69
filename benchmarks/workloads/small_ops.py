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
    """Compare tensorgrad, NumPy alone with the same arithmetic, and the other libraries."""
    contestants = [
        Contestant("tensorgrad", ours, units=OPERATIONS),
        Contestant("torch", by_torch, 0.6, OPERATIONS),
        Contestant("numpy by hand", by_hand, units=OPERATIONS),
        Contestant("jax, compiled", by_jax, units=OPERATIONS),
        Contestant("mygrad", by_mygrad, 0.5, OPERATIONS),
        Contestant("autograd", by_autograd, 0.5, OPERATIONS),
    ]
    return race("small_ops", contestants, rounds=rounds, unit="per op")


def data() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return the initial x and the weights w."""
    rng = np.random.default_rng(0)
    return (0.1 * rng.standard_normal(16)).astype(np.float32), (0.5 * rng.standard_normal(16)).astype(np.float32)


def ours() -> Callable[[], Any]:
    """Return a step with tensorgrad, which returns the sum of w's gradient."""
    import tensorgrad as tg

    x_data, w_data = data()

    def step() -> Any:
        x, w = tg.tensor(x_data, requires_grad=True), tg.tensor(w_data, requires_grad=True)
        chain(x, w, tg.tanh).sum().backward()
        assert w.grad is not None
        return w.grad.sum()

    return step


def by_torch() -> Callable[[], Any]:
    """Return the same step with PyTorch."""
    import torch

    x_data, w_data = data()

    def step() -> Any:
        x, w = torch.tensor(x_data, requires_grad=True), torch.tensor(w_data, requires_grad=True)
        chain(x, w, torch.tanh).sum().backward()
        assert w.grad is not None
        return w.grad.sum()

    return step


def by_hand() -> Callable[[], Any]:
    """Return the same step with NumPy and a backward pass written by hand."""
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


def by_jax() -> Callable[[], Any]:
    """Return the same step with JAX, compiled into one function."""
    import jax
    import jax.numpy as jnp

    x, w = data()
    gradients = jax.jit(jax.grad(lambda x, w: chain(x, w, jnp.tanh).sum(), argnums=(0, 1)))

    def step() -> Any:
        return gradients(x, w)[1].sum().block_until_ready()

    return step


def by_mygrad() -> Callable[[], Any]:
    """Return the same step with MyGrad."""
    import mygrad as mg

    mg.turn_memory_guarding_off()  # as its documentation advises for speed
    x_data, w_data = data()

    def step() -> Any:
        x, w = mg.tensor(x_data), mg.tensor(w_data)
        chain(x, w, mg.tanh).sum().backward()
        assert w.grad is not None
        return w.grad.sum()

    return step


def by_autograd() -> Callable[[], Any]:
    """Return the same step with HIPS autograd."""
    import autograd
    import autograd.numpy as anp

    x_data, w_data = data()
    gradients = autograd.grad(lambda x, w: anp.sum(chain(x, w, anp.tanh)), argnum=(0, 1))

    def step() -> Any:
        return gradients(x_data, w_data)[1].sum()

    return step


def chain(x: Any, w: Any, tanh: Callable[[Any], Any]) -> Any:
    """Return tanh(x*w + w), applied REPEATS times."""
    for _ in range(REPEATS):
        x = tanh(x * w + w)
    return x
