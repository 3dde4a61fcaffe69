"""Blocks of samples that fit in the processor's caches, arrays that begin at a cache line, copies of whole pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK_BYTES = 600_000
"""Bytes in a block. Several passes over a block of this size stay in the cache, and the overhead of calls is small.

400 to 900 KB take the same time; 200 KB take up to a quarter more.
"""

CACHE_LINE = 64

BUFFER = 2048
"""Size of NumPy's buffers, in elements. The buffers of three operands then fit in the L1 cache: 24 KB in float32."""


def blocks(samples: int, sample_bytes: int) -> Iterator[slice]:
    """Yield slices with at least one sample each.

    >>> list(blocks(5, 250_000))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, BLOCK_BYTES // max(sample_bytes, 1))
    return (slice(start, start + step) for start in range(0, samples, step))


def pixels_as_items(x: NDArray[Any]) -> NDArray[Any]:
    """Return a view in which each pixel (the last axis) is one item. Copying it takes half the time."""
    return x.view(f"V{x.shape[-1] * x.itemsize}")[..., 0]


def aligned(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an array without values that begins at a cache line. It is a view, and not meant as a result.

    NumPy's arrays begin at any multiple of 16 bytes, and then vectors of 32 or 64 bytes lie across two cache lines. An
    elementwise operation on arrays in the cache that writes such vectors takes up to twice as long.
    """
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    memory = np.empty(size + CACHE_LINE, np.uint8)
    start = -memory.__array_interface__["data"][0] % CACHE_LINE
    return memory[start : start + size].view(dtype).reshape(shape)


class Scratch:
    """Arrays for intermediate results that are reused from block to block, so that they stay in the cache.

    New arrays for each block would lie elsewhere in memory. With reuse, average-pooling takes 0.9 of the time.
    """

    def __init__(self) -> None:
        self.arrays: dict[tuple[Any, ...], NDArray[Any]] = {}

    def array(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return the array of that name, with arbitrary values. The first block must be the largest."""
        key = (name, *shape[1:])
        if key not in self.arrays:
            self.arrays[key] = aligned(shape, dtype)
        return self.arrays[key][: shape[0]]


def aligned_copy(array: NDArray[Any]) -> NDArray[Any]:
    """Return a contiguous copy that begins at a cache line."""
    copy = aligned(array.shape, array.dtype)
    copy[...] = array
    return copy


class SmallBuffers:
    """Context in which NumPy's buffers are smaller, for elementwise operations on parts of arrays.

    Since 2.3, NumPy copies the rows of such parts into buffers of 8,192 numbers if they are shorter. The buffers of
    three operands do not fit in the L1 cache. With smaller ones, an operation on rows of 64 to 448 numbers takes 0.6 to
    0.9 of the time. Rows of 2,048 numbers are not copied, and take a quarter of the time (benchmarks/NOTES.md).

    >>> with SmallBuffers():
    ...     np.getbufsize()
    2048
    """

    def __enter__(self) -> None:
        self.before = np.setbufsize(BUFFER)

    def __exit__(self, *error: object) -> None:
        np.setbufsize(self.before)
