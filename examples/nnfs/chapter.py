"""Functions that all chapters use: command line, comparison of results, and pictures."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import by_hand
import numpy as np
from matplotlib import style

import nn


def options(title: str) -> argparse.Namespace:
    """Parse the command line of a chapter and print its title.

    Unknown arguments, such as those with which Jupyter starts a kernel, are ignored. A notebook sets the environment
    variable `TENSORGRAD_FAST` to "1" instead of using `--fast`.

    Returns:
        fast: whether to run a short version; out: the folder for pictures, which is created.
    """
    parser = argparse.ArgumentParser(description=title, allow_abbrev=False)  # VS Code starts kernels with --f=…
    parser.add_argument("--fast", action="store_true", help="a shorter run of under 5 seconds")
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder for the picture (default: out)")
    given, _ = parser.parse_known_args()
    given.fast = given.fast or os.environ.get("TENSORGRAD_FAST") == "1"
    given.out.mkdir(parents=True, exist_ok=True)
    style.use("default")  # the colours of the pictures are chosen for a white background
    print(title)
    return given


def same(what: str, by_hand: Any, on_the_engine: Any, *, tolerance: float = 1e-6) -> None:
    """Assert that two results are equal up to rounding, and print that they are.

    Args:
        what: a description of what is compared.
        by_hand: numbers from NumPy.
        on_the_engine: numbers or a tensor from tensorgrad.
        tolerance: the maximum difference, relative to the largest number by hand.
    """
    expected, got = np.asarray(by_hand), np.asarray(getattr(on_the_engine, "data", on_the_engine))
    assert expected.shape == got.shape, f"{what}: {expected.shape} by hand, {got.shape} on the engine"
    apart = float(np.max(np.abs(expected - got), initial=0.0))
    allowed = tolerance * float(np.max(np.abs(expected), initial=0.0))
    assert apart <= allowed, f"{what}: by hand and on the engine differ by {apart:.2g}"
    print(f"  equal: {what}")


def save(figure: Any, path: Path) -> None:
    """Save a Matplotlib figure or a drawing, and print its path."""
    figure.savefig(path, dpi=150) if hasattr(figure, "savefig") else figure.save(path)
    print(f"  picture: {path}")
    if "ipykernel" in sys.modules:
        show = importlib.import_module("IPython.display")
        show.display(show.Image(filename=str(path), width=760) if path.suffix == ".png" else figure)


def by_hand_copy(network: nn.Sequential, loss: Any) -> by_hand.Network:
    """Return a copy of the network made of the classes of `by_hand`; `loss` is one of them, too."""
    layers: list[Any] = []
    for layer in network:
        if isinstance(layer, nn.Dense):
            assert (layer.weight_l1, layer.weight_l2) == (layer.bias_l1, layer.bias_l2), (
                "by_hand.Dense has one l1 and one l2"
            )
            layers.append(by_hand.Dense(layer.weight.data, layer.bias.data, l1=layer.weight_l1, l2=layer.weight_l2))
        elif isinstance(layer, nn.ReLU):
            layers.append(by_hand.ReLU())
        else:
            assert isinstance(layer, (nn.Softmax, nn.Sigmoid)), "by_hand has no other layers; these are in its losses"
    return by_hand.Network(layers, loss)


def same_training(
    what: str,
    network: nn.Sequential,
    loss: nn.Loss,
    optimizer: nn.Optimizer,
    loss_by_hand: Any,
    optimizer_by_hand: by_hand.Optimizer,
    X: Any,
    y: Any,
    *,
    epochs: int = 100,
) -> None:
    """Train a float64 network by hand and on the engine with full batches. Assert that all losses are equal."""
    hand = by_hand_copy(network, loss_by_hand)
    for epoch in range(epochs):
        hand.forward(X)
        expected = hand.loss.loss(y) + hand.penalty()
        hand.backward(y)
        optimizer_by_hand.step(hand)

        optimizer.zero_grad()
        total = loss(network(X), y) + network.regularization_loss()
        total.backward()
        optimizer.step()
        assert abs(total.item() - expected) <= 1e-8 * abs(expected), f"{what}: epoch {epoch}: {expected} by hand"
    print(f"  equal: {what}, the losses of {epochs} epochs (the last is {expected:.7f})")
