"""The optimizers in the book's formulas, for the peers that have none: NumPy by hand, MyGrad, HIPS autograd, JAX.

A rule takes a parameter, its gradient, what was kept of it, the step's number from 1 on, the learning rate, and
NumPy or `jax.numpy`; it returns the new parameter and what to keep. *Neural Networks from Scratch*, chapter 10.
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

Kept: TypeAlias = tuple[Any, ...]
Rule: TypeAlias = Callable[[Any, Any, Kept, Any, float, Any], tuple[Any, Kept]]


def sgd(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """Against the gradient."""
    return w - rate * g, kept


def momentum(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """As a ball that keeps rolling."""
    velocity = MOMENTUM * kept[0] - rate * g
    return w + velocity, (velocity,)


def adagrad(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """Smaller steps for parameters that have moved much."""
    squares = kept[0] + g * g
    return w - rate * g / (xp.sqrt(squares) + EPSILON), (squares,)


def rmsprop(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """Smaller steps for parameters that have moved much of late."""
    squares = RHO * kept[0] + (1 - RHO) * (g * g)
    return w - rate * g / (xp.sqrt(squares) + EPSILON), (squares,)


def adam(w: Any, g: Any, kept: Kept, t: Any, rate: float, xp: Any) -> tuple[Any, Kept]:
    """Momentum and RMSprop together, both corrected for their start at 0."""
    mean = BETA_1 * kept[0] + (1 - BETA_1) * g
    squares = BETA_2 * kept[1] + (1 - BETA_2) * (g * g)
    corrected, corrected_squares = mean / (1 - BETA_1**t), squares / (1 - BETA_2**t)
    return w - rate * corrected / (xp.sqrt(corrected_squares) + EPSILON), (mean, squares)


RULES: dict[str, tuple[Rule, int]] = {
    "SGD": (sgd, 0),
    "momentum": (momentum, 1),
    "Adagrad": (adagrad, 1),
    "RMSprop": (rmsprop, 1),
    "Adam": (adam, 2),
}
"""Each rule, and how many arrays of the parameter's shape it keeps; they start at 0."""


def start(name: str, parameters: list[Any], xp: Any) -> list[Kept]:
    """What is kept of each parameter before the first step."""
    _, arrays = RULES[name]
    return [tuple(xp.zeros(w.shape, w.dtype) for _ in range(arrays)) for w in parameters]


def update(
    name: str, parameters: list[Any], gradients: Any, kept: list[Kept], t: Any, rate: float, xp: Any
) -> tuple[list[Any], list[Kept]]:
    """All parameters after a step, and what is kept of them."""
    rule, _ = RULES[name]
    new = [rule(w, g, k, t, rate, xp) for w, g, k in zip(parameters, gradients, kept)]
    return [w for w, _ in new], [k for _, k in new]


def training(
    task: Task,
    loss_and_gradients: Callable[[list[Array], Any, Any], tuple[Any, Any]],
    inputs: Iterable[Any],
    targets: Iterable[Any],
) -> Callable[[], Any]:
    """A step returns the loss, for peers whose parameters are NumPy's arrays.

    Args:
        task: what is trained.
        loss_and_gradients: of the parameters, a batch, and its targets.
        inputs, targets: batch by batch, as the peer likes them.
    """
    parameters = task.parameters()
    kept, t = start(task.optimizer, parameters, np), 0
    batches = cycle(zip(inputs, targets))

    def step() -> Any:
        nonlocal parameters, kept, t
        t += 1
        value, gradients = loss_and_gradients(parameters, *next(batches))
        parameters, kept = update(task.optimizer, parameters, gradients, kept, t, task.learning_rate, np)
        return value

    return step
