"""With JAX: the whole step, optimizer included, compiled into one function. For Adam only."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

from dense import rules
from dense.task import Task


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss. It waits for the result, because JAX computes asynchronously."""
    import jax
    import jax.numpy as jnp

    def update(parameters: Any, kept: Any, t: Any, x: Any, y: Any) -> Any:
        value, gradients = jax.value_and_grad(loss)(parameters, x, y)
        return value, *rules.update(parameters, gradients, kept, t, task.learning_rate, jnp)

    whole_step = jax.jit(update)
    parameters = [jnp.asarray(array) for array in task.parameters()]
    kept, t = rules.start(parameters, jnp), 0
    inputs, labels = task.data()
    batches = cycle([(jnp.asarray(x), jnp.asarray(y)) for x, y in zip(inputs, labels)])

    def step() -> Any:
        nonlocal parameters, kept, t
        t += 1
        value, parameters, kept = whole_step(parameters, kept, float(t), *next(batches))
        value.block_until_ready()  # all results of a program become ready at once
        return value

    return step


def loss(parameters: Any, x: Any, y: Any) -> Any:
    """Return the softmax cross-entropy of the network's scores."""
    import jax
    import jax.numpy as jnp

    *hidden, (w, b) = zip(parameters[::2], parameters[1::2])
    for weight, bias in hidden:
        x = jax.nn.relu(x @ weight + bias)
    logs = jax.nn.log_softmax(x @ w + b)
    return -jnp.mean(logs[jnp.arange(len(y)), y])
