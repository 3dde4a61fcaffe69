"""Traces: sums of diagonals."""

from __future__ import annotations

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, DTypeLike
from tensorgrad.domains import case
from tensorgrad.ops.indexing.diagonals import diagonal
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.tensor import Tensor

__all__ = ["trace"]


@composed(
    "a",
    numpy=np.trace,
    methods=["trace"],
    examples=[
        case((3, 3)),
        case((2, 3), offset=1),
        case((3, 2), offset=-2),
        case((2, 3), offset=5),
        case((2, 3, 4), axis1=-1, axis2=0),
        case((2, 3, 3), offset=-1, axis1=1, axis2=2),
        case((0, 2)),
    ],
)
def trace(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None) -> Tensor:
    """Sum of a diagonal, Σa[…, i, …, i + offset, …]: each of its elements receives the gradient.

    >>> trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    return sum(diagonal(a, offset, axis1, axis2), -1, dtype)
