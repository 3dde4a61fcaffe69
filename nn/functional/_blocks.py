"""Blocks of samples that fit into the processor's second cache: what is computed in several passes stays there."""

from __future__ import annotations

from collections.abc import Iterator

BLOCK_BYTES = 250_000


def blocks(samples: int, sample_bytes: int) -> Iterator[slice]:
    """Yield slices of the samples, at least one in each.

    >>> list(blocks(5, 100_000))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(1, BLOCK_BYTES // max(sample_bytes, 1))
    return (slice(start, start + step) for start in range(0, samples, step))
