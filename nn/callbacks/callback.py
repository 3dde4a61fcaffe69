"""Base class of callbacks, which run user code at fixed points of `Model.fit`."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from nn._hints import CALLBACK, CALLBACK_SETTINGS
from tensorgrad.arguments import with_hints


class Callback:
    """Base class of callbacks. All methods do nothing by default; override those you need.

    The methods are called in this order during `fit`:

        on_fit_begin(model)
            on_epoch_begin(epoch)
                on_gradients(step)           gradients are computed, the update is next: clip or inspect them
                on_step_end(step, logs)      the parameters have been updated
            on_validation_begin()            if there are validation data
            on_validation_end()              also if validation fails
            on_epoch_end(epoch, logs)        after validation
        on_fit_end()                         also if training ends early, by an error or Ctrl-C

    Epochs and the steps of an epoch are counted from 0. `logs` has the names of `History`, with the values of the last
    step or of the whole epoch. Set `self.model.stop_training = True` to stop after the current step; the epoch then
    ends with the steps completed so far.

    Several callbacks are called in the order of the list. Put `EarlyStopping` last, so that the others see the final
    parameters before it restores the best ones. If training fails, `on_fit_end` of every callback that has started is
    called, even if that of another callback fails.

    Attributes:
        model: the `Model` being trained; set before `on_fit_begin`.

    Warns:
        UserWarning: a subclass defines a method of Keras's or Lightning's callbacks that has another name here.

    >>> class StopWhenGood(Callback):
    ...     def on_epoch_end(self, epoch, logs):
    ...         if logs["loss"] < 0.01:
    ...             self.model.stop_training = True
    """

    model: Any = None

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for name in CALLBACK.keys() & vars(cls).keys():
            warnings.warn(f"{cls.__name__}.{name} is never called. Use {CALLBACK[name]}.", stacklevel=2)
        if "__init__" in vars(cls):
            cls.__init__ = with_hints(CALLBACK_SETTINGS)(vars(cls)["__init__"])  # type: ignore[method-assign]

    def on_fit_begin(self, model: Any) -> None:
        """Called before the first epoch."""

    def on_epoch_begin(self, epoch: int) -> None:
        """Called before the first step of an epoch."""

    def on_gradients(self, step: int) -> None:
        """Called between the backward pass and the update."""

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        """Called after an update."""

    def on_validation_begin(self) -> None:
        """Called before the validation of an epoch."""

    def on_validation_end(self) -> None:
        """Called after the validation of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float]) -> None:
        """Called after the last step of an epoch and its validation."""

    def on_fit_end(self) -> None:
        """Called after the last epoch."""
