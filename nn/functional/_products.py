"""Matrix products in pieces that OpenBLAS computes without copying their operands.

OpenBLAS first copies the operands of a product into packed blocks. For matrices with few columns, that takes up to half
of the time. For processors with AVX-512 it also has kernels that need no copies, for products of at most a million
multiplications. Pieces of that size take 0.5 to 0.9 of the time of the whole there, and longer on other processors.
They use one thread each. Their right operand should begin at a cache line (`_blocks.aligned`): otherwise they take up
to 1.4 times as long.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

SMALL = 1_000_000
"""Multiplications of a product that OpenBLAS regards as small."""

FEWEST_ROWS, FEWEST_SUMMED_ROWS = 8, 48
"""Rows of a piece below which the pieces are slower than the whole: of `a @ b`, and of `a.T @ b`."""

KERNELS = ("skylakex", "cooperlake", "sapphirerapids")
"""Sets of kernels of OpenBLAS for AVX-512."""


def multiply(a: Array, b: Array, out: Array) -> None:
    """Write `a @ b` into `out`."""
    for rows, results in pieces(a, out, b.size):
        np.matmul(rows, b, out=results)


def pieces(a: Array, b: Array, multiplications: int, fewest: int = FEWEST_ROWS) -> list[tuple[Array, Array]]:
    """View the rows of two matrices as stacks of pieces, `(pieces, rows, columns)`.

    Args:
        a, b: matrices with the same number of rows.
        multiplications: for each row of the product that is computed in pieces.
        fewest: the rows of a piece below which the pieces are slower than the whole.

    Returns:
        Both stacks, and those of the rows that are left over, if any.
    """
    rows = _rows_of_a_piece(len(a), multiplications, fewest)
    whole = len(a) // rows * rows
    found = [(a[:whole].reshape(-1, rows, a.shape[1]), b[:whole].reshape(-1, rows, b.shape[1]))] if whole else []
    if whole < len(a):
        found.append((a[None, whole:], b[None, whole:]))
    return found


def rows_in_pieces(array: Array, b: Array) -> Array:
    """View the next to last axis of an array as pieces for products with `b`, if their number of rows divides it."""
    *leading, rows, columns = array.shape
    for count in range(1, rows // FEWEST_ROWS + 1):
        if rows % count == 0 and rows // count * b.size <= SMALL and small_is_fast():
            return array.reshape(*leading, count, rows // count, columns)
    return array


def summed_pieces(a: Array, b: Array) -> list[tuple[Array, Array]]:
    """Return stacks of pieces of `a.T` and of `b`, for the product `a.T @ b`: the sum over all of them."""
    found = pieces(a, b, a.shape[1] * b.shape[1], FEWEST_SUMMED_ROWS)
    return [(rows.transpose(0, 2, 1), others) for rows, others in found]


def _rows_of_a_piece(rows: int, multiplications: int, fewest: int) -> int:
    """Return how many rows, with that many multiplications each, make a piece: all if pieces are not faster.

    The pieces are as equal as possible, in steps of four rows.
    """
    small = SMALL // max(multiplications, 1)
    if rows <= small or small < fewest or not small_is_fast():
        return max(rows, 1)
    equal = -(-rows // -(-rows // small))
    return min(-(-equal // 4) * 4, small)


@functools.cache
def small_is_fast() -> bool:
    """Return whether small products are faster: OpenBLAS has the kernels and could not use many threads anyway."""
    tanh = np.lib.introspect.opt_func_info(func_name="^tanh$", signature="float32")
    targets = {target["current"] for signatures in tanh.values() for target in signatures.values()}
    has_avx_512 = not targets.isdisjoint({"AVX512_SKX", "X86_V4"})
    kernel = os.environ.get("OPENBLAS_CORETYPE", KERNELS[0])
    return has_avx_512 and kernel.lower() in KERNELS and _threads() <= 2


def _threads() -> int:
    """Return how many threads OpenBLAS may use: as many as its variables say, or one for each processor."""
    for name in ("OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS"):
        if os.environ.get(name, "").isdecimal():
            return int(os.environ[name])
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
