"""With tensorgrad, the whole step compiled by `tg.compile`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from dense import rules

import nn
import tensorgrad as tg
from networks.work import RATE, Work


def training(work: Work) -> Callable[[], Any]:
    """Return a step, which returns the loss as a JAX array without waiting for it."""
    import jax

    from tensorgrad import xla

    network, loss = work.network, nn.SoftmaxCrossEntropy()
    parameters = list(network.parameters())
    averages = [[tg.tensor(kept) for kept in state] for state in rules.start([p.data for p in parameters], np)]
    device = jax.devices()[0]
    x, y = (xla.Array(jax.device_put(each, device)) for each in (work.x, work.y.astype(np.int32)))
    update, t = rules.update, 0

    @tg.compile
    def whole_step(x: Any, y: Any, t: float) -> Any:
        value = loss(network(x), y)
        gradients = tg.gradient(value, parameters)
        kept = [(mean.array, squares.array) for mean, squares in averages]
        new, kept = update([p.array for p in parameters], gradients, kept, t, RATE, np)
        for parameter, array, tensors, state in zip(parameters, new, averages, kept):
            parameter.data = array
            for tensor, values in zip(tensors, state):
                tensor.data = values
        return value.detach()

    def step() -> Any:
        nonlocal t
        t += 1
        return whole_step(x, y, float(t)).array.value

    return step
