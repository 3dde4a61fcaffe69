"""Samples and their targets, handed out in batches."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nn._rng import Rng, generator
from nn._validation import whole_number
from nn.data.arrays import as_pair, as_samples, slices

Batch: TypeAlias = tuple[NDArray[Any], Any]
"""Samples, and their targets (None if there are none)."""

Transform: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
Augmentation: TypeAlias = Callable[[NDArray[Any], Any], NDArray[Any]]


class Batches:
    """Samples and targets that are prepared batch by batch, so that there is never a second copy of all of them.

    Going through it (`for X, y in batches:`) is what training wants: all samples once, each time in a new random order,
    augmented, transformed. `in_order()` is what evaluation and prediction want: as they come, transformed only.
    `Model.fit`, `evaluate` and `predict` take a `Batches` in place of X and y, and `fit` as `validation_data`. They
    bring X into the dtype of the network: float64 samples for a float32 network, if there is neither `augment` nor
    `transform`, as one float32 copy at the start, everything else batch by batch.

    Args:
        X: samples `(samples, ...)`, of any real dtype. The array is used as it is, not copied: images may stay uint8
            and a large set a `np.memmap`.
        y: a target for each, or None if there are none (for `predict`).
        batch_size: samples per batch; None for all in one. The last, smaller batch is kept.
        shuffle: whether each pass takes the samples in a new random order (one batch has no order to shuffle).
        augment: `augment(X, rng)` gives a batch like X, changed at random; see `nn.data.shift`. For training only.
        transform: `transform(X)` gives what the network gets; see `nn.data.rescale`. It comes after `augment`.
        rng: where order and augmentation are drawn from: a `Generator`, a `RandomState`, a seed, or None, which means
            the model's own generator in `Model.fit`. None is needed if training is to be resumed exactly: a generator
            of its own starts anew.
        what: names the data in messages.

    Raises:
        ValueError: no samples, X and y of different length, or batch_size below 1.
        TypeError: data that are not real numbers, batch_size that is not an integer, an `augment` or `transform`
            that cannot be called. While going through: one of them gives no array.

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
        X: ArrayLike,
        y: ArrayLike | None = None,
        *,
        batch_size: int | None = None,
        shuffle: bool = True,
        augment: Augmentation | None = None,
        transform: Transform | None = None,
        rng: Rng = None,
        what: str = "Batches",
    ) -> None:
        self.X: NDArray[Any]
        self.y: Any = None
        if y is None:
            self.X = as_samples(f"{what}: X", X)
        else:
            self.X, self.y = as_pair(what, X, y)
        self.batch_size = len(self.X) if batch_size is None else whole_number(f"{what}: batch_size", batch_size)
        for name, function in (("augment", augment), ("transform", transform)):
            if function is not None and not callable(function):
                raise TypeError(f"{what}: {name} must be a function, got {function!r}.")
        self.shuffle = shuffle
        self.augment = augment
        self.transform = transform
        self.rng = None if rng is None else generator(rng)
        self.dtype: np.dtype[Any] | None = None

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """The shape of one sample as the network gets it, without the batch axis."""
        return self.batch(slice(0, 1))[0].shape[1:]

    def __len__(self) -> int:
        """How many batches there are."""
        return -(-len(self.X) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        draws = generator(self.rng)
        order = draws.permutation(len(self.X)) if self.shuffle and len(self) > 1 else None
        for rows in slices(len(self.X), self.batch_size):
            yield self._prepared(rows if order is None else order[rows], draws)

    def in_order(self) -> Iterator[Batch]:
        """The batches in the order of the data, without augmentation. What needs no preparation is a view, no copy."""
        for rows in slices(len(self.X), self.batch_size):
            yield self.batch(rows)

    def batch(self, rows: slice | NDArray[np.intp]) -> Batch:
        """The samples in these rows, not augmented, and their targets."""
        return self._prepared(rows, None)

    def for_network(self, dtype: DTypeLike | None, rng: Rng) -> Batches:
        """The same batches, in the dtype of a network; drawn from `rng`, if they have no generator of their own.

        Floating-point samples that need no other preparation are converted here, once; so are floating-point targets.
        All else is converted batch by batch: as floating-point numbers, images would take four times the memory.
        """
        ready = copy.copy(self)
        ready.rng = generator(rng) if self.rng is None else self.rng
        if dtype is not None:
            ready.dtype = np.dtype(dtype)
            if self.X.dtype.kind == "f" and self.augment is None and self.transform is None:
                ready.X = self.X.astype(dtype, copy=False)
            if self.y is not None and self.y.dtype.kind == "f":
                ready.y = self.y.astype(dtype, copy=False)
        return ready

    def __repr__(self) -> str:
        targets = "" if self.y is None else f", y {self.y.shape} {self.y.dtype}"
        return f"Batches(X {self.X.shape} {self.X.dtype}{targets}, batch_size={self.batch_size})"

    def _prepared(self, rows: slice | NDArray[np.intp], draws: Any) -> Batch:
        X = _gathered(self.X, rows)
        if self.augment is not None and draws is not None:
            X = _checked("augment", self.augment(_protected(X, self.X), draws), X)
        if self.transform is not None:
            X = _checked("transform", self.transform(_protected(X, self.X)), X)
        if self.dtype is not None:
            X = X.astype(self.dtype, copy=False)
        return X, None if self.y is None else self.y[rows]


def as_batches(
    what: str,
    X: Any,
    y: Any,
    *,
    batch_size: int | None = None,
    shuffle: bool = True,
    targets: bool = True,
    dtype: DTypeLike | None,
    rng: Rng,
) -> Batches:
    """`X` and `y`, or the `Batches` given in their place.

    Args:
        what: names the data in messages.
        X, y, batch_size, shuffle: as given to `Model.fit`.
        targets: whether there must be some.
        dtype, rng: of the model; see `Batches.for_network`.

    Raises:
        ValueError, TypeError: data that `Batches` refuses, no targets, or a `Batches` together with y, batch_size or
            shuffle=False.
    """
    if isinstance(X, Batches):
        if y is not None or batch_size is not None or not shuffle:
            raise TypeError(f"{what}: a Batches has its own y, batch_size and shuffle. Give them to nn.data.Batches.")
        batches = X
    else:
        batches = Batches(X, y, batch_size=batch_size, shuffle=shuffle, what=what)
    if targets and batches.y is None:
        raise TypeError(f"{what}: there are samples X, but no targets y.")
    return batches.for_network(dtype, rng)


def _gathered(X: NDArray[Any], rows: slice | NDArray[np.intp]) -> NDArray[Any]:
    """`X[rows]`; in any order by `take`, which is faster, but first copies the whole of an X that is not contiguous."""
    if isinstance(rows, np.ndarray) and rows.dtype == np.intp and X.flags.c_contiguous:
        return X.take(rows, axis=0)
    return X[rows]


def _protected(batch: NDArray[Any], data: NDArray[Any]) -> NDArray[Any]:
    """`batch`, read-only if it is a part of `data`: writing into it is an error then, and does not spoil the data."""
    if np.may_share_memory(batch, data):
        batch = batch.view()
        batch.flags.writeable = False
    return batch


def _checked(name: str, result: Any, batch: NDArray[Any]) -> NDArray[Any]:
    if not isinstance(result, np.ndarray) or result.shape[:1] != batch.shape[:1]:
        got = f"shape {result.shape}" if isinstance(result, np.ndarray) else type(result).__name__
        raise TypeError(
            f"Batches: {name} must give an array with a row for each of the {len(batch)} samples it gets (shape "
            f"{batch.shape}), got {got}."
        )
    return result
