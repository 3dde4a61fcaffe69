"""With MyGrad, and the optimizers by hand."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import numpy as np

from dense import rules
from dense.task import Task


def training(task: Task) -> Callable[[], Any]:
    """A step returns the loss."""
    import mygrad as mg
    from mygrad.nnet.activations import relu
    from mygrad.nnet.losses import softmax_crossentropy

    mg.turn_memory_guarding_off()  # as its documentation advises for speed
    parameters = task.parameters()
    kept, t = rules.start(task.optimizer, parameters, np), 0
    batches = cycle(zip(*task.data()))

    def step() -> Any:
        nonlocal parameters, kept, t
        t += 1
        x, y = next(batches)
        tensors = [mg.tensor(array, copy=False) for array in parameters]
        *hidden, (w, b) = zip(tensors[::2], tensors[1::2])
        for weight, bias in hidden:
            x = relu(mg.matmul(x, weight) + bias)
        value = softmax_crossentropy(mg.matmul(x, w) + b, y)
        value.backward()
        gradients = [tensor.grad for tensor in tensors]
        parameters, kept = rules.update(task.optimizer, parameters, gradients, kept, t, task.learning_rate, np)
        return value.item()

    return step
