"""The moments of `Model.fit` at which your own code can run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Callback:
    """Base class: does nothing at any moment. Override those you need.

    The moments of one `fit`, in order:

        on_fit_begin(model)
            on_epoch_begin(epoch)
                on_gradients(step)           the gradients are there, the update comes next: clip or look at them
                on_step_end(step, logs)      the parameters have been updated
            on_epoch_end(epoch, logs)        validation is done too
        on_fit_end()                         also when training ends early, by an error or by Ctrl-C

    Epochs and the steps of an epoch count from 0. `logs` has the names of `History`: of the step just made, or of the
    whole epoch. Set `self.model.stop_training = True` to stop after the running step; the epoch is then closed
    with the steps made so far.

    Several callbacks are called in the order of the list. Put `EarlyStopping` last, so that the others see the end of
    training before it brings the best parameters back. If training fails, the callbacks that have begun have their end,
    each of them, also if that of another fails.

    Attributes:
        model: the `Model` that is being trained, from before `on_fit_begin` on.

    >>> class StopWhenGood(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["loss"] < 0.01:
    ...             self.model.stop_training = True
    """

    model: Any = None

    def on_fit_begin(self, model: Any) -> None:
        """Before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Before the first step of an epoch."""

    def on_gradients(self, step: int) -> None:
        """Between the backward pass and the update."""

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        """After an update."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """After the last step of an epoch and its validation."""

    def on_fit_end(self) -> None:
        """After the last epoch."""
