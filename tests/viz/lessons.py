"""Graphs that a walkthrough must get right, each with what must be kept alive for it."""

import numpy as np

import nn
import tensorgrad as tg
from tests.viz.several import damped, polar

HOSTILE = (
    "</script><script>window.hacked = 1</script>",
    '<!--<img src=x onerror="window.hacked=1">',
    'a|b{c}&"é重\n\x00',
)


def leaf(value, name=None):
    return tg.tensor(value, requires_grad=True, name=name)


def expression():
    """Scalars whose paths meet: both `a` and `c` are used more than once, and a naive order goes wrong."""
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    c = a * b
    c.name = "c"
    return tg.tanh((c + a * a) / 8) * c - 0.5, [a, b, c]


def network():
    """Return a small classifier with two layers of one kind."""
    rng = np.random.default_rng(3)
    layers = nn.Sequential(nn.Dense(2, 8, rng=rng), nn.ReLU(), nn.Dense(8, 3, rng=rng))
    x, y = tg.tensor(rng.normal(size=(5, 2)).astype(np.float32), name="x"), np.array([0, 1, 2, 1, 0])
    return nn.SoftmaxCrossEntropy()(layers(x), y), [layers, x, y]


class Residual(nn.Module):
    """Two layers and a way around them, which begins and ends close to where they do."""

    def __init__(self):
        self.inner = nn.Sequential(nn.Dense(3, 3, rng=0), nn.Tanh(), nn.Dense(3, 3, rng=1))

    def forward(self, x):
        return x + self.inner(x)


def residual():
    """Edges into collapsed modules that pass others by."""
    blocks = nn.Sequential(Residual(), Residual(), nn.Dense(3, 1, rng=2))
    x = tg.tensor(np.linspace(-1, 1, 6, dtype=np.float32).reshape(2, 3), name="x")
    return nn.MeanSquaredError()(blocks(x), np.zeros((2, 1), np.float32)), [blocks, x]


def shared():
    """One layer called twice, so that its weights are between two frames."""
    layer = nn.Dense(2, 2, rng=0)
    x = tg.tensor(np.array([[1.0, -1.0]], np.float32), name="x")
    return tg.tanh(layer(tg.tanh(layer(x)))).sum(), [layer, x]


def forgotten():
    """The arrays passed to the network and the loss are in no variable, and too large to be kept for pictures."""
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    return nn.MeanSquaredError()(network(np.ones((400, 2), np.float32)), np.full((400, 1), 0.5, np.float32)), [network]


@tg.op(x=lambda g, x: g * 3 * x)  # the derivative of x² is 2x
def square_wrongly(x):
    """A square with a wrong rule."""
    return x * x


def wrong_rule():
    x, y = leaf(1.5, "x"), leaf(2.0, "y")
    return square_wrongly(x) * y, [x, y]


def broadcast():
    """The bias is smaller than what it is added to."""
    x = tg.tensor(np.arange(12.0).reshape(4, 3) / 10, name="x")
    w, b = leaf(np.array([[0.1, 0.2], [0.3, -0.4], [0.5, 0.6]]), "W"), leaf([0.1, -0.1], "b")
    y = x @ w + b
    y.name = "Y"
    return (y * y).sum(), [x, w, b, y]


def not_a_number():
    x, y = leaf(-1.0, "x"), leaf(0.0, "y")
    with np.errstate(all="ignore"):
        return tg.log(x) + 1.0 / y, [x, y]


def hostile_names():
    one, two, three = (leaf(value, name) for value, name in zip((1.0, 2.0, 3.0), HOSTILE))
    return one * two + tg.exp(three), [one, two, three]


def unnamed():
    x = leaf([1.0, 2.0])
    return (x * x).mean(), [x]


def alone():
    x = leaf(4.0)
    return x, [x]


def several_results():
    """Return a call with two results, both of which are used, and an operation with one rule for all operands."""
    x, y = leaf(3.0, "x"), leaf(4.0, "y")
    radius, angle = polar(x, y)
    return damped(angle, radius / 10) * radius, [x, y]


LESSONS = [
    expression, network, residual, shared, forgotten, wrong_rule, broadcast, not_a_number, hostile_names, unnamed,
    alone, several_results,
]  # fmt: skip
