"""With tensorgrad, the whole step compiled by `tg.compile`. For Adam only."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from dense import by_tensorgrad, rules
from dense.task import Task


def training(task: Task) -> Callable[[], Any]:
    """Return a step, which returns the loss. It waits for the result, because XLA computes asynchronously."""
    import jax

    import nn
    import tensorgrad as tg
    from tensorgrad import xla

    network, loss = by_tensorgrad.network(task), nn.SoftmaxCrossEntropy()
    parameters = list(network.parameters())
    averages = [[tg.tensor(kept) for kept in state] for state in rules.start(task.parameters(), np)]
    inputs, labels = task.data()
    update, rate = rules.update, task.learning_rate
    batches, t = cycle([(xla.Array(x), xla.Array(y)) for x, y in zip(inputs, labels)]), 0

    @tg.compile
    def whole_step(x: Any, y: Any, t: float) -> Any:
        value = loss(network(x), y)
        gradients = tg.gradient(value, parameters)
        kept = [(mean.array, squares.array) for mean, squares in averages]
        arrays = [parameter.array for parameter in parameters]
        new, kept = update(arrays, gradients, kept, t, rate, np)
        for parameter, array, tensors, state in zip(parameters, new, averages, kept):
            parameter.data = array
            for tensor, values in zip(tensors, state):
                tensor.data = values
        return value.detach()

    def step() -> Any:
        nonlocal t
        t += 1
        value = whole_step(*next(batches), float(t))
        arrays: list[Any] = [value.array, *(parameter.array for parameter in parameters)]
        jax.block_until_ready([array.value for array in arrays])
        return value

    return step
