"""Callback that saves the model after every epoch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn._files import expanded
from nn._processes import is_writer
from nn._validation import whole_number
from nn.callbacks.callback import Callback
from nn.callbacks.monitor import Mode, Monitor


class ModelCheckpoint(Callback):
    """Save the whole model after every epoch: the last, and optionally the best and the most recent epochs.

    With the path `run/digits.safetensors`, the following files are written, each atomically (see `Model.save`):

        run/digits.safetensors          the last epoch
        run/digits.best.safetensors     the best epoch by `monitor`
        run/digits.0012.safetensors     the twelfth epoch, if it is one of the last `keep`

    An interrupted run resumes from the last epoch, bit for bit (except for the best weights of EarlyStopping):

        path = Path("run/digits.safetensors")
        model = nn.Model.load(path) if path.exists() else make_model()
        model.fit(X, y, epochs=100, resume=True, callbacks=[nn.ModelCheckpoint(path)])

    Args:
        path: the file of the last epoch. Its folder is created.
        monitor: the value that determines the best epoch, such as "val_loss". Default: the best epoch is not saved.
        keep: the number of most recent epochs that are kept in separate files; older files are removed. 0 for none.
        mode: "min" if lower is better, "max" if higher is better; "auto" recognises names that end in "loss" or
            "accuracy".

    Attributes:
        path, best_path: the files of the last and the best epoch.

    Raises:
        TypeError: `keep` is not an integer.
        ValueError: `keep` is negative or `mode` is invalid; in training, if the monitored value is not measured.
        SaveError, OSError: when training begins, if the model cannot be described or the file cannot be written.
    """

    def __init__(self, path: str | Path, *, monitor: str | None = None, keep: int = 0, mode: Mode = "auto") -> None:
        self.path = expanded(path, "ModelCheckpoint")
        self.best_path = self.path.with_suffix(f".best{self.path.suffix}")
        self.keep = whole_number("ModelCheckpoint: keep", keep, lowest=0)
        self._monitor = None if monitor is None else Monitor("ModelCheckpoint", monitor, mode)

    def on_fit_begin(self, model: Any) -> None:
        """Check that the model can be saved, so that errors are found before training rather than after hours of it.

        This is a dry run: the file of an earlier run is kept until the first epoch is complete.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        model.save(self.path, dry_run=True)
        if self._monitor is not None:
            self._monitor.reset()
            for epoch in model.history.epochs:
                self._monitor.is_best(epoch, {name: values[epoch] for name, values in model.history.items()})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Save the model, and remove the files that are no longer kept."""
        if self._monitor is not None and self._monitor.is_best(epoch, logs):
            self.model.save(self.best_path)
        if self.keep:
            self.model.save(self._numbered(epoch))
            if is_writer():
                self._numbered(epoch - self.keep).unlink(missing_ok=True)
        self.model.save(self.path)

    def _numbered(self, epoch: int) -> Path:
        return self.path.with_suffix(f".{epoch + 1:04d}{self.path.suffix}")
