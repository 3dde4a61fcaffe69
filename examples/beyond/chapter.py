"""Shared parts of the chapters: command line, comparisons, checks of what the text claims, and pictures."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import style
from matplotlib.axes import Axes

BLUE, ORANGE, GREEN, RED, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#999999"


def options(title: str) -> argparse.Namespace:
    """Parse the command line of a chapter and print its title.

    Unknown arguments, such as those with which Jupyter starts a kernel, are ignored. A notebook sets the environment
    variable `TENSORGRAD_FAST` to "1" instead of using `--fast`.

    Returns:
        fast: whether to run a short version; out: the folder of the pictures, which is created; seed: the seed of all
        random numbers. `--data` sets the environment variable `TENSORGRAD_DATA`, where `nn.datasets` searches.
    """
    parser = argparse.ArgumentParser(description=title, allow_abbrev=False)  # VS Code starts kernels with --f=…
    parser.add_argument("--fast", action="store_true", help="a shorter run of a few seconds")
    parser.add_argument("--data", help="the folder with the data sets (default: $TENSORGRAD_DATA, then the cache)")
    parser.add_argument("--out", type=Path, default=Path("out"), help="the folder of the pictures (default: out)")
    parser.add_argument("--seed", type=int, default=0, help="the seed of all random numbers (default: 0)")
    arguments, _ = parser.parse_known_args()
    arguments.fast = arguments.fast or os.environ.get("TENSORGRAD_FAST") == "1"
    if arguments.data is not None:
        os.environ["TENSORGRAD_DATA"] = arguments.data
    arguments.out.mkdir(parents=True, exist_ok=True)
    style.use("default")  # the colours of the pictures are chosen for a white background
    print(title)
    return arguments


def same(what: str, by_hand: Any, on_the_engine: Any, *, tolerance: float = 1e-10) -> None:
    """Assert that two results are equal up to rounding, and print so.

    Args:
        what: a description of what is compared.
        by_hand: numbers from NumPy.
        on_the_engine: numbers or a tensor from tensorgrad.
        tolerance: the largest difference allowed, relative to the largest number by hand.
    """
    expected, got = np.asarray(by_hand), np.asarray(getattr(on_the_engine, "data", on_the_engine))
    assert expected.shape == got.shape, f"{what}: {expected.shape} by hand, {got.shape} on the engine"
    difference = float(np.max(np.abs(expected - got), initial=0.0))
    allowed = tolerance * float(np.max(np.abs(expected), initial=0.0))
    assert difference <= allowed, f"{what}: by hand and on the engine differ by {difference:.2g}"
    print(f"  equal: {what}")


def claim(what: str, holds: Any) -> None:
    """Assert a statement of the text, and print it."""
    assert holds, f"this run does not show what the text says: {what}"
    print(f"  true: {what}")


def plain(axes: Axes, title: str = "", x: str = "", y: str = "") -> None:
    """Set the title and the labels of a panel, and remove the frame's top and right."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set(xlabel=x, ylabel=y)
    axes.spines[["top", "right"]].set_visible(False)


def save(figure: Any, path: Path) -> None:
    """Save a Matplotlib figure or a drawing, print its path, and display it in a notebook."""
    figure.savefig(path, dpi=150, facecolor="white") if hasattr(figure, "savefig") else figure.save(path)
    print(f"  picture: {path}")
    if "ipykernel" in sys.modules:
        display = importlib.import_module("IPython.display")
        display.display(display.Image(filename=str(path), width=760) if path.suffix == ".png" else figure)
