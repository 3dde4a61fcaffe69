"""Functions of `numpy.linalg` that share a name with one in `numpy` but work on the last axes of a stack.

See the Python array API standard, "Linear algebra extension". Those of the same name are available as
`tg.linalg.<name>` only; `matrix_transpose`, `matvec`, `vecdot` and `vecmat` are in `tg`.
"""

from __future__ import annotations

import numpy as np

from tensorgrad._composing import composed, method
from tensorgrad._typing import ArrayLike, DTypeLike
from tensorgrad.domains import case
from tensorgrad.ops._reduced_axes import length_of
from tensorgrad.ops.elementwise.arithmetic import multiply
from tensorgrad.ops.indexing import diagonals
from tensorgrad.ops.linalg import products, traces
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.axes import expand_dims, swapaxes
from tensorgrad.ops.shape.reshaping import squeeze
from tensorgrad.tensor import Tensor

__all__ = ["matrix_transpose", "matvec", "vecdot", "vecmat"]


@composed(
    "x",
    numpy=[np.matrix_transpose, np.linalg.matrix_transpose],
    examples=[case((2, 3)), case((3, 1)), case((2, 3, 4)), case((0, 2))],
)
def matrix_transpose(x: ArrayLike, /) -> Tensor:
    """Exchange the last two axes.

    Raises:
        ValueError: fewer than two axes.

    >>> matrix_transpose([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    if np.ndim(x) < 2:
        raise ValueError(f"expected at least 2 axes, got shape {np.shape(x)}.")
    return swapaxes(x, -1, -2)


method("mT", property(matrix_transpose, doc="The last two axes exchanged."))


@composed(
    "x1",
    "x2",
    numpy=[np.vecdot, np.linalg.vecdot],
    examples=[case((3,), (3,)), case((2, 3), (3,)), case((2, 1, 3), (4, 3)), case((2, 0), (2, 0))],
)
def vecdot(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """Σ x₁x₂ over one axis, which has the same length in both; the others broadcast.

    >>> vecdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    Tensor([21., 43.])
    """
    lengths = tuple(length_of(x, axis) for x in (x1, x2))
    if lengths[0] != lengths[1]:
        raise ValueError(f"expected vectors of one length, got {lengths[0]} and {lengths[1]}.")
    return sum(multiply(x1, x2), axis)


@composed(
    "x1",
    "x2",
    numpy=getattr(np, "matvec", ()),
    examples=[case((2, 3), (3,)), case((2, 1, 3), (2, 3)), case((2, 2, 3), (3,)), case((2, 0), (0,))],
    reference=lambda x1, x2: np.squeeze(np.matmul(x1, np.expand_dims(x2, -1)), -1),
)
def matvec(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """Product of each matrix in x₁ with the vector in x₂; the axes before them broadcast.

    >>> matvec([[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    Tensor([21., 43.])
    """
    _check_stack(x1, 2)
    _check_stack(x2, 1)
    return squeeze(matmul(x1, expand_dims(x2, -1)), -1)


@composed(
    "x1",
    "x2",
    numpy=getattr(np, "vecmat", ()),
    examples=[case((2,), (2, 3)), case((2, 2), (2, 3)), case((2,), (2, 2, 3)), case((0,), (0, 2))],
    reference=lambda x1, x2: np.squeeze(np.matmul(np.expand_dims(x1, -2), x2), -2),
)
def vecmat(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """Product of the vector in x₁ with each matrix in x₂; the axes before them broadcast.

    >>> vecmat([1.0, 10.0], [[1.0, 2.0], [3.0, 4.0]])
    Tensor([31., 42.])
    """
    _check_stack(x1, 1)
    _check_stack(x2, 2)
    return squeeze(matmul(expand_dims(x1, -2), x2), -2)


def _check_stack(x: ArrayLike, least: int) -> None:
    if np.ndim(x) < least:
        raise ValueError(f"expected {'a vector' if least == 1 else 'matrices'}, got shape {np.shape(x)}.")


@composed(
    "x",
    numpy=np.linalg.diagonal,
    examples=[case((3, 3)), case((2, 3), offset=1), case((2, 3, 2), offset=-1), case((0, 2))],
)
def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Tensor:
    """Return the elements x[…, i, i + offset] of each matrix.

    >>> diagonal([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 4.])
    """
    return diagonals.diagonal(x, offset, -2, -1)


@composed(
    "x",
    numpy=np.linalg.trace,
    examples=[case((3, 3)), case((2, 3), offset=1), case((2, 3, 2), offset=-1), case((0, 2))],
)
def trace(x: ArrayLike, /, *, offset: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Sum of the diagonal of each matrix.

    >>> trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    return traces.trace(x, offset, -2, -1, dtype)


@composed("x1", "x2", numpy=np.linalg.outer, examples=[case((2,), (3,)), case((1,), (1,)), case((3,), (0,))])
def outer(x1: ArrayLike, x2: ArrayLike, /) -> Tensor:
    """Outer product of two vectors.

    Raises:
        ValueError: an argument is not a vector.

    >>> outer([1.0, 2.0], [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    if np.ndim(x1) != 1 or np.ndim(x2) != 1:
        raise ValueError(f"expected two vectors, got shapes {np.shape(x1)} and {np.shape(x2)}.")
    return products.outer(x1, x2)


@composed(
    "x1",
    "x2",
    numpy=np.linalg.cross,
    examples=[case((3,), (3,)), case((2, 3), (3,)), case((2, 3, 2), (2, 3, 2), axis=1), case((0, 3), (3,))],
)
def cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Tensor:
    """Vector product of vectors of 3 elements along `axis`.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    return products.cross(x1, x2, axis=axis)
