"""What `Model.fit` shows while it runs."""

from __future__ import annotations

import builtins
import os
import sys
import warnings
from collections.abc import Mapping
from typing import Any, Protocol

from nn.training.history import NOT_METRICS

BAR = "{desc} |{bar}| {elapsed}<{remaining}{postfix}"
"""What the bar shows; with one metric and validation it fits into 80 columns."""


class Progress(Protocol):
    """Told how far training is."""

    def step(self) -> None:
        """One more step is done."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Epoch `number`, counted from 0, is done."""

    def close(self) -> None:
        """Training is over, in whatever way."""


def progress(verbose: int | None, epochs: int, steps: int, first: int = 0) -> Progress:
    """The display that was asked for.

    Args:
        verbose: 0 nothing, 1 a bar, 2 a line per epoch, None a bar if somebody is watching, else lines.
        epochs: how many there will be.
        steps: of each epoch.
        first: how many epochs are done already.

    Raises:
        ValueError: another `verbose`.
    """
    if verbose is None:
        verbose = 1 if _is_watched() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"fit: verbose must be None (choose), 0 (silent), 1 (bar) or 2 (lines), got {verbose!r}.")
    return (Silence, Bar, Lines)[verbose](epochs, steps, first)


class Silence:
    """Shows nothing."""

    def __init__(self, epochs: int, steps: int, first: int) -> None: ...

    def step(self) -> None:
        """Nothing."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(Silence):
    """One plain line per epoch, for log files."""

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
    """A progress bar over all steps of all epochs, on stderr or in the notebook."""

    def __init__(self, epochs: int, steps: int, first: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # in a notebook without ipywidgets the plain bar does as well
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
        """Move the bar."""
        self.bar.update()

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Show the epoch's values."""
        self.done = number + 1
        self.bar.set_description_str(f"epoch {min(number + 2, self.epochs)}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(formatted(headline(values), digits=3), refresh=False)

    def close(self) -> None:
        """Leave the bar, with the epochs that were finished."""
        self.bar.set_description_str(f"epoch {self.done}/{self.epochs}", refresh=False)
        self.bar.close()


def _stream(bar: Any) -> Any:
    """Where the bar is written to: stderr, but stdout in a notebook, which shows stderr on red.

    With ipywidgets, tqdm makes a widget there, which needs neither.
    """
    if not _is_notebook() or bar.__mro__[1].__module__ == "tqdm.notebook":
        return None
    return sys.stdout


def _is_notebook() -> bool:
    ipython = sys.modules.get("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def headline(values: Mapping[str, float]) -> dict[str, float]:
    """What people watch, first things first: each metric, of validation if there is one, then the losses."""
    metrics = [n for n in values if n not in NOT_METRICS and not n.startswith("val_")]
    names = [f"val_{name}" if f"val_{name}" in values else name for name in metrics]
    return {name: values[name] for name in (*names, "loss", "val_loss") if name in values}


def formatted(values: Mapping[str, float], digits: int) -> str:
    """`accuracy 0.987  loss 0.1234`: one line."""
    return "  ".join(f"{name} {value:.{digits}g}" for name, value in values.items())


def _is_watched() -> bool:
    """Whether a person is likely to look at stderr now: a terminal that has a size, or IPython and its notebooks."""
    if hasattr(builtins, "__IPYTHON__"):
        return True
    if sys.stderr is None or not sys.stderr.isatty():  # None where Python runs without a console
        return False
    try:
        return all(os.get_terminal_size(sys.stderr.fileno()))  # automatic builds pretend one of 0 columns and lines
    except OSError:
        return True
