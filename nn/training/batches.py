"""Samples and their targets: checked and converted once, then handed out in batches."""

from __future__ import annotations

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from tensorgrad import Tensor


@dataclass(frozen=True)
class Batches:
    """Arrays of equal length, and how many rows make a batch.

    Attributes:
        inputs: the samples, `(samples, ...)`.
        targets: one for each sample, `(samples, ...)`.
        size: rows per batch. The last batch has what remains.
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    size: int

    @classmethod
    def of(cls, what: str, X: Any, y: Any, size: int | None, dtype: DTypeLike | None) -> Batches:
        """Check and convert.

        Args:
            what: names the data in messages.
            X: samples; see `checked_inputs`.
            y: a target for each. Floating-point ones are converted to `dtype`, too; class numbers stay integers.
            size: rows per batch; None for all of them in one.
            dtype: what to convert to; None for nothing.

        Raises:
            ValueError: no samples, X and y of different length, or size below 1.
            TypeError: data that are not real numbers, or size that is not an integer.
        """
        inputs = checked_inputs(f"{what}: X", X, dtype)
        targets = _numbers(f"{what}: y", y)
        if len(targets) != len(inputs):
            raise ValueError(
                f"{what}: X has {len(inputs)} samples (shape {inputs.shape}), but y has {len(targets)} "
                f"(shape {targets.shape})."
            )
        if dtype is not None and targets.dtype.kind == "f":
            targets = targets.astype(dtype, copy=False)
        return cls(inputs, targets, rows_per_batch(what, size, len(inputs)))

    def __len__(self) -> int:
        return -(-len(self.inputs) // self.size)

    def __iter__(self) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """The batches in the order of the data: views, no copies."""
        for rows in slices(len(self.inputs), self.size):
            yield self.inputs[rows], self.targets[rows]

    def shuffled(self, order: NDArray[np.intp]) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
        """The batches with the rows taken in this order: one copy of each."""
        for rows in slices(len(self.inputs), self.size):
            yield self.inputs[order[rows]], self.targets[order[rows]]


def checked_inputs(what: str, X: Any, dtype: DTypeLike | None) -> NDArray[Any]:
    """`X` as an array of at least one sample, `(samples, ...)`, in this dtype (None: in its own).

    Raises:
        ValueError: no samples, or rows of different length.
        TypeError: not real numbers.
    """
    inputs = _numbers(what, X)
    if not len(inputs):
        raise ValueError(f"{what} is empty (shape {inputs.shape}).")
    return inputs if dtype is None else inputs.astype(dtype, copy=False)


def rows_per_batch(what: str, size: int | None, samples: int) -> int:
    """How many rows a batch has: `size`, or all for None."""
    return samples if size is None else at_least_1(f"{what}: batch_size", size)


def slices(samples: int, size: int) -> Iterator[slice]:
    """The rows of each batch."""
    return (slice(start, start + size) for start in range(0, samples, size))


def at_least_1(what: str, value: Any) -> int:
    """`value` as a whole number.

    Raises:
        TypeError: it is none.
        ValueError: it is below 1.
    """
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{what} must be a whole number, got {value!r}.") from None
    if number < 1:
        raise ValueError(f"{what} must be at least 1, got {number}.")
    return number


def _numbers(what: str, values: Any) -> NDArray[Any]:
    try:
        array: NDArray[Any] = values.data if isinstance(values, Tensor) else np.asarray(values)
    except ValueError as error:
        raise ValueError(f"{what}: rows of different length do not make an array.") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what}: expected real numbers, got dtype {array.dtype}.")
    if not array.ndim:
        raise ValueError(f"{what}: expected an array with a row per sample, got a single number.")
    return array
