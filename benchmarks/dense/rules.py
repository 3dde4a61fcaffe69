"""The constants of all contestants' optimizers, and Adam for libraries without it: MyGrad, HIPS autograd, JAX.

*Neural Networks from Scratch*, chapter 10.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import cycle
from typing import Any, TypeAlias

import numpy as np

from dense.task import Array, Task

MOMENTUM = 0.9
RHO = 0.9
BETA_1, BETA_2 = 0.9, 0.999
EPSILON = 1e-7

Kept: TypeAlias = tuple[Any, Any]
"""Adam's two averages of a parameter."""


def adam(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """Return the new parameter and state after a step of Adam.

    Args:
        w, g: a parameter and its gradient.
        kept: the state after the previous step.
        t: the step's number, from 1 on.
        rate: the learning rate.
        xp: NumPy or `jax.numpy`.
    """
    mean = BETA_1 * kept[0] + (1 - BETA_1) * g
    squares = BETA_2 * kept[1] + (1 - BETA_2) * (g * g)
    corrected, corrected_squares = mean / (1 - BETA_1**t), squares / (1 - BETA_2**t)
    return w - rate * corrected / (xp.sqrt(corrected_squares) + EPSILON), (mean, squares)


def start(parameters: list[Any], xp: Any) -> list[Kept]:
    """Return the initial state of each parameter."""
    return [(xp.zeros(w.shape, w.dtype), xp.zeros(w.shape, w.dtype)) for w in parameters]


def update(
    parameters: list[Any], gradients: Any, kept: list[Kept], t: Any, rate: float, xp: Any
) -> tuple[list[Any], list[Kept]]:
    """Return all parameters and their state after a step."""
    new = [adam(w, g, k, t, rate, xp) for w, g, k in zip(parameters, gradients, kept)]
    return [w for w, _ in new], [k for _, k in new]


def training(
    task: Task,
    loss_and_gradients: Callable[[list[Array], Any, Any], tuple[Any, Any]],
    inputs: Iterable[Any],
    targets: Iterable[Any],
) -> Callable[[], Any]:
    """Return a step, which returns the loss, for libraries whose parameters are NumPy arrays. Adam only.

    Args:
        task: the network, data and optimizer.
        loss_and_gradients: of the parameters, a batch, and its targets.
        inputs, targets: the batches, in the form that the library needs.
    """
    parameters = task.parameters()
    kept, t = start(parameters, np), 0
    batches = cycle(zip(inputs, targets))

    def step() -> Any:
        nonlocal parameters, kept, t
        t += 1
        value, gradients = loss_and_gradients(parameters, *next(batches))
        parameters, kept = update(parameters, gradients, kept, t, task.learning_rate, np)
        return value

    return step
