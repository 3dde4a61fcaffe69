"""Products of vectors and matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.typing import ArrayLike, Shape


def _matmul_left(g: Any, x_shape: Shape, y: Any) -> Any:
    """g @ yᵀ, with the axes that `matmul` added to vectors."""
    if y.ndim == 1:
        return np.expand_dims(g, -1) * y
    if len(x_shape) == 1:
        return np.squeeze(np.matmul(np.expand_dims(g, -2), np.swapaxes(y, -1, -2)), -2)
    return np.matmul(g, np.swapaxes(y, -1, -2))


def _matmul_right(g: Any, x: Any, y_shape: Shape) -> Any:
    """xᵀ @ g, with the axes that `matmul` added to vectors."""
    if x.ndim == 1:
        return x * g if len(y_shape) == 1 else np.expand_dims(x, -1) * np.expand_dims(g, -2)
    if len(y_shape) == 1:
        return np.squeeze(np.matmul(np.swapaxes(x, -1, -2), np.expand_dims(g, -1)), -1)
    return np.matmul(np.swapaxes(x, -1, -2), g)


@op(
    x=_matmul_left,
    y=_matmul_right,
    numpy=np.matmul,
    methods=["__matmul__"],
    reflected="__rmatmul__",
    examples=[
        case((2, 3), (3, 4)),
        case((3,), (3,)),
        case((3,), (3, 2)),
        case((2, 3), (3,)),
        case((3,), (2, 3, 4)),
        case((2, 4, 3), (3,)),
        case((2, 1, 2, 3), (4, 3, 2)),
        case((0, 3), (3, 2)),
    ],
)
def matmul(x: ArrayLike, y: ArrayLike) -> Any:
    """Matrix product x @ y, of stacks of matrices and of vectors as NumPy has it: ∂x = g @ yᵀ, ∂y = xᵀ @ g.

    >>> matmul([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor([[11.]])
    """
    return np.matmul(x, y)


def _as_columns(y: Any) -> Any:
    """`y` as a matrix whose columns are the vectors that `dot` multiplies with."""
    if y.ndim <= 2:
        return y
    contracted_first = np.transpose(y, (y.ndim - 2, *range(y.ndim - 2), y.ndim - 1))
    return np.reshape(contracted_first, (y.shape[-2], -1))


def _dot_left(g: Any, x_shape: Shape, y: Any) -> Any:
    if not x_shape or np.ndim(y) == 0:
        return g * y
    rows = (int(np.prod(x_shape[:-1], dtype=int)), -1)
    columns = _as_columns(y) if y.ndim > 1 else np.reshape(y, (-1, 1))
    return np.reshape(np.matmul(np.reshape(g, (rows[0], columns.shape[1])), columns.T), x_shape)


def _dot_right(g: Any, x: Any, y_shape: Shape) -> Any:
    if np.ndim(x) == 0 or not y_shape:
        return g * x
    rows = np.reshape(x, (int(np.prod(x.shape[:-1], dtype=int)), x.shape[-1]))
    others = (*y_shape[:-2], *y_shape[-1:]) if len(y_shape) > 1 else ()
    columns = np.matmul(rows.T, np.reshape(g, (rows.shape[0], int(np.prod(others, dtype=int)))))
    if len(y_shape) <= 2:
        return np.reshape(columns, y_shape)
    contracted_first = np.reshape(columns, (y_shape[-2], *others))
    return np.transpose(contracted_first, (*range(1, len(y_shape) - 1), 0, len(y_shape) - 1))


@op(
    x=_dot_left,
    y=_dot_right,
    numpy=np.dot,
    methods=["dot"],
    examples=[
        case((), (2, 3)),
        case((2, 3), ()),
        case((3,), (3,)),
        case((2, 3), (3,)),
        case((3,), (3, 2)),
        case((2, 3), (3, 4)),
        case((2, 2, 3), (3, 2)),
        case((2, 3), (2, 3, 4)),
        case((2, 2, 3), (2, 3, 2)),
    ],
)
def dot(x: ArrayLike, y: ArrayLike) -> Any:
    """NumPy's dot product: numbers multiply, vectors and matrices as in `matmul`, and for more axes the sum runs
    over the last axis of `x` and the last but one of `y`.

    >>> dot([1.0, 2.0], [3.0, 4.0])
    Tensor(11.)
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0:
        return x * y
    product = np.matmul(x, _as_columns(y))
    return product if y.ndim <= 2 else np.reshape(product, (*x.shape[:-1], *y.shape[:-2], y.shape[-1]))
