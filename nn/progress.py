"""What `Model.fit` shows while it runs."""

from __future__ import annotations

import builtins
import sys
from collections.abc import Mapping
from typing import Any, Protocol


class Progress(Protocol):
    """Told how far training is."""

    def step(self) -> None:
        """One more step is done."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Epoch `number`, counted from 0, is done."""

    def close(self) -> None:
        """Training is over, in whatever way."""


def progress(verbose: int | None, epochs: int, steps: int) -> Progress:
    """The display that was asked for.

    Args:
        verbose: 0 nothing, 1 a bar, 2 a line per epoch, None a bar if somebody is watching, else lines.
        epochs: how many there will be.
        steps: of each epoch.

    Raises:
        ValueError: another `verbose`.
    """
    if verbose is None:
        verbose = 1 if _is_watched() else 2
    if verbose not in (0, 1, 2):
        raise ValueError(f"fit: verbose must be None (choose), 0 (silent), 1 (bar) or 2 (lines), got {verbose!r}.")
    return (Silence, Bar, Lines)[verbose](epochs, steps)


class Silence:
    """Shows nothing."""

    def __init__(self, epochs: int, steps: int) -> None: ...

    def step(self) -> None:
        """Nothing."""

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class Lines(Silence):
    """One plain line per epoch, for log files."""

    def __init__(self, epochs: int, steps: int) -> None:
        self.epochs = epochs

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Print the line."""
        print(f"epoch {number + 1}/{self.epochs}  {formatted(values)}", flush=True)


class Bar(Silence):
    """A progress bar over all steps of all epochs, on stderr or in the notebook."""

    def __init__(self, epochs: int, steps: int) -> None:
        from tqdm.auto import tqdm

        self.epochs = epochs
        self.bar: Any = tqdm(total=epochs * steps, desc=f"epoch 1/{epochs}", unit="step")

    def step(self) -> None:
        """Move the bar."""
        self.bar.update()

    def epoch(self, number: int, values: Mapping[str, float]) -> None:
        """Show the epoch's values."""
        self.bar.set_description(f"epoch {min(number + 2, self.epochs)}/{self.epochs}", refresh=False)
        self.bar.set_postfix_str(formatted(values), refresh=False)

    def close(self) -> None:
        """Leave the bar as it is."""
        self.bar.close()


def formatted(values: Mapping[str, float]) -> str:
    """`loss 0.1234  accuracy 0.987`: what people watch, in one line."""
    shown = {n: v for n, v in values.items() if n != "data_loss" and not (n == "regularization_loss" and v == 0)}
    return "  ".join(f"{name} {value:.4g}" for name, value in shown.items())


def _is_watched() -> bool:
    """Whether a person is likely to look at stderr now: a terminal, or IPython and its notebooks."""
    in_terminal = sys.stderr is not None and sys.stderr.isatty()  # None where Python runs without a console
    return in_terminal or hasattr(builtins, "__IPYTHON__")
