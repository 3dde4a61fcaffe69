"""Diagonals and triangles of matrices: elements outside receive no gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter

__all__ = ["diag", "diagflat", "diagonal", "tril", "triu"]


def _places(rows: int, columns: int, offset: int) -> slice:
    """Where the diagonal lies in a matrix that is read row by row."""
    row, column = max(-offset, 0), max(offset, 0)
    length = max(min(rows - row, columns - column), 0)
    first = row * columns + column
    return slice(first, first + length * (columns + 1), columns + 1)


def _on_diagonal(g: Any, a_shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    """Zeros of shape `a_shape` with `g` on the diagonal."""
    rows, columns = a_shape[axis1], a_shape[axis2]
    others = np.moveaxis(g, -1, 0)
    flat = scatter.apply(others, _places(rows, columns, offset), (rows * columns, *others.shape[1:]))
    return np.moveaxis(np.reshape(flat, (rows, columns, *others.shape[1:])), (0, 1), (axis1, axis2))


@op(
    a=_on_diagonal,
    numpy=np.diagonal,
    methods=["diagonal"],
    examples=[
        case((3, 3)),
        case((2, 3), offset=1),
        case((3, 2), offset=-2),
        case((2, 3), offset=5),
        case((2, 3, 4), axis1=-1, axis2=0),
        case((2, 3, 4), offset=-1, axis1=1, axis2=2),
        case((0, 2)),
    ],
    linear=True,
    view=True,
)
def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the elements a[…, i, …, i + offset, …] of two axes, along a new last axis.

    >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 4.])
    """
    return np.diagonal(a, offset, axis1, axis2)


def _diag_back(g: Any, v_shape: Shape, k: int) -> Any:
    return np.diagonal(g, k) if len(v_shape) == 1 else _on_diagonal(g, v_shape, k, 0, 1)


@op(
    v=_diag_back,
    numpy=np.diag,
    examples=[
        case((3,)),
        case((2,), k=-1),
        case((3, 3)),
        case((2, 3), k=1),
        case((3, 2), k=-1),
        case((2, 3), k=4),
        case((0,)),
        case((0, 2)),
    ],
    linear=True,
    view=True,
)
def diag(v: ArrayLike, k: int = 0) -> Any:
    """Return a matrix with the vector `v` on its k-th diagonal, or the k-th diagonal of a matrix.

    >>> diag([1.0, 2.0])
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return np.diag(v, k)


@op(
    v=lambda g, v_shape, k: np.reshape(np.diagonal(g, k), v_shape),
    numpy=np.diagflat,
    examples=[case((3,)), case((2, 2), k=1), case((2, 1), k=-2), case(()), case((0,))],
    linear=True,
)
def diagflat(v: ArrayLike, k: int = 0) -> Any:
    """Return a matrix with all elements of `v` on its k-th diagonal.

    >>> diagflat([[1.0, 2.0]])
    Tensor([[1., 0.],
            [0., 2.]])
    """
    return np.diagflat(v, k)


@op(
    m=lambda g, k: np.tril(g, k),
    numpy=np.tril,
    examples=[case((3, 3)), case((2, 3), k=1), case((2, 3, 2), k=-1), case((3,)), case((0, 2))],
    linear=True,
)
def tril(m: ArrayLike, k: int = 0) -> Any:
    """Return the lower triangle: zeros above the k-th diagonal, in each matrix of the last two axes.

    >>> tril([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 0.],
            [3., 4.]])
    """
    return np.tril(m, k)


@op(
    m=lambda g, k: np.triu(g, k),
    numpy=np.triu,
    examples=[case((3, 3)), case((2, 3), k=1), case((2, 3, 2), k=-1), case((3,)), case((0, 2))],
    linear=True,
)
def triu(m: ArrayLike, k: int = 0) -> Any:
    """Return the upper triangle: zeros below the k-th diagonal, in each matrix of the last two axes.

    >>> triu([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [0., 4.]])
    """
    return np.triu(m, k)
