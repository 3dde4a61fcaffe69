"""The training loop: epochs, steps, and callbacks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from nn.callbacks import Callback
from nn.data import Batches
from nn.data.batches import Batch
from nn.metrics import Metric
from nn.module import Module, in_mode, total_penalty
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

    `weighted_loss` is the model's loss including class weights, if there are any.
    """

    model: Trainee
    optimizer: Optimizer
    data: Batches
    validation: Batches | None
    epochs: int
    callbacks: Sequence[Callback]
    weighted_loss: LossFunction | None = None
    history: History = field(default_factory=History)

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

        penalized = _penalized(model.network)
        samples, data_loss, regularization_loss, learning_rate = 0, 0.0, 0.0, 0.0
        for step, batch in enumerate(self.data):
            logs, size = self._step(batch, penalized, epoch, step)
            samples += size
            data_loss += logs["data_loss"] * size
            regularization_loss += logs["regularization_loss"] * size
            learning_rate = logs["learning_rate"]
            progress.step()
            for callback in self.callbacks:
                callback.on_step_end(step, logs)
            if model.stop_training:
                break

        values = {
            "loss": (data_loss + regularization_loss) / samples,
            "data_loss": data_loss / samples,
            "regularization_loss": regularization_loss / samples,
            **{metric.name: metric.result() for metric in model.metrics},
            "learning_rate": learning_rate,
        }
        if self.validation is not None:
            found = evaluate(model.network, model.loss, model.metrics, self.validation)
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

    @interrupts.postponed
    def _step(
        self, batch: Batch, penalized: Sequence[Module], epoch: int, step: int
    ) -> tuple[dict[str, float], int]:  # fmt: skip
        """Process one batch: forward, backward, update. Return what was measured before the update, and the number of
        samples, or of steps that are not padding."""
        model, optimizer = self.model, self.optimizer
        X, y, *weights = batch
        optimizer.zero_grad()
        predictions, y, weights = without_padding(X, applied(model.network, X), y, weights)
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

        loss.backward()
        for callback in self.callbacks:
            callback.on_gradients(step)
        label = not_finite_gradient(optimizer.parameters)
        if label is not None:
            what = f"the gradient of {label} became NaN or infinite"
            raise FloatingPointError(self._diverged(what, logs, epoch, step))
        optimizer.step()
        return logs, rows_of(y)

    def _diverged(self, what: str, logs: dict[str, float], epoch: int, step: int) -> str:
        """Return the message about a step whose values are not finite."""
        return (
            f"fit: {what} in epoch {epoch + 1}/{self.epochs}, step {step + 1}/{len(self.data)} "
            f"(data loss {logs['data_loss']:g}, regularization loss {logs['regularization_loss']:g}). The parameters "
            f"are as before this step, and model.history has the epochs before. "
            f"{cause(self.data, logs['learning_rate'])}"
        )


@no_grad()
def _penalized(network: Module) -> list[Module]:
    """Return the modules that have penalties. Called once per epoch, as checking in every step takes 11 µs."""
    return [module for module in network.modules() if any(True for _ in module.penalties())]
