"""The training loop: epochs, steps, and callbacks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from nn.callbacks import Callback
from nn.data import Batches
from nn.data.batches import Batch
from nn.metrics import Metric
from nn.module import Module, in_mode, total_penalty
from nn.optimizers.accumulation import GradientAccumulator
from nn.optimizers.optimizer import Optimizer
from nn.training.checks import LossFunction
from nn.training.evaluation import applied, evaluate, rows_of
from nn.training.history import History
from nn.training.nan_guard import cause, not_finite_gradient
from nn.training.padding import without_padding
from nn.training.progress import Progress
from tensorgrad import interrupts, no_grad


class Trainee(Protocol):
    """The part of `nn.Model` that the training loop uses."""

    network: Module
    loss: LossFunction
    metrics: tuple[Metric, ...]
    rng: np.random.Generator | np.random.RandomState
    history: History
    stop_training: bool


@dataclass
class Training:
    """One run of `fit` with validated arguments.

    `weighted_loss` is the model's loss including class weights, if there are any. `accumulate` is the number of batches
    in a step.
    """

    model: Trainee
    optimizer: Optimizer
    data: Batches
    validation: Batches | None
    epochs: int
    callbacks: Sequence[Callback]
    weighted_loss: LossFunction | None = None
    accumulate: int = 1
    history: History = field(default_factory=History)

    @property
    def steps(self) -> int:
        """The number of steps in an epoch."""
        return -(-len(self.data) // self.accumulate)

    @interrupts.uninterrupted
    def run(self, progress: Progress) -> None:
        """Run all epochs that are not yet in `history`."""
        model = self.model
        model.history = self.history
        model.stop_training = False
        targets: Any = self.data.y
        for metric in model.metrics:
            metric.prepare(targets)
        begun: list[Callback] = []
        with in_mode(model.network, training=True):
            try:
                interrupts.interruptible(self._epochs, begun, progress)
            finally:
                with ExitStack() as ends:  # `on_fit_end` of each is called, even if another one fails
                    for callback in reversed(begun):
                        ends.callback(interrupts.interruptible, callback.on_fit_end)
                    ends.callback(progress.close)

    def _epochs(self, begun: list[Callback], progress: Progress) -> None:
        model = self.model
        for callback in self.callbacks:
            callback.model = model
            callback.on_fit_begin(model)
            begun.append(callback)
        for epoch in range(len(self.history.epochs), self.epochs):
            if model.stop_training:
                break
            self._epoch(epoch, progress)

    def _epoch(self, epoch: int, progress: Progress) -> None:
        model = self.model
        for callback in self.callbacks:
            callback.on_epoch_begin(epoch)
        for metric in model.metrics:
            metric.reset()

        means, learning_rate = self._steps(epoch, progress)
        values = {
            **means,
            **{metric.name: metric.result() for metric in model.metrics},
            "learning_rate": learning_rate,
        }
        if self.validation is not None:
            found = self._validate(self.validation)
            if not math.isfinite(found["loss"]):
                raise FloatingPointError(
                    f"fit: val_loss became {found['loss']} after epoch {epoch + 1}/{self.epochs}; model.history has "
                    f"the epochs before. In validation_data: {cause(self.validation, learning_rate)}"
                )
            values |= {f"val_{name}": value for name, value in found.items()}
        model.history.record(values)
        progress.epoch(epoch, values)
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, values)

    def _steps(self, epoch: int, progress: Progress) -> tuple[dict[str, float], float]:
        """Make the steps of an epoch. Return the means of the losses, and the learning rate of the last step."""
        model = self.model
        penalized = _penalized(model.network)
        accumulator = GradientAccumulator(self.optimizer) if self.accumulate > 1 else None
        of_epoch, of_step, batches = Losses(), Losses(), len(self.data)
        for number, batch in enumerate(self.data, start=1):
            step = (number - 1) // self.accumulate
            is_last = number % self.accumulate == 0 or number == batches
            logs, size = self._step(batch, penalized, epoch, step, accumulator, is_last)
            of_epoch.add(logs, size)
            if accumulator is not None:
                of_step.add(logs, size)
                if not is_last:
                    continue
                logs = logs | of_step.means()
                of_step = Losses()
            progress.step()
            for callback in self.callbacks:
                callback.on_step_end(step, logs)
            if model.stop_training:
                break
        return of_epoch.means(), logs["learning_rate"]

    def _validate(self, data: Batches) -> dict[str, float]:
        """Return the loss and the metrics on the validation data."""
        with ExitStack() as ends:
            for callback in self.callbacks:
                callback.on_validation_begin()
                ends.callback(callback.on_validation_end)
            return self._evaluated(data)

    def _evaluated(self, data: Batches) -> dict[str, float]:
        return evaluate("fit: validation_data", self.model.network, self.model.loss, self.model.metrics, data)

    @interrupts.postponed
    def _step(
        self,
        batch: Batch,
        penalized: Sequence[Module],
        epoch: int,
        step: int,
        accumulator: GradientAccumulator | None,
        is_last: bool,
    ) -> tuple[dict[str, float], int]:
        """Process one batch: forward, backward, and update if it is the last of its step.

        Returns:
            What was measured before the update, and the number of samples, or of steps that are not
            padding.
        """
        model, optimizer = self.model, self.optimizer
        X, y, *weights = batch
        if accumulator is None or not accumulator.samples:
            optimizer.zero_grad()
        predictions, y, weights = without_padding("fit", X, applied(model.network, X), y, weights)
        data_loss = (self.weighted_loss or model.loss)(predictions, y, *weights)
        penalty = total_penalty(penalized)
        loss = data_loss if penalty is None else data_loss + penalty
        logs = {
            "loss": loss.item(),
            "data_loss": data_loss.item(),
            "regularization_loss": 0.0 if penalty is None else penalty.item(),
            "learning_rate": optimizer.current_learning_rate,
        }
        if not math.isfinite(logs["loss"]):
            raise FloatingPointError(self._diverged(f"the loss became {logs['loss']}", logs, epoch, step))
        for metric in model.metrics:
            metric.update(predictions, y, *weights)

        if accumulator is None:
            loss.backward()
        else:
            accumulator.backward(loss, rows_of(y))
            if not is_last:
                return logs, rows_of(y)
            accumulator.average()
        for callback in self.callbacks:
            callback.on_gradients(step)
        label = not_finite_gradient(optimizer.parameters)
        if label is not None:
            what = f"the gradient of {label} became NaN or infinite"
            raise FloatingPointError(self._diverged(what, logs, epoch, step))
        optimizer.step()
        return logs, rows_of(y)

    def _diverged(self, what: str, logs: Mapping[str, float], epoch: int, step: int) -> str:
        """Return the message about a step whose values are not finite."""
        return (
            f"fit: {what} in epoch {epoch + 1}/{self.epochs}, step {step + 1}/{self.steps} "
            f"(data loss {logs['data_loss']:g}, regularization loss {logs['regularization_loss']:g}). The parameters "
            f"are as before this step, and model.history has the epochs before. "
            f"{cause(self.data, logs['learning_rate'])}"
        )


class Losses:
    """Means of the losses over the samples of several batches."""

    def __init__(self) -> None:
        self.samples, self.data_loss, self.regularization_loss = 0, 0.0, 0.0

    def add(self, logs: Mapping[str, float], samples: int) -> None:
        """Add a batch."""
        self.samples += samples
        self.data_loss += logs["data_loss"] * samples
        self.regularization_loss += logs["regularization_loss"] * samples

    def means(self) -> dict[str, float]:
        """Return the means."""
        return {
            "loss": (self.data_loss + self.regularization_loss) / self.samples,
            "data_loss": self.data_loss / self.samples,
            "regularization_loss": self.regularization_loss / self.samples,
        }


@no_grad()
def _penalized(network: Module) -> list[Module]:
    """Return the modules that have penalties. Called once per epoch, as checking in every step takes 11 µs."""
    return [module for module in network.modules() if any(True for _ in module.penalties())]
