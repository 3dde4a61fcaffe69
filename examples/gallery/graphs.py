"""Pictures of graphs, and walkthroughs of a backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
from showing import shows

import nn
import tensorgrad as tg

SECTION = "Graphs and backpropagation"


class Block(nn.Module):
    """Residual block: its input is added to the result of its layers."""

    def __init__(self, width: int, rng: int) -> None:
        self.inner = nn.Sequential(nn.Dense(width, width, rng=rng), nn.ReLU())

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """Return the sum."""
        return x + self.inner(x)


def small_loss() -> tg.Tensor:
    """Return the loss of a small classifier on four samples."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 8, rng=1), nn.Tanh(), nn.Dense(8, 3, rng=2))
    loss: tg.Tensor = nn.SoftmaxCrossEntropy()(network(tg.tensor(X[::75], name="samples")), y[::75])
    loss.name = "loss"
    return loss


@shows(SECTION, "An expression", ".svg")
def expression() -> Any:
    """Each box is an operation or an input, with its value and its gradient. Each edge is an operand."""
    x, y = tg.tensor(0.5, name="x"), tg.tensor(1.0, name="y")
    w = tg.tensor(-1.2, requires_grad=True, name="w")
    b = tg.tensor(0.3, requires_grad=True, name="b")
    loss = (tg.tanh(x * w + b) - y) ** 2
    loss.backward(retain_graph=True)
    return tg.draw(loss)


@shows(SECTION, "Dark, from top to bottom", ".svg")
def expression_dark() -> Any:
    """Every drawing has a dark theme and both directions."""
    a = tg.tensor(2.0, requires_grad=True, name="a")
    b = tg.tensor(-3.0, requires_grad=True, name="b")
    loss = a * b + a * a
    loss.backward(retain_graph=True)
    return tg.draw(loss, theme="dark", direction="TB")


@shows(SECTION, "By Graphviz", ".svg")
def graphviz() -> Any:
    """The layout is by Graphviz if it is installed, otherwise by tensorgrad itself."""
    a = tg.tensor(2.0, requires_grad=True, name="a")
    b = tg.tensor(-3.0, requires_grad=True, name="b")
    return tg.draw(a * b + a * a, renderer="dot")


@shows(SECTION, "A network", ".svg")
def network() -> Any:
    """Modules have frames."""
    loss = small_loss()
    loss.backward(retain_graph=True)
    return tg.draw(loss)


@shows(SECTION, "A network, folded", ".svg")
def network_folded() -> Any:
    """With `depth=1`, each module is one box."""
    return tg.draw(small_loss(), depth=1)


@shows(SECTION, "For slides", ".svg")
def network_compact() -> Any:
    """The compact style has symbols instead of words, and `heatmaps=True` shows larger arrays as images."""
    loss = small_loss()
    loss.backward(retain_graph=True)
    return tg.draw(loss, style="compact", heatmaps=True)


@shows(SECTION, "Structure without data", ".svg")
def structure() -> Any:
    """A network can be drawn before it has seen data."""
    return tg.draw(nn.Sequential(nn.Dense(2, 8, rng=1), nn.Tanh(), nn.Dense(8, 3, rng=2)))


@shows(SECTION, "Inside a fused operation", ".svg")
def expanded() -> Any:
    """`expand=` draws the steps inside a layer that is one operation: here the mean and the variance of `LayerNorm`."""
    layer = nn.LayerNorm(3)
    loss = tg.sum(layer(np.array([[1.0, 2.0, 6.0]])) ** 2)
    loss.backward()
    return tg.draw(loss, expand=True)


@shows(SECTION, "Repeated blocks", ".svg")
def residual() -> Any:
    """Twelve equal blocks are drawn once."""
    blocks = nn.Sequential(*(Block(16, rng) for rng in range(12)))
    model = nn.Sequential(nn.Dense(2, 16, rng=0), blocks, nn.Dense(16, 1, rng=1))
    samples = tg.tensor(np.ones((4, 2), np.float32), name="samples")
    return tg.draw(model(samples), values=False)


@shows(SECTION, "Ten thousand operations", ".svg")
def ten_thousand() -> Any:
    """Repeated operations are folded."""
    x, w = tg.tensor(0.5, requires_grad=True, name="x"), tg.tensor(0.9, requires_grad=True, name="w")
    value = x
    for _ in range(3333):
        value = tg.tanh(value * w + x)
    return tg.draw(value)


@shows(SECTION, "A walkthrough", ".html")
def walkthrough() -> Any:
    """The forward and the backward pass, step by step, with the mistakes that are easily made."""
    a = tg.tensor(2.0, requires_grad=True, name="a")
    b = tg.tensor(-3.0, requires_grad=True, name="b")
    c = a * b
    c.name = "c"
    loss = c * c + a * c
    loss.name = "L"
    return tg.walkthrough(loss)


@shows(SECTION, "A walkthrough of a network", ".html")
def walkthrough_network() -> Any:
    """Small arrays show their numbers, larger ones are shown as heatmaps, and modules can be collapsed."""
    return tg.walkthrough(small_loss())
