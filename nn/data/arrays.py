"""Validation of samples and targets."""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._several import is_several, named
from nn.data.conversion import column_names, to_array
from tensorgrad import Tensor


def as_numbers(what: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array of real numbers with one row per sample. An array is returned as it is.

    Args:
        what: names the values in messages.
        values: an array, a Tensor, nested lists, or a pandas DataFrame or Series.

    Raises:
        ValueError: a single number, rows of different length, or masked entries.
        TypeError: not real numbers.
    """
    array: NDArray[Any] = to_array(what, values.data if isinstance(values, Tensor) else values)
    if not array.ndim:
        raise ValueError(f"{what}: expected an array with a row per sample, got a single number.")
    return array


def as_samples(what: str, X: Any) -> NDArray[Any]:
    """Return `X` as numbers, `(samples, ...)`, with at least one sample.

    Raises:
        ValueError, TypeError: as for `as_numbers`, or there are no samples.
    """
    samples = as_numbers(what, X)
    if not len(samples):
        raise ValueError(f"{what} is empty (shape {samples.shape}).")
    return samples


def as_inputs(what: str, X: Any) -> Any:
    """Return the inputs of a network: one array as in `as_samples`, or several arrays of the same length.

    Raises:
        ValueError, TypeError: as for `as_samples`; the arrays differ in length, or there are none.
    """
    if not is_several(X):
        return as_samples(what, X)
    return _of_equal_length(what, X, as_samples)


def columns_of(X: Any) -> dict[str, tuple[str, ...]]:
    """Return the column names of the inputs that are DataFrames, by the index of `named`; "" for a single input."""
    found = {index: column_names(each) for index, each in (named(X) if is_several(X) else [("", X)])}
    return {index: names for index, names in found.items() if names}


def as_targets(what: str, y: Any, samples: int, shape: Any) -> Any:
    """Return the targets of a network: one array or several, with a row for each sample.

    Args:
        what: names the data in messages.
        y: the targets.
        samples: the required number of rows.
        shape: of the samples, for the message.

    Raises:
        ValueError, TypeError: as for `as_numbers`, or the number of rows differs.
    """
    targets = _of_equal_length(f"{what}: y", y, as_numbers) if is_several(y) else as_numbers(f"{what}: y", y)
    for name, array in named(targets):
        if len(array) != samples:
            raise ValueError(
                f"{what}: X has {samples} samples (shape {shape}), but y{name} has {len(array)} (shape {array.shape})."
            )
    return targets


def as_weights(what: str, weights: Any, samples: int, *, lengths: Any = None, mask: Any = None) -> NDArray[Any]:
    """Return the weights of the samples, or of each step of each sample, scaled to have a mean of 1.

    Args:
        what: the name of the data in messages.
        weights: an array of shape `(samples,)` or `(samples, time, …)`.
        samples: the number of samples.
        lengths, mask: the padding of the sequences, if there is any. The mean does not include the weights of padding.

    Raises:
        ValueError: the number of weights differs, one is negative or not finite, or all are 0.
        TypeError: they are not real numbers.
    """
    array = as_numbers(f"{what}: sample_weight", weights)
    if array.shape[:1] != (samples,):
        raise ValueError(
            f"{what}: sample_weight must have a number for each sample, shape ({samples},), or for each step, shape "
            f"({samples}, time), got {array.shape}."
        )
    counted = array
    if array.ndim == 2 and np.shape(lengths) == (samples,):
        counted = array[np.arange(array.shape[1]) < np.asarray(lengths)[:, None]]
    elif array.ndim == 2 and np.shape(mask) == array.shape:
        counted = array[np.asarray(mask, bool)]
    total = float(counted.sum(dtype=np.float64))
    if not (np.isfinite(total) and array.min() >= 0 and total > 0):
        raise ValueError(f"{what}: sample_weight must be finite and at least 0, and at least one weight above zero.")
    return np.asarray(array * (counted.size / total))


def _of_equal_length(what: str, values: Any, checked: Callable[[str, Any], NDArray[Any]]) -> Any:
    if not values:
        raise ValueError(f"{what} is an empty {type(values).__name__}.")
    arrays = [checked(what + name, value) for name, value in named(values)]
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{len(array)} in {what}{name}" for array, (name, _) in zip(arrays, named(values)))
        raise ValueError(f"{what}: expected as many samples in each array, got {lengths}.")
    return dict(zip(values, arrays)) if isinstance(values, dict) else tuple(arrays)


def as_pair(what: str, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return samples and their targets as arrays.

    Raises:
        ValueError, TypeError: as for `as_samples`, or X and y differ in length.
    """
    samples, targets = as_samples(f"{what}: X", X), as_numbers(f"{what}: y", y)
    if len(targets) != len(samples):
        raise ValueError(
            f"{what}: X has {len(samples)} samples (shape {samples.shape}), but y has {len(targets)} "
            f"(shape {targets.shape})."
        )
    return samples, targets


def as_images(what: str, images: Any) -> NDArray[Any]:
    """Return `images` as numbers, `(samples, height, width)` or `(samples, height, width, channels)`.

    Raises:
        ValueError, TypeError: as for `as_samples`, or the number of axes differs.
    """
    array = as_samples(what, images)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{what}: expected images (samples, height, width) or (samples, height, width, channels), got shape "
            f"{array.shape}. Flatten them afterwards."
        )
    return array


def is_on_disk(array: NDArray[Any]) -> bool:
    """Return whether an array is memory-mapped, or a view of an array that is."""
    base: Any = array
    while isinstance(base, np.ndarray):
        if isinstance(base, np.memmap):
            return True
        base = base.base
    return isinstance(base, mmap.mmap)


def slices(samples: int, size: int, smallest: int = 1) -> Iterator[slice]:
    """Yield the rows of each batch. A last batch below `smallest` is merged with the batch before it.

    >>> list(slices(7, 3)), list(slices(7, 3, smallest=2))
    ([slice(0, 3, None), slice(3, 6, None), slice(6, 7, None)], [slice(0, 3, None), slice(3, 7, None)])
    """
    last = (batch_count(samples, size, smallest) - 1) * size
    return (slice(start, start + size if start < last else samples) for start in range(0, last + 1, size))


def batch_count(samples: int, size: int, smallest: int = 1) -> int:
    """Return the number of batches that `slices` yields."""
    return max(1, -(-samples // size) - (0 < samples % size < smallest))
