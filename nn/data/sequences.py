"""Sequences of different lengths: padding, and batches of similar lengths."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._rng import Rng
from nn._validation import whole_number
from nn.data.arrays import as_numbers, as_samples
from nn.data.batches import Augmentation, Batch, Batches, Transform

LENGTHS = "lengths"
"""The name of the lengths among the inputs of the network."""


def pad(sequences: Iterable[ArrayLike], value: float = 0) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Return sequences as one array, padded at their ends to the length of the longest, and their lengths.

    Args:
        sequences: arrays `(time, ...)` that differ only in their lengths.
        value: the padding.

    Returns:
        An array `(samples, time, ...)`, and the lengths `(samples,)`.

    Raises:
        ValueError: there are no sequences, or their shapes differ in more than the length.
        TypeError: a sequence does not hold real numbers.

    >>> pad([[1, 2, 3], [4]])
    (array([[1, 2, 3],
           [4, 0, 0]]), array([3, 1]))
    """
    if isinstance(sequences, (str, bytes)) or not isinstance(sequences, Iterable):
        raise TypeError(f"pad: expected a list of sequences, got {sequences!r}.")
    arrays = [as_numbers(f"pad: sequence {number}", each) for number, each in enumerate(sequences)]
    if not arrays:
        raise ValueError("pad: there are no sequences.")
    for number, array in enumerate(arrays):
        if array.shape[1:] != arrays[0].shape[1:]:
            raise ValueError(
                f"pad: the steps of sequence {number} have shape {array.shape[1:]}, those of sequence 0 "
                f"{arrays[0].shape[1:]}."
            )
    lengths = np.array([len(array) for array in arrays], np.intp)
    dtype = np.result_type(*{array.dtype for array in arrays})
    padded = np.full((len(arrays), lengths.max(), *arrays[0].shape[1:]), value, dtype)
    for row, array in zip(padded, arrays):
        row[: len(array)] = array
    return padded, lengths


class SequenceBatches(Batches):
    """Batches of sequences of similar lengths, so that little computation is spent on padding.

    Iteration yields all sequences once, in a new random order each time: random pools of `pool` batches are sorted by
    length and cut into batches, which are then shuffled. Each batch is as long as its longest sequence. The network
    receives the named inputs `x` and `lengths`, as recurrent layers take them. `in_order()` yields the sequences in the
    original order with all of the padding, so that the predictions can be joined into one array.

    Args:
        X: a list of arrays `(time, ...)`, or an array `(samples, time, ...)` that is already padded, with `lengths`.
        y: a target for each sequence. Or a list of arrays with a target for each step, which are padded with
            `target_padding`; an array of these, together with `per_step=True`.
        lengths: the number of steps of each sequence in a padded X.
        batch_size: the number of sequences per batch.
        pool: the number of batches that are sorted together. More save computation; fewer are more random.
        padding, target_padding: the values after the ends of sequences in lists.
        per_step: whether y has a target for each step. Default: whether y is a list of sequences.
        sample_weight, shuffle, augment, transform, rng: as for `Batches`. Without shuffling, the shortest sequences
            come first. `augment` and `transform` take and return a dict with `x` and `lengths`.

    Raises:
        ValueError: X, y and lengths do not fit together, lengths are below 1 or beyond the padding, or an argument is
            out of range.
        TypeError: an argument has the wrong type.

    >>> sentences = [np.arange(length) for length in (5, 2, 9, 4, 8, 3)]
    >>> batches = SequenceBatches(sentences, np.arange(6), batch_size=2, rng=0)
    >>> sorted((X["x"].shape, X["lengths"].tolist()) for X, y in batches)
    [((2, 3), [2, 3]), ((2, 5), [4, 5]), ((2, 9), [8, 9])]
    """

    def __init__(
        self,
        X: Any,
        y: Any = None,
        *,
        lengths: ArrayLike | None = None,
        batch_size: int,
        pool: int = 50,
        padding: float = 0,
        target_padding: float = 0,
        per_step: bool | None = None,
        sample_weight: ArrayLike | None = None,
        shuffle: bool = True,
        augment: Augmentation | None = None,
        transform: Transform | None = None,
        rng: Rng = None,
    ) -> None:
        what = "SequenceBatches"
        if lengths is None:
            if isinstance(X, np.ndarray) and X.dtype != object:
                raise ValueError(f"{what}: X is one array. Pass the lengths of its sequences, or a list of sequences.")
            padded, counts = pad(X, padding)
        else:
            padded, counts = as_samples(f"{what}: X", X), as_numbers(f"{what}: lengths", lengths)
        _check_lengths(what, padded, counts)
        self.per_step = _is_list_of_sequences(y) if per_step is None else per_step
        if self.per_step and _is_list_of_sequences(y):
            y, of_targets = pad(y, target_padding)
            if not np.array_equal(of_targets, counts):
                raise ValueError(
                    f"{what}: expected each sequence of y to have as many targets as there are steps in X."
                )
        if self.per_step and np.shape(y)[:2] != padded.shape[:2]:
            raise ValueError(
                f"{what}: expected a target for each step, y of shape {padded.shape[:2]}, got {np.shape(y)}."
            )
        super().__init__(
            {"x": padded, LENGTHS: counts.astype(np.intp)},
            y,
            sample_weight=sample_weight,
            batch_size=whole_number(f"{what}: batch_size", batch_size),
            shuffle=shuffle,
            augment=augment,
            transform=transform,
            rng=rng,
            what=what,
        )
        self.pool = whole_number(f"{what}: pool", pool)

    def _order(self, draws: Any) -> NDArray[np.intp]:
        """Return the order of the sequences in a pass: of similar lengths within each batch."""
        lengths, size = self.X[LENGTHS], self.batch_size
        if not self.shuffle:
            return np.argsort(lengths, kind="stable")
        shuffled = draws.permutation(self.samples)
        batches: list[NDArray[np.intp]] = []
        rest = shuffled[:0]
        for start in range(0, self.samples, self.pool * size):
            pool = shuffled[start : start + self.pool * size]
            pool = pool[np.argsort(lengths[pool], kind="stable")]
            if left := len(pool) % size:  # the smaller batch, which comes last, has sequences of any length
                first = size * int(draws.choice(len(pool) // size + 1))
                rest, pool = pool[first : first + left], np.delete(pool, slice(first, first + left))
            batches += np.split(pool, len(pool) // size) if len(pool) else []
        return np.concatenate([*(batches[number] for number in draws.permutation(len(batches))), rest])

    def _prepared(self, rows: slice | NDArray[np.intp], draws: Any) -> Batch:
        X, y, *weights = super()._prepared(rows, draws)
        lengths = X[LENGTHS].astype(np.intp, copy=False)  # as integers, whatever the dtype of the network
        X = {**X, LENGTHS: lengths}
        if draws is not None:
            longest = int(lengths.max())
            X["x"] = X["x"][:, :longest]
            y = y[:, :longest] if self.per_step else y
        return (X, y, *weights)


def _is_list_of_sequences(y: Any) -> bool:
    return isinstance(y, (list, tuple)) and len(y) > 0 and all(np.ndim(each) > 0 for each in y)


def _check_lengths(what: str, padded: NDArray[Any], lengths: NDArray[Any]) -> None:
    if padded.ndim < 2:
        raise ValueError(f"{what}: expected X of shape (samples, time, ...), got {padded.shape}.")
    if lengths.shape != padded.shape[:1]:
        raise ValueError(f"{what}: expected lengths of shape {padded.shape[:1]}, got {lengths.shape}.")
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"{what}: expected integers as lengths, got dtype {lengths.dtype}.")
    wrong = (lengths < 1) | (lengths > padded.shape[1])
    if wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(
            f"{what}: expected lengths of 1 … {padded.shape[1]}, got {lengths[first]} of sequence {first}."
        )
