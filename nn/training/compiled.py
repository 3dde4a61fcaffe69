"""The training loop of a compiled model: calls of a program that makes one or more steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nn.callbacks import Callback, ClipGradients
from nn.optimizers import label
from nn.optimizers.optimizer import Optimizer
from nn.training.loop import Losses, Training
from nn.training.programs import Programs, add_measured, fetched
from nn.training.progress import Progress
from tensorgrad import interrupts

MOST_CALLS = 200
"""Maximum number of calls of the program before their results are read."""


@dataclass
class CompiledTraining(Training):
    """One run of `fit` of a compiled model.

    The host prepares the next batches while a program runs. It waits for the results only where something needs them:
    a callback with `on_step_end`, a metric that cannot be traced, or the end of the epoch.
    """

    programs: Programs = field(kw_only=True)
    steps_per_call: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        kind = type(self.optimizer)
        if kind.step is not Optimizer.step:
            raise TypeError(
                f"fit: compile=True uses the optimizer's update, but {kind.__name__} overrides step. Use compile=False."
            )
        clips = []
        for callback in self.callbacks:
            if isinstance(callback, ClipGradients) and type(callback).on_gradients is ClipGradients.on_gradients:
                clips.append(callback)
            elif type(callback).on_gradients is not Callback.on_gradients:
                raise TypeError(
                    f"fit: {type(callback).__name__} has on_gradients, but with compile=True gradients exist only in "
                    "the compiled program. Use nn.ClipGradients, which is compiled, or compile=False."
                )
        self.programs.clips = tuple(clips)
        self._needs_logs = any(type(each).on_step_end is not Callback.on_step_end for each in self.callbacks)

    @interrupts.uninterrupted
    def _epochs(self, begun: list[Callback], progress: Progress) -> None:
        self.programs.placement.agree(self.model, self.optimizer, self.data)
        with self.programs.arrays_on_devices(training=True):
            interrupts.interruptible(super()._epochs, begun, progress)

    def _evaluated(self, data: Any) -> dict[str, float]:
        return self.programs.evaluate(data)

    def _steps(self, epoch: int, progress: Progress) -> tuple[dict[str, float], float]:
        model, of_epoch = self.model, Losses()
        self.programs.training.read_generators()
        first, pending = 0, _Pending(self, epoch)
        for batches, steps in self._calls():
            call = _Call(first, batches, self.programs.train(steps))
            first += len(steps)
            logs: list[dict[str, float]] = []
            if pending.add(call) or self._needs_logs:
                logs = pending.read(of_epoch)[-len(steps) :]
            for place, number in enumerate(range(call.first, first)):
                progress.step()
                for callback in self.callbacks if self._needs_logs else ():
                    callback.on_step_end(number, logs[place])
            if model.stop_training:
                break
        pending.read(of_epoch)
        return of_epoch.means(), call.result["learning_rates"][-1]

    def _calls(self) -> Iterator[tuple[list[Any], list[list[Any]]]]:
        """Yield for each call of the program the batches of this process, and the steps as inputs of the program."""
        portions = self.data.portions(self.programs.placement.part)
        originals: list[Any] = []
        steps: list[list[Any]] = []
        for number, (batch, _, divided) in enumerate(portions, start=1):
            if not steps or len(steps[-1]) == self.accumulate:
                steps.append([])
            originals.append((batch, divided))
            steps[-1].append(self._inputs(batch, divided))
            is_step = len(steps[-1]) == self.accumulate
            if number == len(self.data) or (is_step and len(steps) == self.steps_per_call):
                yield originals, steps
                originals, steps = [], []

    def _inputs(self, batch: Any, divided: bool) -> tuple[Any, ...]:
        """Return samples, targets, the weights in the loss and the weights in the metrics."""
        X, y, *weights = batch
        in_loss = weights
        if self.weighted_loss is not None:
            in_loss = [self.weighted_loss.weights_of(y, *weights)]  # type: ignore[attr-defined]
        inputs = self.programs.inputs
        return (*inputs((X, y), divided), inputs(in_loss, divided), inputs(weights, divided))


class _Call:
    """One call of the program: the number of its first step in the epoch, its batches, and its results."""

    def __init__(self, first: int, batches: list[Any], result: dict[str, Any]) -> None:
        self.first, self.result = first, result
        self.batches = batches if result["predictions"] is not None else []


class _Pending:
    """Calls whose results have not been read yet."""

    def __init__(self, training: CompiledTraining, epoch: int) -> None:
        self.training, self.epoch = training, epoch
        self.calls: list[_Call] = []

    def add(self, call: _Call) -> bool:
        """Add a call. Return whether the results should be read now."""
        self.calls.append(call)
        return bool(call.batches) or len(self.calls) >= MOST_CALLS

    def read(self, of_epoch: Losses) -> list[dict[str, float]]:
        """Wait for the results, and add them to the means and the metrics. Return the values of each step.

        Raises:
            FloatingPointError: a value was not finite.
        """
        if not self.calls:
            return []
        programs = self.training.programs
        before, (programs.completed, failed) = programs.completed, fetched(self.calls[-1].result["counts"]).tolist()
        results = [fetched(call.result) for call in self.calls]
        steps = [step for result in results for step in self._steps(result)]
        if failed:
            self._raise(failed, programs.completed - before, [self._logs(step) for step in steps])
        for of_step in steps:
            for logs, size in of_step:
                of_epoch.add(logs, size)
        for call, result in zip(self.calls, results):
            whole = [programs.whole_batch(*each) for each in call.batches]
            add_measured("fit", self.training.model.metrics, result["sums"], result["predictions"], whole)
        self.calls.clear()
        return [self._logs(step) for step in steps]

    def _steps(self, result: dict[str, Any]) -> Iterator[list[tuple[dict[str, float], int]]]:
        """Yield for each step of a call what was measured for its batches, and their sizes."""
        batches = list(zip(result["losses"].tolist(), result["sizes"]))
        size = self.training.accumulate
        for number, rate in enumerate(result["learning_rates"]):
            yield [
                ({"loss": loss, "data_loss": data, "regularization_loss": penalty, "learning_rate": rate}, int(samples))
                for (loss, data, penalty), samples in batches[number * size : (number + 1) * size]
            ]

    def _logs(self, of_step: list[tuple[dict[str, float], int]]) -> dict[str, float]:
        """Return the values of a step: of its batch, or the means over its batches."""
        if self.training.accumulate == 1:
            return of_step[-1][0]
        means = Losses()
        for logs, size in of_step:
            means.add(logs, size)
        return of_step[-1][0] | means.means()

    def _raise(self, failed: int, completed: int, of_steps: list[dict[str, float]]) -> None:
        """Raise the error about the first step with a value that is not finite.

        Args:
            failed: 1 for a loss, 2 for the gradient of the first parameter, and so on.
            completed: the number of the steps that were completed before it.
            of_steps: what was measured in the steps.
        """
        optimizer, logs = self.training.optimizer, of_steps[completed]
        optimizer.iterations -= len(of_steps) - completed
        if failed == 1:
            what = f"the loss became {logs['loss']}"
        else:
            number = failed - 2
            what = f"the gradient of {label(number, optimizer.parameters[number])} became NaN or infinite"
        step = self.calls[0].first + completed
        raise FloatingPointError(self.training._diverged(what, logs, self.epoch, step))  # noqa: SLF001
