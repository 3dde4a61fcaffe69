"""Callback that stops training when a value no longer improves."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from nn._validation import whole_number
from nn.callbacks.callback import Callback
from nn.callbacks.monitor import Mode, Monitor


class EarlyStopping(Callback):
    """Stop training when a value has not improved for several epochs.

    A resumed training (`fit(..., resume=True)`) includes the previous epochs in the count.

    Args:
        monitor: the name of the value to monitor, as in `History`.
        patience: the number of consecutive epochs without improvement after which training stops, at least 1.
        min_delta: the value must improve by more than this to count as an improvement.
        restore_best: restore the parameters of the best epoch when training ends, including after Ctrl-C or an error.
            The optimizer's state remains that of the last epoch.
        mode: "min" if lower is better, "max" if higher is better; "auto" recognises names that end in "loss" or
            "accuracy".

    Attributes:
        best, best_epoch: the best value and its epoch, counted from 0; None before the first epoch.
        stopped_epoch: the epoch after which training was stopped; None if it was not stopped.

    Raises:
        TypeError: `patience` is not an integer.
        ValueError: `patience` is below 1, or `mode` or `min_delta` is invalid; in training, if the value is not
            measured.

    Warns:
        UserWarning: the best epoch precedes the resumption of training, so its parameters are not available.

    Prechelt, *Early Stopping - But When?*, 1998.

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 16, rng=0), nn.ReLU(), nn.Dense(16, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters(), 0.1), rng=0)
    >>> stopping = EarlyStopping("val_loss", patience=3)
    >>> history = model.fit(X[::2], y[::2], epochs=500, validation_data=(X[1::2], y[1::2]), callbacks=[stopping],
    ...                     verbose=0)
    >>> len(history.epochs) < 500 and min(history["val_loss"]) == stopping.best
    True
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,
        patience: int = 5,
        min_delta: float = 0.0,
        restore_best: bool = True,
        mode: Mode = "auto",
    ) -> None:
        self.patience = whole_number("EarlyStopping: patience", patience)
        self.restore_best = restore_best
        self.stopped_epoch: int | None = None
        self._monitor = Monitor("EarlyStopping", monitor, mode, min_delta)
        self._start = 0
        self._parameters: dict[str, Any] | None = None

    @property
    def best(self) -> float | None:
        """The best value so far; None before the first epoch."""
        return self._monitor.best

    @property
    def best_epoch(self) -> int | None:
        """The epoch of the best value, counted from 0."""
        return self._monitor.best_epoch

    def on_fit_begin(self, model: Any) -> None:
        """Reset, or continue from the epochs of the resumed training."""
        self._monitor.reset()
        self.stopped_epoch, self._parameters = None, None
        self._start = len(model.history.epochs)
        for epoch in range(self._start):
            self._monitor.is_best(epoch, {name: values[epoch] for name, values in model.history.items()})
        if self._start:
            self._stop_if_hopeless(self._start - 1)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Store the parameters if this epoch is the best, or stop if `patience` is exhausted."""
        if self._monitor.is_best(epoch, logs):
            if self.restore_best:
                self._parameters = self.model.network.state_dict()
        else:
            self._stop_if_hopeless(epoch)

    def on_fit_end(self) -> None:
        """Restore the best parameters."""
        if self._parameters is not None:
            self.model.network.load_state_dict(self._parameters)
            self._parameters = None
        elif self.restore_best and self.best_epoch is not None and self.best_epoch < self._start:
            warnings.warn(
                f"EarlyStopping: epoch {self.best_epoch + 1} was the best ({self._monitor.name} {self.best:g}), but "
                "training was resumed after it, so its parameters are not available. nn.ModelCheckpoint keeps "
                "those of the best epoch in a file.",
                stacklevel=2,
            )

    def _stop_if_hopeless(self, epoch: int) -> None:
        best = -1 if self.best_epoch is None else self.best_epoch
        if epoch - best >= self.patience:
            self.stopped_epoch = epoch
            self.model.stop_training = True
