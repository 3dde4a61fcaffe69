"""One picture of each kind: `python examples/gallery/gallery.py`, in some seconds, into the folder `gallery/`.

Graphs and walkthroughs come from `tensorgrad`, pictures of training from `nn.plots`. `index.html` shows them all.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from html import escape
from pathlib import Path

import numpy as np

import nn
import tensorgrad as tg


class Expression:
    """A neuron with one weight, and its squared error: small enough to compute by hand."""

    def __init__(self) -> None:
        self.x, self.y = tg.tensor(0.5, name="x"), tg.tensor(1.0, name="y")
        self.w = tg.tensor(-1.2, requires_grad=True, name="w")
        self.b = tg.tensor(0.3, requires_grad=True, name="b")
        self.loss = (tg.tanh(self.x * self.w + self.b) - self.y) ** 2
        self.loss.name = "loss"


class TwoPaths:
    """`a` and `c` are used more than once: their gradients are sums, and the order of the backward pass matters."""

    def __init__(self) -> None:
        self.a = tg.tensor(2.0, requires_grad=True, name="a")
        self.b = tg.tensor(-3.0, requires_grad=True, name="b")
        self.c = self.a * self.b
        self.c.name = "c"
        self.loss = self.c * self.c + self.a * self.c
        self.loss.name = "L"


class Classifier:
    """A network, and its loss on four samples."""

    def __init__(self) -> None:
        X, y = nn.datasets.spiral(100, 3, rng=0)
        self.samples = tg.tensor(X[::75], name="samples")
        self.network = nn.Sequential(nn.Dense(2, 8, rng=1), nn.Tanh(), nn.Dense(8, 3, rng=2))
        self.loss: tg.Tensor = nn.SoftmaxCrossEntropy()(self.network(self.samples), y[::75])
        self.loss.name = "loss"


class Block(nn.Module):
    """A residual block: what comes in is added to what the layers make of it."""

    def __init__(self, width: int, rng: int) -> None:
        self.inner = nn.Sequential(nn.Dense(width, width, rng=rng), nn.ReLU())

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """The sum."""
        return x + self.inner(x)


class Residual(nn.Module):
    """Twelve equal blocks between a first and a last layer."""

    def __init__(self) -> None:
        self.first = nn.Dense(2, 16, rng=0)
        self.blocks = nn.Sequential(*(Block(16, rng) for rng in range(12)))
        self.last = nn.Dense(16, 1, rng=1)

    def forward(self, x: tg.Tensor) -> tg.Tensor:
        """A number for each sample."""
        return self.last(self.blocks(self.first(x)))


def long_chain(x: tg.Tensor, w: tg.Tensor) -> tg.Tensor:
    """Three operations, 3,333 times."""
    value = x
    for _ in range(3333):
        value = tg.tanh(value * w + x)
    return value


def graphs(out: Path) -> dict[str, str]:
    """Pictures of graphs, by file name: what each shows."""
    expression, classifier, network = Expression(), Classifier(), Residual()
    expression.loss.backward(retain_graph=True)
    classifier.loss.backward(retain_graph=True)
    samples = tg.tensor(np.ones((4, 2), np.float32), name="samples")
    x, w = tg.tensor(0.5, requires_grad=True, name="x"), tg.tensor(0.9, requires_grad=True, name="w")

    tg.draw(expression.loss).save(out / "expression.svg")
    tg.draw(expression.loss, theme="dark", direction="TB").save(out / "expression_dark.svg")
    tg.draw(expression.loss, renderer="dot").save(out / "graphviz.svg")
    tg.draw(classifier.loss).save(out / "network.svg")
    tg.draw(classifier.loss, depth=1).save(out / "network_folded.svg")
    tg.draw(classifier.loss, style="compact", heatmaps=True).save(out / "network_compact.svg")
    tg.draw(classifier.network).save(out / "structure.svg")
    tg.draw(network(samples), values=False).save(out / "residual.svg")
    tg.draw(long_chain(x, w)).save(out / "ten_thousand.svg")
    return {
        "expression.svg": "a graph: operations, values, gradients, and an edge for every operand",
        "expression_dark.svg": "dark, from top to bottom",
        "graphviz.svg": 'the same by Graphviz, if it is installed: renderer="dot"',
        "network.svg": "modules have frames",
        "network_folded.svg": "modules folded: depth=1",
        "network_compact.svg": 'for slides: style="compact", and larger arrays as images: heatmaps=True',
        "structure.svg": "the structure of a network without data: tg.draw(network)",
        "residual.svg": "twelve equal blocks, drawn once",
        "ten_thousand.svg": "10,000 operations, folded by repetition",
    }


def walkthroughs(out: Path) -> dict[str, str]:
    """Pages to step through."""
    paths, classifier = TwoPaths(), Classifier()
    tg.walkthrough(paths.loss).save(out / "walkthrough.html")
    tg.walkthrough(classifier.loss).save(out / "walkthrough_network.html")
    return {
        "walkthrough.html": "a walkthrough: forwards, then backwards, one step at a time",
        "walkthrough_network.html": "a walkthrough of a network, with shapes, heatmaps and modules that fold",
    }


def neurons(out: Path) -> dict[str, str]:
    """Networks as neurons and weights."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    small = nn.Sequential(nn.Dense(2, 6, rng=1), nn.Tanh(), nn.Dense(6, 3, rng=2))
    images, labels, *_ = nn.datasets.digits(rng=0)
    large = nn.Sequential(nn.Dense(64, 128, rng=0), nn.ReLU(), nn.Dense(128, 10, rng=1))
    picture = nn.plots.network(small, X[60:], y[60:], loss=nn.SoftmaxCrossEntropy())
    picture.save(out / "neurons.svg")
    picture.save(out / "neurons.html")
    nn.plots.network(large, images, labels, loss=nn.SoftmaxCrossEntropy()).save(out / "neurons_large.svg")
    return {
        "neurons.svg": "a network as neurons and weights, with the values and gradients of one sample",
        "neurons.html": "the same, to step through: how each neuron is computed",
        "neurons_large.svg": "layers of 64 and 128 neurons, summarised",
    }


def classification(out: Path) -> dict[str, str]:
    """Pictures of the training of a classifier in the plane."""
    X, y = nn.datasets.spiral(100, 3, rng=0)
    validation = nn.datasets.spiral(50, 3, rng=1)
    he = nn.init.he()
    network = nn.Sequential(
        nn.Dense(2, 64, weight_init=he, rng=0),
        nn.ReLU(),
        nn.Dense(64, 64, weight_init=he, rng=1),
        nn.ReLU(),
        nn.Dense(64, 3, rng=2),
    )
    optimizer = nn.Adam(network.parameters(), learning_rate=0.01, decay=1e-3)
    model = nn.Model(
        network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()], rng=0
    )
    strip = nn.plots.BoundaryStrip(X, y, epochs=8)
    layers = nn.plots.LayerStatistics(X, y, every=5)
    history = model.fit(
        X, y, epochs=120, batch_size=64, validation_data=validation, callbacks=[strip, layers], verbose=0
    )
    history.plot(out / "history.png")
    strip.plot(out / "strip.png")
    nn.plots.decision_boundary(model, *validation, path=out / "boundary.png")
    nn.plots.layer_histograms(model, *validation, path=out / "histograms.png")
    layers.plot_layers(out / "layers.png")
    layers.plot_updates(out / "updates.png")
    layers.plot_health(out / "health.png")
    return {
        "history.png": "the history of a training",
        "strip.png": "the decision boundary over the training",
        "boundary.png": "the decision boundary at the end",
        "histograms.png": "what the layers give, and what gradients reach them",
        "layers.png": "the same over the training",
        "updates.png": "how large each step is beside the parameters; about 1e-3 is healthy",
        "health.png": "shares of dead and saturated units",
    }


def regression(out: Path) -> dict[str, str]:
    """The fit of a sine."""
    X, y = nn.datasets.sine(200)
    start = nn.init.normal(0.1)
    dense = [nn.Dense(a, b, weight_init=start, rng=a) for a, b in [(1, 64), (64, 64), (64, 1)]]
    network = nn.Sequential(dense[0], nn.ReLU(), dense[1], nn.ReLU(), dense[2])
    optimizer = nn.Adam(network.parameters(), learning_rate=0.005, decay=1e-3)
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer)
    model.fit(X, y, epochs=300, verbose=0)
    nn.plots.regression_fit(model, X, y, path=out / "regression.png")
    return {"regression.png": "a regression and what it misses"}


def confusion(out: Path) -> dict[str, str]:
    """What is taken for what."""
    X, y, X_test, y_test = nn.datasets.digits(rng=0)
    network = nn.Sequential(nn.Dense(64, 32, rng=0), nn.Tanh(), nn.Dense(32, 10, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.003)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, rng=0)
    model.fit(X, y, epochs=8, batch_size=64, verbose=0)
    nn.plots.confusion_matrix(y_test, model.predict(X_test), path=out / "confusion.png")
    return {"confusion.png": "which digits are taken for which"}


KINDS: tuple[Callable[[Path], dict[str, str]], ...] = (
    graphs,
    walkthroughs,
    neurons,
    classification,
    regression,
    confusion,
)


def main() -> None:
    """Make all pictures, and a page that shows them."""
    parser = argparse.ArgumentParser(description="One picture of each kind.")
    parser.add_argument("--out", type=Path, default=Path("gallery"), help="the folder for them (default: gallery)")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    made: dict[str, str] = {}
    for kind in KINDS:
        made |= kind(out)
        print(f"{kind.__name__}: {len(made)} files so far")
    (out / "index.html").write_text(index(made), encoding="utf-8")
    print(f"Open {out / 'index.html'}")


def index(made: dict[str, str]) -> str:
    """A page with every picture under its title; pages are linked."""
    shown = [
        f'<p><a href="{file}">{file}</a>: {escape(title)}</p>'
        if file.endswith(".html")
        else f'<figure><img src="{file}" alt="{escape(title)}"><figcaption>{escape(title)}</figcaption></figure>'
        for file, title in made.items()
    ]
    style = "body{font:16px sans-serif;max-width:1100px;margin:2em auto}img{max-width:100%}figure{margin:2em 0}"
    head = f'<meta charset="utf-8"><title>tensorgrad: gallery</title><style>{style}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>\n' + "\n".join(shown) + "\n</body></html>\n"


if __name__ == "__main__":
    main()
