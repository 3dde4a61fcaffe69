"""The model on disk after every epoch: nothing is lost when training breaks off."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nn._files import expanded
from nn._validation import whole_number
from nn.callbacks.callback import Callback
from nn.callbacks.monitor import Mode, Monitor


class ModelCheckpoint(Callback):
    """Saves the whole model after every epoch: the last one, and if asked the best one and the last few.

    With the path `run/digits.safetensors` these files are written, each in one piece or not at all (see `Model.save`):

        run/digits.safetensors          the last epoch
        run/digits.best.safetensors     the best epoch by `monitor`
        run/digits.0012.safetensors     the twelfth epoch, if it is one of the last `keep`

    Training that was broken off goes on from the last one, and ends as if nothing had happened, to the last bit
    (except EarlyStopping's best weights):

        path = Path("run/digits.safetensors")
        model = nn.Model.load(path) if path.exists() else make_model()
        model.fit(X, y, epochs=100, resume=True, callbacks=[nn.ModelCheckpoint(path)])

    Args:
        path: the file of the last epoch. Its folder is made.
        monitor: which value says what is best, such as "val_loss". Default: the best epoch is not kept.
        keep: how many of the last epochs have a file of their own; older ones are removed. 0 for none.
        mode: "min" if less is better, "max" if more is; "auto" knows names that end in "loss" and "accuracy".

    Attributes:
        path, best_path: where the last and the best are.

    Raises:
        TypeError: `keep` is no whole number.
        ValueError: a negative `keep`, or a bad `mode`; in training, if the monitored value is not measured.
        SaveError, OSError: when training begins, if the model cannot be described or the file not be written.
    """

    def __init__(self, path: str | Path, *, monitor: str | None = None, keep: int = 0, mode: Mode = "auto") -> None:
        self.path = expanded(path, "ModelCheckpoint")
        self.best_path = self.path.with_suffix(f".best{self.path.suffix}")
        self.keep = whole_number("ModelCheckpoint: keep", keep, lowest=0)
        self._monitor = None if monitor is None else Monitor("ModelCheckpoint", monitor, mode)

    def on_fit_begin(self, model: Any) -> None:
        """Save once, so that a model which cannot be saved is found before hours of training, not after.

        That is only tried: the model of an earlier run stays until there is an epoch to keep.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        model.save(self.path, dry_run=True)
        if self._monitor is not None:
            self._monitor.reset()
            for epoch in model.history.epochs:
                self._monitor.is_best(epoch, {name: values[epoch] for name, values in model.history.items()})

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Save what is due, and remove what is no longer kept."""
        if self._monitor is not None and self._monitor.is_best(epoch, logs):
            self.model.save(self.best_path)
        if self.keep:
            self.model.save(self._numbered(epoch))
            self._numbered(epoch - self.keep).unlink(missing_ok=True)
        self.model.save(self.path)

    def _numbered(self, epoch: int) -> Path:
        return self.path.with_suffix(f".{epoch + 1:04d}{self.path.suffix}")
