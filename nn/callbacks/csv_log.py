"""The epochs of a training as a table in a file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn._files import expanded
from nn.callbacks.callback import Callback


class CSVLog(Callback):
    """Writes a line per epoch into a file of comma-separated values, as soon as the epoch is done.

    The first line has the names: `epoch`, counted from 1, and those of `History`. A new training starts the file
    anew; one that is resumed (`fit(..., resume=True)`) writes the epochs that it goes on from first. Numbers are
    written so that `float` reads the very same ones.

    Args:
        path: the file. Its folder must be there.

    Raises, when training begins:
        OSError: the file cannot be written.

    >>> CSVLog("training.csv")
    CSVLog('training.csv')
    """

    def __init__(self, path: str | Path) -> None:
        self.path = expanded(path, "CSVLog")
        self._names: list[str] = []

    def on_fit_begin(self, model: Any) -> None:
        """Start the file, with the epochs that are there already."""
        self.path.write_text("", encoding="utf-8")
        self._names = []
        for epoch in model.history.epochs:
            self.on_epoch_end(epoch, {name: values[epoch] for name, values in model.history.items()})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Add the line."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if not self._names:
                self._names = list(logs)
                writer.writerow(["epoch", *self._names])
            writer.writerow([epoch + 1, *(float(logs[name]) for name in self._names)])

    def __repr__(self) -> str:
        return f"CSVLog({str(self.path)!r})"
