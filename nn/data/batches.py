"""Batches of samples and targets."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nn._rng import Rng, generator
from nn._several import mapped, named
from nn._validation import whole_number
from nn.data.arrays import as_inputs, as_targets, as_weights, batch_count, columns_of, is_on_disk, slices

Batch: TypeAlias = tuple[Any, ...]
"""Samples, their targets (None if there are none) and, if there are any, their weights."""

PADDING = ("lengths", "mask")
"""Inputs of a network that describe the padding of its sequences. They keep their dtype."""

Transform: TypeAlias = Callable[[Any], Any]
Augmentation: TypeAlias = Callable[[Any, Any], Any]
Mix: TypeAlias = Callable[[Any, Any, Any], tuple[Any, Any]]

BLOCKS_AT_ONCE = 16
"""Blocks whose samples are mixed when blocks are shuffled."""


class Part(NamedTuple):
    """One process's part of each batch of a training in several processes.

    Attributes:
        number: the number of the process, from 0.
        processes: the number of processes.
        divisor: the batch is divided only if its size is a multiple of this, the number of devices of all processes.
    """

    number: int
    processes: int
    divisor: int

    def of(self, size: int) -> slice | None:
        """Return the rows of this process in a batch of `size` samples; None if the batch cannot be divided."""
        if size % self.divisor:
            return None
        rows = size // self.processes
        return slice(self.number * rows, (self.number + 1) * rows)


class Batches:
    """Samples and targets, prepared batch by batch, so that the data are never copied as a whole.

    Iteration (`for X, y in batches:`) is for training: it yields all samples once, in a new random order each time,
    augmented and transformed. `in_order()` is for evaluation and prediction: it yields them in the original order, only
    transformed. `Model.fit`, `evaluate` and `predict` accept a `Batches` in place of X and y, and `fit` as
    `validation_data`. They convert X to the dtype of the network. If there is neither `augment` nor
    `transform`, float64 samples are converted to float32 once at the start. Everything else is converted batch by
    batch.

    Data that are larger than memory stay on disk as a memory-mapped array, `np.load("X.npy", mmap_mode="r")` or an
    `np.memmap`. Each batch reads and converts only its own rows of the file. Before training, `Model.fit` reads the
    first sample and all targets once, to check them. Reading single rows in random order is slow on a hard disk or over
    a network. With `block`, consecutive rows are read together. The order takes 8 bytes per sample.

    Args:
        X: samples `(samples, ...)`, of any real dtype. The array is not copied: images may remain uint8. For a network
            with several inputs, a tuple or dict of such arrays, which `augment` and `transform` then receive and
            return.
        y: a target for each sample, or None if there are none (for `predict`). For several outputs, a tuple or dict.
        sample_weight: the weights of the samples in the loss and the metrics, of shape `(samples,)`, or of each step
            of each sample, of shape `(samples, time)`. They are at least 0. Only their ratios matter: they are scaled
            to have a mean of 1. Batches then consist of X, y and weights.
        batch_size: the number of samples per batch; None for a single batch. The last, smaller batch is kept.
        smallest_batch: the smallest size of the last batch of a pass. If fewer samples are left, they are added to the
            previous batch, so that every sample is used. `Model.fit` sets this to 2 for a network with a `BatchNorm`,
            which cannot normalise a single sample. `in_order()` does not use it.
        shuffle: whether each pass takes the samples in a new random order (irrelevant for a single batch).
        augment: `augment(X, rng)` returns a randomly changed batch like X; see `nn.data.shift`. For training only.
        transform: `transform(X)` returns the input of the network; see `nn.data.rescale`. Applied after `augment`.
        block: the number of consecutive samples that are read together in random order. The blocks are shuffled, and
            the samples of 16 blocks at a time are mixed. None for a random order of all samples.
        mix: `mix(X, y, rng)` returns a changed batch and its targets; see `nn.data.mixup`. For training only, after
            `transform`. Not with `sample_weight`.
        rng: the source of the order and the augmentation: a `Generator`, a `RandomState`, a seed, or None, which means
            the model's own generator in `Model.fit`. Use None if training must resume exactly: the state of a separate
            generator is not saved.
        what: the name of the data in messages.

    Raises:
        ValueError: there are no samples, X, y and weights differ in length, weights are negative, or batch_size is
            below 1.
        TypeError: the data are not real numbers, batch_size is not an integer, or `augment` or `transform` is not
            callable. During iteration: one of them does not return an array.

    >>> import numpy as np, nn
    >>> images, labels = np.zeros((10, 28, 28), np.uint8), np.arange(10)
    >>> def prepare(images):
    ...     return nn.data.rescale(images).reshape(len(images), -1)
    >>> batches = Batches(images, labels, batch_size=4, augment=nn.data.flip, transform=prepare, rng=0)
    >>> [(X.shape, X.dtype.name, y.tolist()) for X, y in batches]
    [((4, 784), 'float32', [4, 6, 2, 7]), ((4, 784), 'float32', [3, 5, 9, 0]), ((2, 784), 'float32', [8, 1])]
    >>> [y.tolist() for X, y in batches.in_order()]
    [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    """

    def __init__(
        self,
        X: ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike],
        y: ArrayLike | tuple[ArrayLike, ...] | Mapping[str, ArrayLike] | None = None,
        *,
        sample_weight: ArrayLike | None = None,
        batch_size: int | None = None,
        smallest_batch: int = 1,
        shuffle: bool = True,
        augment: Augmentation | None = None,
        transform: Transform | None = None,
        block: int | None = None,
        mix: Mix | None = None,
        rng: Rng = None,
        what: str = "Batches",
    ) -> None:
        self.X = as_inputs(f"{what}: X", X)
        self.columns = columns_of(X)
        self.samples = len(named(self.X)[0][1])
        self.y = None if y is None else as_targets(what, y, self.samples, mapped(np.shape, self.X))
        self.sample_weight: NDArray[Any] | None = None
        if sample_weight is not None:
            self.sample_weight = as_weights(what, sample_weight, self.samples, **_padding_in(self.X))
        self.batch_size = self.samples if batch_size is None else whole_number(f"{what}: batch_size", batch_size)
        self.smallest_batch = whole_number(f"{what}: smallest_batch", smallest_batch)
        for name, function in (("augment", augment), ("transform", transform), ("mix", mix)):
            if function is not None and not callable(function):
                raise TypeError(f"{what}: {name} must be a function, got {function!r}.")
        self.shuffle = shuffle
        self.augment = augment
        self.transform = transform
        self.block = None if block is None else whole_number(f"{what}: block", block)
        self.mix = mix
        if mix is not None and (self.y is None or self.sample_weight is not None):
            raise ValueError(f"{what}: mix needs targets y, and cannot be used with sample_weight.")
        self.rng = None if rng is None else generator(rng)
        self.dtype: np.dtype[Any] | None = None
        self.like: Any = None

    @property
    def sample(self) -> Any:
        """A copy of the first sample as the network receives it, with a batch axis; one copy for each input."""
        return mapped(np.array, self.batch(slice(0, 1))[0])

    @property
    def sample_shape(self) -> Any:
        """The shape of one sample as the network receives it, without the batch axis; for several inputs, of each."""
        return mapped(lambda array: array.shape[1:], self.sample)

    def __len__(self) -> int:
        """Return the number of batches of a pass for training."""
        return batch_count(self.samples, self.batch_size, self.smallest_batch)

    def __iter__(self) -> Iterator[Batch]:
        draws = generator(self.rng)
        order = self._order(draws) if len(self) > 1 else None
        for rows in slices(self.samples, self.batch_size, self.smallest_batch):
            yield self._prepared(rows if order is None else order[rows], draws)

    def portions(self, part: Part, *, training: bool = True) -> Iterator[tuple[Batch, int, bool]]:
        """Yield one process's rows of each batch of a pass. All processes draw the same numbers.

        Args:
            part: which rows; see `Part`.
            training: whether to yield the batches of `for`, and not those of `in_order`.

        Returns:
            For each batch the rows of this process, the number of samples of the whole batch, and whether the batch was
            divided. If not, every process has all rows.

        Raises:
            TypeError: `part` is not a `Part`.
        """
        if not isinstance(part, Part):
            raise TypeError(f"portions: expected a Part, got {part!r}.")
        draws = generator(self.rng) if training else None
        order = self._order(draws) if training and len(self) > 1 else None
        for rows in slices(self.samples, self.batch_size, self.smallest_batch if training else 1):
            size = rows.stop - rows.start
            own = part.of(size)
            chosen = rows if order is None else order[rows]
            if own is None:
                yield self._prepared(chosen, draws), size, False
            elif draws is not None and (self.augment is not None or self.mix is not None):  # they draw for all samples
                batch = self._prepared(chosen, draws)
                yield tuple(None if values is None else _gathered(values, own) for values in batch), size, True
            else:
                mine = slice(rows.start + own.start, rows.start + own.stop)
                yield self._prepared(mine if order is None else order[mine], draws), size, True

    def in_order(self) -> Iterator[Batch]:
        """Yield the batches in the order of the data, without augmentation. Data that need no preparation are views."""
        for rows in slices(self.samples, self.batch_size):
            yield self.batch(rows)

    def batch(self, rows: slice | NDArray[np.intp]) -> Batch:
        """Return these rows without augmentation: samples, targets and, if there are any, weights."""
        if isinstance(rows, int):
            raise TypeError(
                f"Batches.batch: expected a slice or an array of rows, got {rows!r}. For one row, [{rows!r}]."
            )
        return self._prepared(rows, None)

    def split_last(self, fraction: float) -> tuple[Batches, Batches]:
        """Return the batches of the first samples, and those of the last `fraction` of them.

        Raises:
            ValueError: One of the two would be empty.
            TypeError: `fraction` is not a number.

        >>> import numpy as np
        >>> Batches(np.zeros((10, 2))).split_last(0.2)
        (Batches(X (8, 2) float64, batch_size=8), Batches(X (2, 2) float64, batch_size=2))
        """
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)):
            raise TypeError(f"validation_split must be a number between 0 and 1, got {fraction!r}.")
        first = math.floor(self.samples * (1 - fraction)) if 0 < fraction < 1 else 0
        if not 0 < first < self.samples:
            raise ValueError(
                f"validation_split must be between 0 and 1, and leave samples in both parts, got {fraction!r} of "
                f"{self.samples} samples."
            )
        return self._part(slice(0, first)), self._part(slice(first, None))

    def _part(self, rows: slice) -> Batches:
        part = copy.copy(self)
        part.X = mapped(lambda array: array[rows], self.X)
        part.y = None if self.y is None else mapped(lambda array: array[rows], self.y)
        part.samples = len(named(part.X)[0][1])
        part.batch_size = min(self.batch_size, part.samples)
        if self.sample_weight is not None:
            part.sample_weight = as_weights("Batches", self.sample_weight[rows], part.samples, **_padding_in(part.X))
        return part

    def for_network(self, dtype: DTypeLike | None, rng: Rng, like: Any = None) -> Batches:
        """Return these batches in the dtype of a network, with randomness from `rng` unless they have their own
        generator. If `like` is an array on a GPU, samples are copied to the GPU.

        Floating-point targets, and floating-point samples that need no other preparation, are converted here, once.
        Everything else is converted batch by batch: as floating-point numbers, images would take four times the memory.
        """
        ready = copy.copy(self)
        ready.rng = generator(rng) if self.rng is None else self.rng
        ready.like = None if isinstance(like, np.ndarray) else like
        if dtype is not None:
            ready.dtype = np.dtype(dtype)

            def converted(array: NDArray[Any]) -> NDArray[Any]:
                at_once = array.dtype.kind == "f" and not is_on_disk(array)
                return array.astype(dtype, copy=False) if at_once else array

            if self.augment is None and self.transform is None:
                ready.X = mapped(converted, self.X)
            if self.y is not None:
                ready.y = mapped(converted, self.y)
            if self.sample_weight is not None:
                ready.sample_weight = self.sample_weight.astype(dtype, copy=False)
        return ready

    def __repr__(self) -> str:
        arrays = named(self.X), [] if self.y is None else named(self.y)
        parts = [
            f"{what}{name} {array.shape} {array.dtype}{' on disk' if is_on_disk(array) else ''}"
            for what, of in zip("Xy", arrays)
            for name, array in of
        ]
        return f"{type(self).__name__}({', '.join(parts)}, batch_size={self.batch_size})"

    def _order(self, draws: Any) -> NDArray[np.intp] | None:
        """Return the order of the samples in a pass, drawn from a random generator. None for their own order."""
        if not self.shuffle:
            return None
        if self.block is None:
            found: NDArray[np.intp] = draws.permutation(self.samples)
            return found
        starts = draws.permutation(-(-self.samples // self.block)) * self.block
        rows: NDArray[np.intp] = (starts[:, None] + np.arange(self.block)).reshape(-1)
        rows = rows[rows < self.samples]
        for window in slices(self.samples, BLOCKS_AT_ONCE * self.block):
            draws.shuffle(rows[window])
        return rows

    def _prepared(self, rows: slice | NDArray[np.intp], draws: Any) -> Batch:
        X = _gathered(self.X, rows)
        if self.augment is not None and draws is not None:
            X = _checked("augment", self.augment(_protected(X, self.X), draws), X)
        if self.transform is not None:
            X = _checked("transform", self.transform(_protected(X, self.X)), X)
        if self.dtype is not None:
            X = _converted(X, self.dtype)
        y = self.y[rows] if self.y.__class__ is np.ndarray else _gathered(self.y, rows)
        if self.mix is not None and draws is not None:
            X, y = self._mixed(X, y, draws)
        if self.dtype is not None and y is not None:
            y = _converted_targets(y, self.dtype)
        if self.like is not None:
            X = _moved(X, self.like)
        return (X, y) if self.sample_weight is None else (X, y, self.sample_weight[rows])

    def _mixed(self, X: Any, y: Any, draws: Any) -> tuple[Any, Any]:
        """Return the result of `mix`, after checking it."""
        assert self.mix is not None
        result = self.mix(_protected(X, self.X), _protected(y, self.y), draws)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise TypeError(f"Batches: mix must return a pair of samples and targets, got {result!r}.")
        mixed, targets = _checked("mix", result[0], X), _checked("mix", result[1], y)
        return (mixed if self.dtype is None else _converted(mixed, self.dtype)), targets


def as_batches(
    what: str,
    X: Any,
    y: Any,
    *,
    sample_weight: Any = None,
    batch_size: int | None = None,
    shuffle: bool = True,
    targets: bool = True,
    dtype: DTypeLike | None,
    rng: Rng,
    like: Any = None,
) -> Batches:
    """Return `X` and `y` as a `Batches`, or `X` itself if it is one.

    Args:
        what: the name of the data in messages.
        X, y, sample_weight, batch_size, shuffle: as passed to `Model.fit`.
        targets: whether targets are required.
        dtype, rng, like: those of the model; see `Batches.for_network`.

    Raises:
        ValueError, TypeError: invalid data, no targets, or a `Batches` together with y, sample_weight,
            batch_size or shuffle=False.
    """
    if isinstance(X, Batches):
        if y is not None or sample_weight is not None or batch_size is not None or not shuffle:
            raise TypeError(
                f"{what}: a Batches has its own y, sample_weight, batch_size and shuffle. Pass them to nn.data.Batches."
            )
        batches = X
    else:
        batches = Batches(X, y, sample_weight=sample_weight, batch_size=batch_size, shuffle=shuffle, what=what)
    if targets and batches.y is None:
        raise TypeError(f"{what}: there are samples X, but no targets y.")
    return batches.for_network(dtype, rng, like)


def _padding_in(X: Any) -> dict[str, Any]:
    """Return the inputs that describe the padding of sequences, by name."""
    return {name: X[name] for name in PADDING if name in X} if isinstance(X, dict) else {}


def _gathered(X: Any, rows: slice | NDArray[np.intp]) -> Any:
    """Return `X[rows]`; unordered rows by `take`, which is faster, but copies all of an X that is not contiguous."""
    if not isinstance(X, np.ndarray):
        return None if X is None else mapped(partial(_gathered, rows=rows), X)
    if isinstance(rows, np.ndarray) and rows.dtype == np.intp and X.flags.c_contiguous:
        return X.take(rows, axis=0)
    return X[rows]


def _converted(X: Any, dtype: np.dtype[Any]) -> Any:
    if isinstance(X, np.ndarray):
        return X.astype(dtype, copy=False)
    if isinstance(X, dict):
        return {name: array if name in PADDING else _converted(array, dtype) for name, array in X.items()}
    return mapped(partial(_converted, dtype=dtype), X)


def _moved(X: Any, like: Any) -> Any:
    """Return samples as arrays of the library of `like`."""
    if isinstance(X, np.ndarray):
        return np.asarray(X, like=like)
    if isinstance(X, dict):
        return {name: array if name in PADDING else _moved(array, like) for name, array in X.items()}
    return mapped(partial(_moved, like=like), X)


def _converted_targets(y: Any, dtype: np.dtype[Any]) -> Any:
    """Return targets with their floating-point numbers in this dtype. Targets in memory have been converted before."""
    if y.__class__ is np.ndarray:
        return y.astype(dtype, copy=False) if y.dtype.kind == "f" else y
    return mapped(partial(_converted_targets, dtype=dtype), y)


def _protected(batch: Any, data: Any) -> Any:
    """Return `batch`, read-only if it is a view of `data`, so that writing to it raises instead of corrupting the
    data."""

    def protected(array: NDArray[Any], of: NDArray[Any]) -> NDArray[Any]:
        if np.may_share_memory(array, of):
            array = array.view()
            array.flags.writeable = False
        return array

    return mapped(protected, batch, data)


def _checked(name: str, result: Any, batch: Any) -> Any:
    rows = named(batch)[0][1].shape[:1]
    same_kind = isinstance(result, (tuple, dict)) == isinstance(batch, (tuple, dict))
    for part, array in named(result):
        if not same_kind or not isinstance(array, np.ndarray) or array.shape[:1] != rows:
            got = f"shape {array.shape}" if isinstance(array, np.ndarray) else type(array).__name__
            shapes = ", ".join(f"{index} {each.shape}".lstrip() for index, each in named(batch))
            raise TypeError(
                f"Batches: {name} must return an array with a row for each of its {rows[0]} samples (shape "
                f"{shapes}), got {part and part + ' of '}{got}."
            )
    return result
