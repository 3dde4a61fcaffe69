"""Callback that logs the epochs to a CSV file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn._files import expanded
from nn._processes import is_writer
from nn.callbacks.callback import Callback


class CSVLog(Callback):
    """Callback that appends a line to a CSV file after each epoch.

    The first line contains the names: `epoch`, counted from 1, and those of `History`. A new training overwrites the
    file; a resumed one (`fit(..., resume=True)`) writes the previous epochs first. Numbers are written such that
    `float` reads back exactly the same values.

    Args:
        path: the file. Its folder must exist.

    Raises, when training begins:
        OSError: the file cannot be written.

    >>> CSVLog("training.csv")
    CSVLog('training.csv')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = expanded(path, "CSVLog")
        self._names: list[str] = []

    def on_fit_begin(self, model: Any) -> None:
        """Create the file, with the epochs that have already been trained."""
        self._names = []
        if not is_writer():
            return
        self.path.write_text("", encoding="utf-8")
        for epoch in model.history.epochs:
            self.on_epoch_end(epoch, {name: values[epoch] for name, values in model.history.items()})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Append the line of an epoch."""
        if not is_writer():
            return
        import csv

        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not self._names:
                self._names = list(logs)
                writer.writerow(["epoch", *self._names])
            writer.writerow([epoch + 1, *(float(logs[name]) for name in self._names)])

    def __repr__(self) -> str:
        return f"CSVLog({str(self.path)!r})"
