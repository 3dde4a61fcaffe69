"""Programs compiled by `tg.compile`: training steps, a Hessian-vector product, and the time to compile a program.

The arrays are XLA arrays. Steps are those of `mlp_step` and `spiral`, with the constants of `dense.rules`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from dense import by_compiled, by_jax, by_torch
from dense.task import Task
from harness import Contestant, race
from table import Row

from workloads import hessian_vector, mlp_step, spiral

SPIRAL = Task((2, 64, 3), spiral.data, "Adam", spiral.LEARNING_RATES["Adam"])


def measure(rounds: int) -> list[Row]:
    """Compare tensorgrad, hand-written JAX and PyTorch's eager mode; for the time to compile, only the first two."""
    rows = []
    for title, task, to_jax, to_torch in [("mlp_step", mlp_step.TASK, 1.1, 0.52), ("spiral", SPIRAL, 1.25, 0.48)]:
        contestants = [
            Contestant("tensorgrad, compiled", partial(by_compiled.training, task)),
            Contestant("jax, compiled", partial(by_jax.training, task), to_jax),
            Contestant("torch", partial(by_torch.training, task), to_torch),
        ]
        name = f"compiled {title}"
        rows += race(name, contestants, rounds=rounds, threads=(1, 2), unit="per step", agreeing_steps=5, rtol=1e-4)
    products = [
        Contestant("tensorgrad, compiled", product),
        Contestant("jax, compiled", hessian_vector.compiled, 1.15),
        Contestant("torch", hessian_vector.theirs, 0.45),
    ]
    rows += race("compiled hessian_vector", products, rounds=rounds, threads=(1, 2), unit="per product", rtol=1e-4)
    compilations = [Contestant("tensorgrad", tracing), Contestant("jax", partial(tracing, "jax"), 1.5)]
    return rows + race("compiling mlp_step", compilations, rounds=min(rounds, 5), unit="per program", agreeing_steps=0)


def product() -> Callable[[], Any]:
    """Return the step of `hessian_vector`, compiled."""
    import nn
    import tensorgrad as tg

    parameters, v, x, y = hessian_vector.data()
    loss = nn.SoftmaxCrossEntropy()

    def value(tensors: Any, x: Any, y: Any) -> Any:
        *hidden, (w, b) = zip(tensors[::2], tensors[1::2])
        h: Any = x
        for weight, bias in hidden:
            h = nn.functional.relu(nn.functional.linear(h, weight, bias))
        return loss(nn.functional.linear(h, w, b), y)

    compiled = tg.compile(lambda parameters, v, x, y: tg.hvp(lambda p: value(p, x, y), parameters, v))
    return lambda: hessian_vector.size([np.asarray(each) for each in compiled(parameters, v, x, y)])


def tracing(who: str = "tensorgrad") -> Callable[[], Any]:
    """Return a step that traces, compiles and runs the training step of a network with a new width."""
    widths = itertools.count(120)

    contestant: Any = {"tensorgrad": by_compiled, "jax": by_jax}[who]

    def step() -> Any:
        task = Task((784, next(widths), 64, 10), one_batch)
        return contestant.training(task)()

    return step


def one_batch() -> Any:
    """Return one batch of `mlp_step`."""
    inputs, labels = mlp_step.data()
    return inputs[:1], labels[:1]
