"""What samples and targets must be like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from numpy.typing import NDArray

from nn.data.conversion import to_array
from tensorgrad import Tensor


def as_numbers(what: str, values: Any) -> NDArray[Any]:
    """Return `values` as an array of real numbers with a row for each sample: itself, if it is one.

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
    """`X` as numbers, `(samples, ...)`, of at least one sample.

    Raises:
        ValueError, TypeError: as `as_numbers`, or there is no sample.
    """
    samples = as_numbers(what, X)
    if not len(samples):
        raise ValueError(f"{what} is empty (shape {samples.shape}).")
    return samples


def as_pair(what: str, X: Any, y: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Samples and a target for each.

    Raises:
        ValueError, TypeError: as `as_samples`, or X and y are of different length.
    """
    samples, targets = as_samples(f"{what}: X", X), as_numbers(f"{what}: y", y)
    if len(targets) != len(samples):
        raise ValueError(
            f"{what}: X has {len(samples)} samples (shape {samples.shape}), but y has {len(targets)} "
            f"(shape {targets.shape})."
        )
    return samples, targets


def as_images(what: str, images: Any) -> NDArray[Any]:
    """`images` as numbers, `(samples, height, width)` or `(samples, height, width, channels)`.

    Raises:
        ValueError, TypeError: as `as_samples`, or another number of axes.
    """
    array = as_samples(what, images)
    if array.ndim not in (3, 4):
        raise ValueError(
            f"{what}: expected images (samples, height, width) or (samples, height, width, channels), got shape "
            f"{array.shape}. Flatten them afterwards."
        )
    return array


def slices(samples: int, size: int) -> Iterator[slice]:
    """The rows of each batch."""
    return (slice(start, start + size) for start in range(0, samples, size))
