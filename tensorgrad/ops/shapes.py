"""The same elements in another arrangement: the gradient is arranged back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tensorgrad.domains import case
from tensorgrad.op import method, op
from tensorgrad.tensor import Tensor
from tensorgrad.typing import ArrayLike, Axis, Shape


@op(
    x=lambda g, x_shape: np.reshape(g, x_shape),
    numpy=np.reshape,
    examples=[case((2, 3), shape=(3, 2)), case((2, 3), shape=-1), case((), shape=(1, 1)), case((0, 3), shape=(3, 0))],
)
def reshape(x: ArrayLike, shape: int | Sequence[int]) -> Any:
    """The elements in another shape; one length may be -1, to be worked out.

    >>> reshape([1.0, 2.0, 3.0, 4.0], (2, 2))
    Tensor([[1., 2.],
            [3., 4.]])
    """
    return np.reshape(x, shape)


@op(
    x=lambda g, x_shape: np.reshape(g, x_shape),
    numpy=np.ravel,
    methods=["ravel", "flatten"],
    examples=[case((2, 3)), case(()), case((2, 1, 2))],
)
def ravel(x: ArrayLike) -> Any:
    """All elements in one row.

    >>> ravel([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 2., 3., 4.])
    """
    return np.ravel(x)


def _transposed_back(g: Any, axes: Sequence[int] | None) -> Any:
    return np.transpose(g) if axes is None else np.transpose(g, np.argsort([a % g.ndim for a in axes]))


@op(
    x=_transposed_back,
    numpy=np.transpose,
    examples=[case((2, 3)), case((2, 3, 4), axes=(1, 2, 0)), case((2, 3, 4), axes=(-1, 0, 1)), case(())],
)
def transpose(x: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed by default.

    >>> transpose([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return np.transpose(x, axes)


@op(
    x=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    numpy=np.swapaxes,
    methods=["swapaxes"],
    examples=[case((2, 3), axis1=0, axis2=1), case((2, 3, 4), axis1=-1, axis2=0)],
)
def swapaxes(x: ArrayLike, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> swapaxes([[1.0, 2.0]], 0, 1)
    Tensor([[1.],
            [2.]])
    """
    return np.swapaxes(x, axis1, axis2)


@op(
    x=lambda g, x_shape: np.reshape(g, x_shape),
    numpy=np.squeeze,
    methods=["squeeze"],
    examples=[case((1, 3, 1)), case((1, 3, 1), axis=0), case((2, 3)), case((1, 1, 2), axis=(0, -2))],
)
def squeeze(x: ArrayLike, axis: Axis = None) -> Any:
    """Without its axes of length 1, or without those named.

    >>> squeeze([[1.0, 2.0]])
    Tensor([1., 2.])
    """
    return np.squeeze(x, axis=axis)


@op(
    x=lambda g, x_shape: np.reshape(g, x_shape),
    numpy=np.expand_dims,
    examples=[case((2, 3), axis=0), case((2, 3), axis=(0, -1)), case((), axis=0)],
)
def expand_dims(x: ArrayLike, axis: int | Sequence[int]) -> Any:
    """With new axes of length 1 at the positions `axis` of the result.

    >>> expand_dims([1.0, 2.0], 0)
    Tensor([[1., 2.]])
    """
    return np.expand_dims(x, axis)


@op(
    x=lambda g: g,
    numpy=np.broadcast_to,
    examples=[case((3,), shape=(2, 3)), case((2, 1), shape=(4, 2, 3)), case((), shape=(2,)), case((1,), shape=(0,))],
)
def broadcast_to(x: ArrayLike, shape: int | Sequence[int]) -> Any:
    """Stretched to `shape` by NumPy's broadcasting; the gradient of an element is the sum over its copies.

    >>> broadcast_to([1.0, 2.0], (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(x, shape)


def _part(g: Any, index: int, arrays_shape: Sequence[Shape], axis: int | None) -> Any:
    """The part of `g` that came from array number `index`."""
    if axis is None:
        sizes = [int(np.prod(shape, dtype=int)) for shape in arrays_shape]
        start = int(np.sum(sizes[:index], dtype=int))
        return np.reshape(g[start : start + sizes[index]], arrays_shape[index])
    start = int(np.sum([shape[axis] for shape in arrays_shape[:index]], dtype=int))
    along = slice(start, start + arrays_shape[index][axis])
    return g[(slice(None),) * (axis % g.ndim) + (along,)]


@op(
    arrays=_part,
    sequence="arrays",
    numpy=np.concatenate,
    examples=[
        case([(2, 3), (1, 3)]),
        case([(2, 3), (2, 1), (2, 0)], axis=-1),
        case([(2,)], axis=0),
        case([(2, 3), (2,)], axis=None),
    ],
)
def concatenate(arrays: Sequence[ArrayLike], axis: int | None = 0) -> Any:
    """The arrays joined along an existing axis; with axis=None, all their elements in one row.

    >>> concatenate([[1.0, 2.0], [3.0]])
    Tensor([1., 2., 3.])
    """
    return np.concatenate(arrays, axis=axis)


@op(
    arrays=lambda g, index, axis: g[(slice(None),) * (axis % g.ndim) + (index,)],
    sequence="arrays",
    numpy=np.stack,
    examples=[case([(2, 3), (2, 3)]), case([(3,), (3,), (3,)], axis=-1), case([(), ()])],
)
def stack(arrays: Sequence[ArrayLike], axis: int = 0) -> Any:
    """The arrays, all of one shape, joined along a new axis.

    >>> stack([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [3., 4.]])
    """
    return np.stack(arrays, axis=axis)


@op(x=lambda g: g, numpy=np.copy, methods=["copy", "__copy__"])
def copy(x: ArrayLike) -> Any:
    """The same values in an array of their own.

    >>> copy([1.0, 2.0])
    Tensor([1., 2.])
    """
    return np.array(x)


@op(x=lambda g: g, methods=["astype"], examples=[case((2, 3), dtype=np.float64)])
def astype(x: ArrayLike, dtype: DTypeLike) -> Any:
    """Converted to another dtype; the gradient comes back in the old one.

    >>> astype([1, 2], np.float32)
    Tensor([1., 2.], dtype=float32)
    """
    return np.array(x, dtype=dtype)


def _given(arguments: tuple[Any, ...]) -> Any:
    """`t.reshape(2, 3)` and `t.reshape((2, 3))` mean the same."""
    return arguments[0] if len(arguments) == 1 and not isinstance(arguments[0], int) else arguments


def _reshape_method(self: Tensor, *shape: Any) -> Tensor:
    return reshape(self, _given(shape))


def _transpose_method(self: Tensor, *axes: Any) -> Tensor:
    return transpose(self, _given(axes) if axes else None)


method("reshape", _reshape_method)
method("transpose", _transpose_method)
method("T", property(transpose, doc="The axes in reverse order."))
