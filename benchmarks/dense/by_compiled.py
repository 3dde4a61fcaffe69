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
    from tensorgrad import xla

    network = by_tensorgrad.network(task)
    inputs, labels = task.data()
    whole_step = compiled_step(network, task.learning_rate)
    batches, t = cycle([(xla.Array(x), xla.Array(y)) for x, y in zip(inputs, labels)]), 0

    def step() -> Any:
        nonlocal t
        t += 1
        value = whole_step(*next(batches), float(t))
        value.array.value.block_until_ready()  # all results of a program become ready at once
        return value

    return step


def compiled_step(network: Any, rate: float) -> Callable[[Any, Any, float], Any]:
    """Return a function of inputs, labels and the number of the step. It trains the network, and returns the loss."""
    import nn
    import tensorgrad as tg

    loss, update = nn.SoftmaxCrossEntropy(), rules.update
    parameters = list(network.parameters())
    averages = [[tg.tensor(kept) for kept in state] for state in rules.start([p.data for p in parameters], np)]

    @tg.compile
    def whole_step(x: Any, y: Any, t: float) -> Any:
        value = loss(network(x), y)
        gradients = tg.gradient(value, parameters)
        kept = [(mean.array, squares.array) for mean, squares in averages]
        new, kept = update([p.array for p in parameters], gradients, kept, t, rate, np)
        for parameter, array, tensors, state in zip(parameters, new, averages, kept):
            parameter.data = array
            for tensor, values in zip(tensors, state):
                tensor.data = values
        return value.detach()

    return whole_step
