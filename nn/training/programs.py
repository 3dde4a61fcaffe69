"""The compiled programs of a model: training steps, evaluation and prediction."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from nn._several import mapped
from nn.callbacks.clipping import ClipGradients
from nn.data import Batches
from nn.metrics import Metric
from nn.module import total_penalty
from nn.optimizers.optimizer import Optimizer
from nn.training.checks import check_prediction
from nn.training.evaluation import applied, in_evaluation
from nn.training.padding import padding_as_weights, without_padding
from nn.training.placement import Placement
from tensorgrad import Tensor, interrupts, randomness, xla

PLAIN = (bool, int, float, str, type(None))


class Program(xla.Compiled[..., Any]):
    """Compiled function whose random numbers are determined by the generators' states and the number of the step.

    The generators do not change. A model that is saved between epochs and resumed therefore draws the same numbers.
    """

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._by_generator: dict[int, tuple[Any, int]] = {}

    def read_generators(self) -> None:
        """Use the current states of the generators from now on."""
        self._by_generator.clear()

    def seed_of(self, generator: Any) -> int:
        """Return a seed that the generator's state determines."""
        if id(generator) not in self._by_generator:
            copied = copy.deepcopy(generator)
            draw = copied.integers if isinstance(copied, np.random.Generator) else copied.randint
            self._by_generator[id(generator)] = generator, int(draw(2**31 - 1))
        return self._by_generator[id(generator)][1]


class Programs:
    """Programs of a model, and the arrays on its devices.

    Args:
        model: the `nn.Model`.
        placement: its devices.

    Attributes:
        clips: the callbacks that clip gradients in the program.
        completed: the number of steps of the current `fit` that are known to be completed.
    """

    def __init__(self, model: Any, placement: Placement) -> None:
        self.model = model
        self.placement = placement
        self.clips: tuple[ClipGradients, ...] = ()
        self.training = Program(self._train)
        self.evaluation = Program(self._evaluate)
        self.prediction = Program(self._predict)
        self._state: list[list[Tensor]] = []
        self._counts = [Tensor(np.zeros(2, np.int32))]
        self._untraced: set[int] = set()
        self._is_single = self._is_training = False
        self.completed = 0

    def __searched__(self) -> list[Any]:
        """Return the tensors that programs change besides those of the network; see `tg.compile`."""
        return [self._state, self._counts]

    # -- arrays on the devices ----------------------------------------------------------------------------

    @contextmanager
    def arrays_on_devices(self, *, training: bool = False) -> Iterator[None]:
        """Return a context in which parameters, buffers and the optimizer's state are XLA arrays.

        Afterwards they are NumPy arrays, also after an error: copies of the results of training, or else the same
        arrays as before.
        """
        before = [(tensor, tensor.array) for _, tensor in self.model.network.named_state()]
        for _, array in before:
            if not isinstance(array, (np.ndarray, xla.Array)):
                raise TypeError(
                    f"Model: compile=True requires NumPy arrays, but a tensor of the network has the type "
                    f"{type(array).__name__}. Move the network with network.to(numpy), or use compile=False."
                )
        self._is_single = all(array.dtype != np.float64 for _, array in before)
        if self._is_training:  # validation, for which the arrays are on the devices already
            yield
            return
        try:
            self._is_training = training
            self._enter(before, training)
            yield
        finally:
            self._leave(before, training)
            self._is_training = False

    @interrupts.uninterrupted
    def _enter(self, before: list[tuple[Tensor, Any]], training: bool) -> None:
        for tensor, array in before:
            placed: Any = self.placement.kept(array)
            if training:
                tensor.rebind(placed, None)
            else:
                tensor.array = placed  # the node, and with it every recorded graph, stays as it is
        if training:
            self.completed = 0
            self._counts[0].rebind(self.placement.kept(np.zeros(2, np.int32)), None)
            self._follow_optimizer()

    @interrupts.uninterrupted
    def _leave(self, before: list[tuple[Tensor, Any]], training: bool) -> None:
        if not training:
            for tensor, array in before:
                tensor.array = array
            return
        for tensor in [tensor for tensor, _ in before] + [tensor for _, tensor in self.model.network.named_state()]:
            if isinstance(tensor.array, xla.Array):
                tensor.rebind(_numpy(tensor.array), None)
        for state in self.model.optimizer.states:
            for name, array in state.items():
                if isinstance(array, xla.Array):
                    state[name] = _numpy(array)
        self._state.clear()
        self._counts[0].rebind(np.zeros(2, np.int32), None)

    def _follow_optimizer(self) -> None:
        """Assign the optimizer's arrays, which may have been replaced since, to the tensors of the state."""
        optimizer = self.model.optimizer
        names = optimizer.state_names
        if [len(tensors) for tensors in self._state] != [len(names)] * len(optimizer.states):
            self._state[:] = [[Tensor(np.zeros(0)) for _ in names] for _ in optimizer.states]
        for tensors, state in zip(self._state, optimizer.states):
            for tensor, name in zip(tensors, names):
                array = state[name]
                if array is not tensor.array:
                    placed = array if isinstance(array, xla.Array) else self.placement.kept(array)
                    tensor.rebind(placed, None)
                    state[name] = placed

    # -- training -----------------------------------------------------------------------------------------

    @interrupts.uninterrupted
    def train(self, steps: list[list[Any]]) -> dict[str, Any]:
        """Make training steps, and return what they measured, without waiting for it.

        Args:
            steps: for each step its batches: samples, targets, the weights in the loss and the weights in the metrics.
        """
        optimizer: Optimizer = self.model.optimizer
        first, rates, numbers = optimizer.iterations, [], []
        try:
            for _ in steps:
                rates.append(optimizer.current_learning_rate)
                numbers.append([_numbers(group, optimizer) for group in optimizer.groups])
                optimizer.iterations += 1
        finally:
            optimizer.iterations = first
        self._follow_optimizer()
        self.training.iteration = first
        model = self.model
        result: dict[str, Any] = self.training(
            model.network,
            model.loss,
            steps,
            numbers,
            tuple(map(_description, (optimizer, *self.clips, *model.metrics))),
        )
        for tensors, state in zip(self._state, optimizer.states):
            state.update(zip(optimizer.state_names, [tensor.array for tensor in tensors]))
        optimizer.iterations = first + len(steps)
        return result | {"learning_rates": rates, "counts": self._counts[0].array}

    def _train(self, network: Any, loss: Any, steps: Any, numbers: Any, described: Any) -> dict[str, Any]:
        losses: list[Any] = []
        sizes: list[Any] = []
        sums: dict[int, tuple[Any, Any]] = {}
        outputs: list[Any] = []
        self._untraced.clear()
        for number, (batches, of_step) in enumerate(zip(steps, numbers)):
            if number:
                randomness.advance()
            before = [(tensor, tensor.array) for _, tensor in network.named_state()]
            self._differentiate(network, loss, batches, losses, sizes, sums, outputs)
            self._update(before, losses[-len(batches) :], of_step)
        whole = self.placement.whole
        missing = len(sums) < len(self.model.metrics)
        return {
            "losses": whole(np.stack(losses)),
            "sizes": sizes,
            "sums": {place: tuple(map(whole, pair)) for place, pair in sums.items()},
            "predictions": [mapped(whole, each) for each in outputs] if missing else None,
        }

    def _differentiate(
        self, network: Any, loss: Any, batches: Any, losses: list[Any], sizes: list[Any], sums: Any, outputs: Any
    ) -> None:
        """Compute the gradients of a step, averaged over its batches, and append what is measured."""
        optimizer = self.model.optimizer
        network.zero_grad()
        total: Any = 0
        for X, y, in_loss, in_metrics in batches:
            predictions = applied(network, X)
            targets, loss_weights, size = padding_as_weights("fit", X, predictions, y, in_loss)
            data_loss = loss(predictions, targets, *loss_weights)
            penalty = total_penalty(network.modules())
            value = data_loss if penalty is None else data_loss + penalty
            parts = [value.array, data_loss.array, np.zeros_like(value.array) if penalty is None else penalty.array]
            losses.append(np.stack([part.astype(value.dtype) for part in parts]))
            sizes.append(size)
            _, metric_weights, _ = padding_as_weights("fit", X, predictions, y, in_metrics, mean=False)
            self._measure(predictions, targets, metric_weights, sums)
            outputs.append(mapped(lambda each: each.array, predictions))
            count = size if isinstance(size, int) else size.astype(value.dtype)
            (value if len(batches) == 1 else value * count).backward()
            total = total + count
        if len(batches) > 1:
            for parameter in optimizer.parameters:
                if parameter.grad is not None:
                    parameter.grad = parameter.grad / total
        trained = [parameter for parameter in optimizer.parameters if parameter.grad is not None]
        for clip in self.clips:
            for parameter, gradient in zip(trained, clip.clipped([parameter.grad for parameter in trained])):
                parameter.grad = gradient

    def _measure(self, predictions: Any, targets: Any, weights: Any, sums: dict[int, tuple[Any, Any]]) -> None:
        """Add the sums of those metrics that can be traced."""
        arrays = mapped(lambda each: each.array, predictions)
        for place, metric in enumerate(self.model.metrics):
            if not metric.is_additive or place in self._untraced:
                continue
            try:
                total, count = metric.sums(arrays, targets, *weights)
            except Exception:  # `add_measured` runs the metric on NumPy arrays, which shows whether it is an error
                self._untraced.add(place)
                sums.pop(place, None)
                continue
            before = sums.get(place, (0, 0))
            sums[place] = before[0] + total, before[1] + count

    def _update(self, before: list[tuple[Tensor, Any]], losses: list[Any], numbers: list[dict[str, float]]) -> None:
        """Update parameters and state, unless a value was not finite in this step or in an earlier one."""
        optimizer = self.model.optimizer
        settings = [SimpleNamespace(**{**group.settings, **given}) for group, given in zip(optimizer.groups, numbers)]
        state = [dict(zip(optimizer.state_names, (tensor.array for tensor in tensors))) for tensors in self._state]
        finite = {1: np.all(np.isfinite(np.stack([each[0] for each in losses])))}
        for number, parameter in enumerate(optimizer.parameters, start=2):
            if parameter.grad is not None:
                # A sum takes half the time of a test of each element. The factor keeps it from overflowing.
                finite[number] = np.isfinite(np.sum(parameter.grad * 2.0**-30))
        counts = self._counts[0]
        done, failed = counts.array[0], counts.array[1]
        every = np.stack(list(finite.values()))
        first = np.min(np.where(every, max(finite), np.array(list(finite), np.int32)))
        here = np.where(np.all(every), 0, first).astype(np.int32)
        failed = np.where(failed == 0, here, failed)
        proceeds = failed == 0
        counts.data = np.stack([done + proceeds.astype(np.int32), failed])
        found = optimizer.updated(settings, state)
        changed = {id(optimizer.parameters[number]): values for number, values, _ in found}
        whole = self.placement.whole
        for tensor, old in before:
            new = changed.get(id(tensor), tensor.array)
            if new is not old:
                tensor.data = whole(np.where(proceeds, new.astype(tensor.dtype), old))
        for number, _, arrays in found:
            for tensor, name in zip(self._state[number], optimizer.state_names):
                tensor.data = whole(np.where(proceeds, arrays[name], state[number][name]))
        for tensor, _ in before:
            tensor.zero_grad()  # the gradients are not results of the program

    # -- evaluation and prediction ------------------------------------------------------------------------

    @property
    def _what(self) -> str:
        """The method or the data that error messages name."""
        return "fit: validation_data" if self._is_training else "evaluate"

    @interrupts.uninterrupted
    def evaluate(self, data: Batches) -> dict[str, float]:
        """Return the loss, without regularisation, and the metrics by name, in evaluation mode."""
        model = self.model
        metrics: Sequence[Metric] = copy.deepcopy(model.metrics)  # the originals may be accumulating an epoch
        for metric in metrics:
            metric.reset()

        described = tuple(map(_description, model.metrics))

        def mean_loss() -> float:
            total, rows = 0.0, 0
            for batch, _, divided in data.portions(self.placement.part, training=False):
                X, y, *weights = self.inputs(batch, divided)
                found = self.evaluation(model.network, model.loss, X, y, tuple(weights), described)
                loss, size, sums, predictions = fetched(found)
                total += float(loss) * int(size)
                rows += int(size)
                if predictions is not None:
                    batch = self.whole_batch(batch, divided)
                add_measured(self._what, metrics, sums, [predictions], [batch])
            return total / rows

        with self.arrays_on_devices():
            value = in_evaluation(model.network, mean_loss)
        return {"loss": value, **{metric.name: metric.result() for metric in metrics}}

    def _evaluate(self, network: Any, loss: Any, X: Any, y: Any, weights: Any, described: Any) -> list[Any]:
        predictions = applied(network, X)
        targets, in_loss, size = padding_as_weights(self._what, X, predictions, y, weights)
        _, in_metrics, _ = padding_as_weights(self._what, X, predictions, y, weights, mean=False)
        value = loss(predictions, targets, *in_loss).array
        sums: dict[int, tuple[Any, Any]] = {}
        self._untraced.clear()
        self._measure(predictions, targets, in_metrics, sums)
        whole = self.placement.whole
        missing = len(sums) < len(self.model.metrics)
        outputs = mapped(lambda each: whole(each.array), predictions) if missing else None
        return [whole(value), size, {place: tuple(map(whole, pair)) for place, pair in sums.items()}, outputs]

    @interrupts.uninterrupted
    def predict(self, data: Batches) -> Any:
        """Return the outputs of the network for all samples, in evaluation mode."""
        network = self.model.network

        def all_outputs() -> list[Any]:
            outputs = []
            for batch, _, divided in data.portions(self.placement.part, training=False):
                X, *_ = self.inputs(batch, divided)
                outputs.append(mapped(_numpy, self.prediction(network, X)))
            return outputs

        with self.arrays_on_devices():
            outputs = in_evaluation(network, all_outputs)
        return outputs[0] if len(outputs) == 1 else mapped(lambda *parts: np.concatenate(parts), *outputs)

    def _predict(self, network: Any, X: Any) -> Any:
        prediction = applied(network, X)
        check_prediction("predict", prediction)
        return mapped(lambda each: self.placement.whole(each.array), prediction)

    # -- batches ------------------------------------------------------------------------------------------

    def inputs(self, batch: Any, divided: bool) -> tuple[Any, ...]:
        """Return the arrays of a batch as inputs of a program, in the precision of the network."""

        def placed(array: Any) -> Any:
            if self._is_single and array.dtype == np.float64:
                array = array.astype(np.float32)
            return self.placement.of_batch(array, divided)

        return tuple(None if values is None else mapped(placed, values) for values in batch)

    def whole_batch(self, batch: Any, divided: bool) -> Any:
        """Return a batch with the rows of all processes."""
        if self.placement.processes == 1 or not divided:
            return batch
        from jax.experimental import multihost_utils

        def gathered(array: Any) -> Any:
            with jax.enable_x64(True):
                return np.asarray(multihost_utils.process_allgather(array, tiled=True))

        return tuple(None if values is None else mapped(gathered, values) for values in batch)


def add_measured(what: str, metrics: Sequence[Metric], sums: dict[int, Any], predictions: Any, batches: Any) -> None:
    """Add to the metrics the sums of a program, or run them on its predictions."""
    for place, metric in enumerate(metrics):
        if place in sums:
            metric.add(*sums[place])
            continue
        for outputs, (X, y, *weights) in zip(predictions, batches):
            real, targets, of_samples = without_padding(what, X, mapped(Tensor, outputs), y, tuple(weights))
            metric.update(real, targets, *of_samples)


def fetched(values: Any) -> Any:
    """Return nested containers with NumPy arrays in place of XLA arrays."""
    if isinstance(values, xla.Array):
        return _numpy(values)
    if isinstance(values, dict):
        return {key: fetched(value) for key, value in values.items()}
    if isinstance(values, (list, tuple)):
        return type(values)(map(fetched, values))
    return values


def _numpy(array: xla.Array) -> Any:
    return np.array(array)


def _numbers(group: Any, optimizer: Optimizer) -> dict[str, float]:
    """Return the numbers for the next step of a group that are inputs of the program, such as the learning rate."""
    settings = vars(optimizer.step_settings(group))
    return {
        name: float(value) if isinstance(value, (int, float, np.number)) and not isinstance(value, bool) else value
        for name, value in settings.items()
        if name == "learning_rate" or name not in group.settings
    }


def _description(thing: Any) -> tuple[Any, ...]:
    """Return the plain attributes of a metric, an optimizer or a callback, which identify a program.

    The settings of an optimizer's groups are included. Its learning rate and its count of steps are not: they are
    inputs of the program.
    """
    changing = ("iterations", "learning_rate", "decay") if isinstance(thing, Optimizer) else ()
    parts: list[Any] = [type(thing).__qualname__, id(thing)]
    for name, value in vars(thing).items():
        if name.startswith("_") or name in changing:
            continue
        if isinstance(value, Metric):
            parts.append((name, _description(value)))
        else:
            parts.append((name, repr(value) if isinstance(value, PLAIN) else id(value)))
    if isinstance(thing, Optimizer):
        for group in thing.groups:
            parts += [(name, repr(value)) for name, value in group.settings.items() if name not in changing]
    return tuple(parts)
