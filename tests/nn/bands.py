"""Where the book's training runs end, over many seeds: `python -m tests.nn.bands`, about ten minutes.

A single run says little: it is chaotic, and rounding alone moves its accuracy after 10,000 epochs by a fifth. Over ten
seeds least, median and greatest are stable enough to be compared with those of the book's code. The tests hold the
first hundred epochs to eight digits (`test_nnfs.py`); this script is for looking further.
"""

from __future__ import annotations

import argparse
import functools
import statistics
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np

import nn

EPOCHS = 10_001
OFF = 0.06
"""How far the median may be from the book's. Of ten seeds its own standard deviation is .01 to .03."""

Maker = Callable[..., nn.Optimizer]


def spiral(seed: int, optimizer: Maker, *, samples: int = 100, l2: float = 0.0, validation: bool = False) -> float:
    """Accuracy on the spiral of three arms (chapters 10 and 14): in training, or on data drawn after it."""
    rng = np.random.RandomState(seed)
    X, y = nn.datasets.spiral(samples, 3, rng=rng)
    network = dense([2, 64, 3], 0.01, l2, rng)
    model = nn.Model(
        network,
        loss=nn.SoftmaxCrossEntropy(),
        optimizer=optimizer(network.parameters()),
        metrics=[nn.CategoricalAccuracy()],
    )
    history = model.fit(X, y, epochs=EPOCHS, verbose=0)
    if not validation:
        return history["accuracy"][-1]
    return model.evaluate(*nn.datasets.spiral(100, 3, rng=rng))["accuracy"]


def binary(seed: int, optimizer: Maker) -> float:
    """Accuracy on new data of the spiral of two arms (chapter 16)."""
    rng = np.random.RandomState(seed)
    X, y = nn.datasets.spiral(100, 2, rng=rng)
    network = dense([2, 64, 1], 0.01, 5e-4, rng)
    model = nn.Model(
        network,
        loss=nn.SigmoidBinaryCrossEntropy(),
        optimizer=optimizer(network.parameters()),
        metrics=[nn.BinaryAccuracy(threshold=0)],
    )
    model.fit(X, y.reshape(-1, 1), epochs=EPOCHS, verbose=0)
    X, y = nn.datasets.spiral(100, 2, rng=rng)
    return model.evaluate(X, y.reshape(-1, 1))["accuracy"]


def sine(seed: int, optimizer: Maker, *, scale: float) -> float:
    """1 where the mean squared error falls below 1e-4 (chapter 17), else 0."""
    X, y = nn.datasets.sine(1000)
    network = dense([1, 64, 64, 1], scale, 0.0, np.random.RandomState(seed))
    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=optimizer(network.parameters()))
    return float(model.fit(X, y, epochs=EPOCHS, verbose=0)["loss"][-1] < 1e-4)


def dense(widths: list[int], scale: float, l2: float, rng: np.random.RandomState) -> nn.Sequential:
    """Dense layers with ReLU between them; L2 on the first, weights and biases."""

    def layers() -> Iterator[nn.Module]:
        for number, (inputs, neurons) in enumerate(pairwise(widths)):
            strength = 0.0 if number else l2
            if number:
                yield nn.ReLU()
            yield nn.Dense(
                inputs, neurons, weight_init=nn.init.normal(scale), weight_l2=strength, bias_l2=strength, rng=rng
            )

    return nn.Sequential(*layers())


def adam(learning_rate: float, decay: float) -> Maker:
    return functools.partial(nn.Adam, learning_rate=learning_rate, decay=decay)


rmsprop = functools.partial(nn.RMSprop, learning_rate=0.02, decay=1e-5, rho=0.999)
BOOK: dict[str, tuple[Callable[[int], float], tuple[float, float, float]]] = {
    "SGD, rate 1": (lambda seed: spiral(seed, nn.SGD), (0.50, 0.74, 0.83)),
    "SGD, momentum 0.9": (
        lambda seed: spiral(seed, functools.partial(nn.SGD, decay=1e-3, momentum=0.9)),
        (0.74, 0.92, 0.97),
    ),
    "Adagrad": (lambda seed: spiral(seed, functools.partial(nn.Adagrad, decay=1e-4)), (0.76, 0.86, 0.93)),
    "RMSprop": (lambda seed: spiral(seed, rmsprop), (0.80, 0.85, 0.95)),
    "Adam, rate 0.05": (lambda seed: spiral(seed, adam(0.05, 5e-7)), (0.81, 0.90, 0.97)),
    "chapter 14, validation": (
        lambda seed: spiral(seed, adam(0.02, 5e-7), samples=1000, l2=5e-4, validation=True),
        (0.81, 0.85, 0.88),
    ),
    "chapter 16, validation": (lambda seed: binary(seed, adam(0.001, 5e-7)), (0.71, 0.80, 0.96)),
    "chapter 17, start 0.1: solved": (lambda seed: sine(seed, adam(0.005, 1e-3), scale=0.1), (1, 1, 1)),
    "chapter 17, start 0.01: solved": (lambda seed: sine(seed, adam(0.005, 1e-3), scale=0.01), (0, 0, 1)),
}
"""What is run with a seed, and the least, median and greatest result that the book's code had over ten."""


def main() -> None:
    parser = argparse.ArgumentParser(description="Compare where training ends with the book, over many seeds.")
    parser.add_argument("--seeds", type=int, default=10, help="how many, from 0 (default: %(default)s)")
    parser.add_argument("--only", default="", help="those whose name has this in it")
    options = parser.parse_args()
    print(f"{'least median greatest':>55}        the book's")
    wrong = []
    for name, (run, expected) in BOOK.items():
        if options.only not in name:
            continue
        results = [run(seed) for seed in range(options.seeds)]
        got = (min(results), statistics.median(results), max(results))
        is_off = abs(got[1] - expected[1]) > OFF
        wrong += [name] * is_off
        print(
            f"{name:32}",
            *(f"{value:7.2f}" for value in got),
            "  |",
            *(f"{value:5.2f}" for value in expected),
            "  OFF" * is_off,
            flush=True,
        )
    raise SystemExit(f"The median is off: {', '.join(wrong)}." if wrong else 0)


if __name__ == "__main__":
    main()
