from dataclasses import dataclass

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import Tensor

MASK = np.array([True, False])  # nodes refer to it weakly, so somebody must keep it


@dataclass
class Expression:
    """((tanh(x·w + b)) - y)², and the tensors it was made from."""

    w: Tensor
    b: Tensor
    x: Tensor
    y: Tensor
    loss: Tensor


@pytest.fixture
def expression():
    w = tg.tensor(-1.2, requires_grad=True, name="w")
    b = tg.tensor(0.3, requires_grad=True, name="b")
    x = tg.tensor(0.5, name="x")
    y = tg.tensor(1.0, name="y")
    loss = (tg.tanh(x * w + b) - y) ** 2
    loss.name = "loss"
    return Expression(w, b, x, y, loss)


@pytest.fixture(scope="session")
def random_graph():
    """Makes a graph of `count` operations on a few leaves; the leaves come with it, to keep them alive."""

    def make(seed, count):
        rng = np.random.default_rng(seed)
        leaves = [tg.tensor(rng.normal(size=(2,)), requires_grad=True, name=f"p{i}") for i in range(3)]
        constant = tg.tensor(rng.normal(size=(3, 2)))
        values = [*leaves, constant]
        for _ in range(count):
            a, b = (values[int(i)] for i in rng.integers(0, len(values), 2))
            choice = rng.integers(0, 6)
            values.append(
                [
                    lambda a=a, b=b: a + b,
                    lambda a=a, b=b: a - b,
                    lambda a=a, b=b: a * b,
                    lambda a=a, b=b: tg.tanh(a),
                    lambda a=a, b=b: tg.where(MASK, a, b),
                    lambda a=a, b=b: 0.5 * a,
                ][choice]()
            )
        output = leaves[0].sum()
        for value in values[-8:]:
            if value.requires_grad:
                output = output + value.sum()
        return output, values

    return make
