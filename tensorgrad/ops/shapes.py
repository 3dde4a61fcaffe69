"""The same elements in another arrangement: the gradient is arranged back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from tensorgrad.domains import case
from tensorgrad.op import method, op
from tensorgrad.tensor import Tensor
from tensorgrad.typing import ArrayLike, Axis

__all__ = ["astype", "broadcast_to", "copy", "expand_dims", "ravel", "reshape", "squeeze", "swapaxes", "transpose"]


def _check_order(order: str) -> None:
    """Only orders that follow from the values' places: a tensor has no memory layout of its own."""
    if order not in ("C", "F"):
        raise ValueError(f"order must be 'C' (last axis fastest) or 'F' (first axis fastest), got {order!r}")


@op(
    a=lambda g, a_shape, order: np.reshape(g, a_shape, order),
    numpy=np.reshape,
    examples=[
        case((2, 3), shape=(3, 2)),
        case((2, 3), shape=-1),
        case((), shape=(1, 1)),
        case((0, 3), shape=(3, 0)),
        case((2, 3, 2), shape=(3, -1), order="F"),
    ],
    linear=True,
)
def reshape(
    a: ArrayLike, shape: int | Sequence[int], order: Literal["C", "F"] = "C", *, copy: bool | None = None
) -> Any:
    """The elements in another shape; one length may be -1, to be worked out.

    They are read and placed with the last axis changing fastest, or with order="F" the first. `copy` is NumPy's:
    True for memory of its own, False for an error where that would be needed.

    >>> reshape([1.0, 2.0, 3.0, 4.0], (2, 2))
    Tensor([[1., 2.],
            [3., 4.]])
    """
    _check_order(order)
    result = np.reshape(a, shape, order)  # NumPy's own `copy` is there since 2.1
    if copy is False and np.size(a) and not np.may_share_memory(a, result):
        raise ValueError(f"copy=False, but elements of shape {np.shape(a)} cannot be read as {shape} without a copy.")
    return np.copy(result) if copy else result


@op(
    a=lambda g, a_shape, order: np.reshape(g, a_shape, order),
    numpy=np.ravel,
    methods=["ravel", "flatten"],
    examples=[case((2, 3)), case(()), case((2, 1, 2)), case((0, 2)), case((2, 3, 2), order="F")],
    linear=True,
)
def ravel(a: ArrayLike, order: Literal["C", "F"] = "C") -> Any:
    """All elements in one row, the last axis changing fastest, or with order="F" the first.

    >>> ravel([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 2., 3., 4.])
    """
    _check_order(order)
    return np.ravel(a, order)


def _transposed_back(g: Any, axes: Sequence[int] | None) -> Any:
    """`np.transpose(g) if axes is None else np.transpose(g, np.argsort(np.mod(axes, g.ndim)))`."""
    return np.transpose(g) if axes is None else np.transpose(g, np.argsort([a % g.ndim for a in axes]))


@op(
    a=_transposed_back,
    numpy=np.transpose,
    examples=[case((2, 3)), case((2, 3, 4), axes=(1, 2, 0)), case((2, 3, 4), axes=(-1, 0, 1)), case(())],
    linear=True,
)
def transpose(a: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """The axes in another order; reversed by default.

    >>> transpose([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return np.transpose(a, axes)


@op(
    a=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    numpy=np.swapaxes,
    methods=["swapaxes"],
    examples=[case((2, 3), axis1=0, axis2=1), case((2, 3, 4), axis1=-1, axis2=0)],
    linear=True,
)
def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> Any:
    """Two axes exchanged.

    >>> swapaxes([[1.0, 2.0]], 0, 1)
    Tensor([[1.],
            [2.]])
    """
    return np.swapaxes(a, axis1, axis2)


@op(
    a=lambda g, a_shape: np.reshape(g, a_shape),
    numpy=np.squeeze,
    methods=["squeeze"],
    examples=[case((1, 3, 1)), case((1, 3, 1), axis=0), case((2, 3)), case((1, 1, 2), axis=(0, -2))],
    linear=True,
)
def squeeze(a: ArrayLike, axis: Axis = None) -> Any:
    """Without its axes of length 1, or without those named.

    >>> squeeze([[1.0, 2.0]])
    Tensor([1., 2.])
    """
    return np.squeeze(a, axis=axis)


@op(
    a=lambda g, a_shape: np.reshape(g, a_shape),
    numpy=np.expand_dims,
    examples=[case((2, 3), axis=0), case((2, 3), axis=(0, -1)), case((), axis=0)],
    linear=True,
)
def expand_dims(a: ArrayLike, axis: int | Sequence[int]) -> Any:
    """With new axes of length 1 at the positions `axis` of the result.

    >>> expand_dims([1.0, 2.0], 0)
    Tensor([[1., 2.]])
    """
    return np.expand_dims(a, axis)


@op(
    array=lambda g: g,
    numpy=np.broadcast_to,
    examples=[case((3,), shape=(2, 3)), case((2, 1), shape=(4, 2, 3)), case((), shape=(2,)), case((1,), shape=(0,))],
    linear=True,
)
def broadcast_to(array: ArrayLike, shape: int | Sequence[int]) -> Any:
    """Stretched to `shape` by NumPy's broadcasting; the gradient of an element is the sum over its copies.

    >>> broadcast_to([1.0, 2.0], (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(array, shape)


@op(a=lambda g: g, numpy=np.copy, methods=["copy"], linear=True)
def copy(a: ArrayLike, order: Literal["K", "A", "C", "F"] = "K") -> Any:
    """The same values in an array of their own, laid out in memory as `order` says.

    >>> copy([1.0, 2.0])
    Tensor([1., 2.])
    """
    return np.array(a, order=order)


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


def _reshape_method(self: Tensor, *shape: Any, order: Literal["C", "F"] = "C", copy: bool | None = None) -> Tensor:
    return reshape(self, _given(shape), order, copy=copy)


def _transpose_method(self: Tensor, *axes: Any) -> Tensor:
    return transpose(self, _given(axes) if axes else None)


method("reshape", _reshape_method)
method("transpose", _transpose_method)
method("T", property(transpose, doc="The axes in reverse order."))
