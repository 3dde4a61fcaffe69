"""Output of `Model.fit` while it runs."""

from __future__ import annotations

import builtins
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from nn._processes import is_writer
from nn.training.history import NOT_METRICS

BAR = "{desc} |{bar}| {elapsed}<{remaining}{postfix}"
"""Format of the bar; with one metric and validation it fits into 80 columns."""


class Progress(Protocol):
    """Receiver of training progress."""

    def step(self) -> None:
        """Record a completed step."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Record that epoch `number`, counted from 0, is complete."""

    def close(self) -> None:
        """Close the display at the end of training, including after errors."""


def progress(verbose: int | None, epochs: int, steps: int, first: int = 0) -> Progress:
    """Return the display for `verbose`.

    Args:
        verbose: 0 for no output, 1 for a bar, 2 for a line per epoch; None for a bar if the session is interactive,
            otherwise lines.
        epochs: the total number of epochs.
        steps: the number of steps per epoch.
        first: the number of epochs already completed.

    Raises:
        ValueError: `verbose` is not one of these.
    """
    if verbose is None:
        verbose = 1 if _is_watched() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"fit: verbose must be None (choose), 0 (silent), 1 (bar) or 2 (lines), got {verbose!r}.")
    return (Silence, Bar, Lines)[verbose if is_writer() else 0](epochs, steps, first)


class Silence:
    """Display without output."""

    def __init__(self, epochs: int, steps: int, first: int) -> None: ...

    def step(self) -> None:
        """Do nothing."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


class Lines(Silence):
    """Display with one plain line per epoch, for log files."""

    def __init__(self, epochs: int, steps: int, first: int) -> None:
        self.epochs = epochs

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Print the line."""
        shown = dict(values)
        del shown["data_loss"], shown["learning_rate"]
        if not shown["regularization_loss"]:
            del shown["regularization_loss"]
        print(f"epoch {number + 1}/{self.epochs}  {formatted(shown, digits=4)}", flush=True)


class Bar(Silence):
    """Progress bar over all steps of all epochs, on stderr or in the notebook."""

    def __init__(self, epochs: int, steps: int, first: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the plain bar is sufficient in a notebook without ipywidgets
            from tqdm.auto import tqdm

        self.epochs, self.done = epochs, first
        self.bar: Any = tqdm(
            file=_stream(tqdm),
            total=epochs * steps,
            initial=first * steps,
            desc=f"epoch {min(first + 1, epochs)}/{epochs}",
            bar_format=BAR,
            dynamic_ncols=True,
        )

    def step(self) -> None:
        """Advance the bar."""
        self.bar.update()

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Display the epoch's values."""
        self.done = number + 1
        self.bar.set_description_str(f"epoch {min(number + 2, self.epochs)}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(formatted(headline(values), digits=3), refresh=False)

    def close(self) -> None:
        """Leave the bar on screen, at the number of completed epochs."""
        self.bar.set_description_str(f"epoch {self.done}/{self.epochs}", refresh=False)
        self.bar.close()


def _stream(bar: Any) -> Any:
    """Return the stream of the bar: stderr, but stdout in a notebook, which shows stderr on red.

    With ipywidgets, tqdm creates a widget in a notebook, which uses neither stream.
    """
    if not _is_notebook() or bar.__mro__[1].__module__ == "tqdm.notebook":
        return None
    return sys.stdout


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def headline(values: Mapping[str, float]) -> dict[str, float]:
    """Return the values to display, most important first: each metric (of validation if available), then the losses."""
    metrics = [n for n in values if n not in NOT_METRICS and not n.startswith("val_")]
    names = [f"val_{name}" if f"val_{name}" in values else name for name in metrics]
    return {name: values[name] for name in (*names, "loss", "val_loss") if name in values}


def formatted(values: Mapping[str, float], digits: int) -> str:
    """`accuracy 0.987  loss 0.1234`: one line."""
    return "  ".join(f"{name} {value:.{digits}g}" for name, value in values.items())


def _is_watched() -> bool:
    """Return whether stderr is a terminal with a size, or the session runs in IPython or a notebook."""
    if hasattr(builtins, "__IPYTHON__"):
        return True
    if sys.stderr is None or not sys.stderr.isatty():  # None if Python runs without a console
        return False
    try:
        return all(os.get_terminal_size(sys.stderr.fileno()))  # CI systems report a terminal of 0 columns and lines
    except OSError:
        return True
