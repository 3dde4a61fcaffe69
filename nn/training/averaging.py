"""Averages of the weights over the steps of training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from nn._libraries import in_library_of
from nn._validation import as_array, finite_number, whole_number
from nn.callbacks import Callback
from nn.module import Module
from nn.saving.format import LoadError, read, write
from tensorgrad import Tensor, interrupts


class AveragedWeights(Callback):
    """Average of a network's weights over the steps, which is often better on new data than the last weights.

        average = decay·average + (1 − decay)·w       after each step; the first step sets average = w

    The network keeps its own weights, which training continues with. `applied` uses the average in their place for a
    while, and `copy_to_network` for good. As a callback of `fit`, it updates the average after each step, and measures
    the `val_…` values with the average. `ModelCheckpoint` saves and `EarlyStopping` restores the network's own weights,
    not the average. Only parameters are averaged. Buffers, such as the running statistics of `BatchNorm`, are those of
    the network.

    Args:
        network: The network; None to take that of the model in `fit`.
        decay: The fraction of the average that is kept, in [0, 1). The average covers about 1 / (1 − decay) updates.
            None for the mean of the weights of all updates, in which each has the same weight.
        every: The number of steps between updates.
        start: The number of steps after which averaging begins. Until then, the average is the last weights.
        validate: Whether `fit` measures the `val_…` values with the average.

    Attributes:
        steps: The number of steps so far.
        updates: The number of weights in the average.

    Raises:
        TypeError, ValueError: If an argument has the wrong type or is out of range.

    Polyak and Juditsky, "Acceleration of Stochastic Approximation by Averaging" (1992). With `decay=None`: Izmailov et
    al., "Averaging Weights Leads to Wider Optima and Better Generalization" (2018).

    >>> import nn
    >>> X, y = nn.datasets.spiral(50, 3, rng=0)
    >>> network = nn.Sequential(nn.Dense(2, 32, rng=0), nn.ReLU(), nn.Dense(32, 3, rng=1))
    >>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=nn.Adam(network.parameters(), 0.05), rng=0)
    >>> average = AveragedWeights(decay=0.9)
    >>> history = model.fit(X, y, epochs=20, batch_size=50, validation_data=(X, y), callbacks=[average], verbose=0)
    >>> with average.applied():
    ...     model.evaluate(X, y, batch_size=50)["loss"] == history["val_loss"][-1]
    True

    In a loop written by hand, call `update` after each step:

    >>> average, optimizer = AveragedWeights(network), nn.SGD(network.parameters(), 0.1)
    >>> for _ in range(3):
    ...     optimizer.zero_grad()
    ...     nn.SoftmaxCrossEntropy()(network(X), y).backward()
    ...     optimizer.step()
    ...     average.update()
    >>> average.updates
    3
    """

    def __init__(
        self,
        network: Module | None = None,
        *,
        decay: float | None = 0.999,
        every: int = 1,
        start: int = 0,
        validate: bool = True,
    ) -> None:
        if network is not None and not isinstance(network, Module):
            raise TypeError(f"AveragedWeights: network must be an nn.Module, got {network!r}.")
        self.decay = None if decay is None else finite_number("AveragedWeights: decay", decay)
        if self.decay is not None and not 0 <= self.decay < 1:
            raise ValueError(f"AveragedWeights: decay must be at least 0 and less than 1, got {decay!r}.")
        self.every = whole_number("AveragedWeights: every", every)
        self.start = whole_number("AveragedWeights: start", start, lowest=0)
        self.validate = validate
        self.steps = self.updates = 0
        self.network: Module | None = None
        self._averages: dict[str, Any] = {}
        self._replaced: dict[str, Any] | None = None
        if network is not None:
            self._begin(network)

    def update(self) -> None:
        """Count a step and, in every `every`-th one, add the weights to the average. Call this after each step.

        Raises:
            RuntimeError: If the network is not known, or has the average in place of its weights.
        """
        network = self._known("update")
        if self._replaced is not None:
            raise RuntimeError("AveragedWeights.update: the network has the average in place of its weights.")
        self._update(network)

    @interrupts.uninterrupted
    def _update(self, network: Module) -> None:
        self.steps += 1
        if self.steps > self.start and self.steps % self.every:
            return
        fraction = 1 / (self.updates + 1) if self.decay is None or not self.updates else 1 - self.decay
        for name, tensor in network.named_state():
            average = self._averages.get(name)
            if average is None and not tensor.requires_grad:
                continue
            if average is None or fraction == 1 or not tensor.requires_grad:  # a frozen parameter does not change
                self._averages[name] = _copied(tensor)
            else:
                average = in_library_of(average, tensor.array)
                change = tensor.array - average
                change *= fraction
                average += change
                self._averages[name] = average
        self.updates += self.steps > self.start

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Return a context in which the network has the average in place of its weights.

        Raises:
            RuntimeError: If the network is not known, or has the average already.
        """
        self._apply()
        try:
            yield
        finally:
            self._restore()

    def copy_to_network(self) -> None:
        """Set the weights of the network to the average.

        Raises:
            RuntimeError: If the network is not known.
        """
        self._known("copy_to_network").load_state_dict(self._averages, strict=False)
        self._replaced = None

    def state_dict(self) -> dict[str, Any]:
        """Return `steps`, `updates` and copies of the averages, under names such as `"average.0.weight"`."""
        averages = {f"average.{name}": np.array(average) for name, average in self._averages.items()}
        return {"steps": self.steps, "updates": self.updates, **averages}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict` for the same network.

        Raises:
            RuntimeError: If the network is not known. Pass it to the constructor.
            TypeError, ValueError: If a name is missing or unknown, or an array has another shape or dtype. Nothing has
                been changed then.
        """
        owner = "AveragedWeights.load_state_dict"
        self._known("load_state_dict")
        names = {f"average.{name}": name for name in self._averages}
        missing = [name for name in ("steps", "updates", *names) if name not in state]
        unknown = [name for name in state if name not in ("steps", "updates", *names)]
        if missing or unknown:
            raise ValueError(f"{owner}: missing {missing}, unknown {unknown}. Is it of another network?")
        counts = [whole_number(f"{owner}: {name}", state[name], lowest=0) for name in ("steps", "updates")]
        averages = {}
        for key, name in names.items():
            array, own = as_array(state[key]), self._averages[name]
            if array.shape != own.shape or array.dtype != own.dtype:
                got = f"{array.dtype} of shape {array.shape}"
                raise ValueError(f"{owner}: {key} must be {own.dtype} of shape {own.shape}, got {got}.")
            averages[name] = array.copy()
        self.steps, self.updates = counts
        self._averages = averages

    def save(self, path: str | Path) -> None:
        """Save the state to a file, from which `load` restores it. To save a network with the average, use `applied`.

        Raises:
            OSError: If the file cannot be written. An existing file is unchanged.
        """
        state = self.state_dict()
        arrays = {name: value for name, value in state.items() if name not in ("steps", "updates")}
        write(path, arrays, {"content": "averages", "steps": self.steps, "updates": self.updates})

    def load(self, path: str | Path) -> None:
        """Restore the state from a file written by `save`.

        Raises:
            RuntimeError: If the network is not known. Pass it to the constructor.
            LoadError: If the file is damaged, or is of another network. Nothing has been changed then.
            OSError: If the file does not exist or cannot be read.
        """
        arrays, document = read(path)
        if document.get("content") != "averages":
            raise LoadError(f"{path}: holds {document.get('content')!r}, not averages.")
        try:
            self.load_state_dict(arrays | {name: document.get(name) for name in ("steps", "updates")})
        except (TypeError, ValueError) as error:
            raise LoadError(f"{path}: {error}") from error

    def on_fit_begin(self, model: Any) -> None:
        """Begin a new average if the network is another one than before."""
        if self.network is not model.network:
            self._begin(model.network)

    def on_step_end(self, step: int, logs: Mapping[str, float]) -> None:
        """Update the average."""
        self.update()

    def on_validation_begin(self) -> None:
        """Use the average in place of the weights."""
        if self.validate:
            self._apply()

    def on_validation_end(self) -> None:
        """Restore the weights."""
        if self.validate:
            self._restore()

    def on_fit_end(self) -> None:
        """Restore the weights if validation was interrupted, and keep the average in the library of the weights."""
        self._restore()
        for name, tensor in self._known("on_fit_end").named_state():
            if name in self._averages:  # an array of XLA after a compiled training
                self._averages[name] = in_library_of(self._averages[name], tensor.array)

    def __repr__(self) -> str:
        return f"AveragedWeights(decay={self.decay}, every={self.every}, start={self.start}, updates={self.updates})"

    def _known(self, method: str) -> Module:
        if self.network is None:
            raise RuntimeError(
                f"AveragedWeights.{method}: the network is not known yet. Pass it: nn.AveragedWeights(network)."
            )
        return self.network

    def _begin(self, network: Module) -> None:
        self.network = network
        self.steps = self.updates = 0
        self._averages = {name: _copied(tensor) for name, tensor in network.named_parameters()}

    @interrupts.uninterrupted
    def _apply(self) -> None:
        network = self._known("applied")
        if self._replaced is not None:
            raise RuntimeError("AveragedWeights.applied: the network has the average already.")
        replaced = {name: tensor.numpy() for name, tensor in network.named_state() if name in self._averages}
        network.load_state_dict(self._averages, strict=False)
        self._replaced = replaced

    @interrupts.uninterrupted
    def _restore(self) -> None:
        if self.network is not None and self._replaced is not None:
            self.network.load_state_dict(self._replaced, strict=False)
            self._replaced = None


def _copied(tensor: Tensor) -> Any:
    """Return a copy of the array in at least float32, in which an average of float16 can change by small amounts."""
    return tensor.array.astype(np.promote_types(tensor.dtype, np.float32))
