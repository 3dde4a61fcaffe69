"""Reshaping, copying and conversion: the gradient returns to the original shape and dtype."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from tensorgrad import numpy_dispatch
from tensorgrad._arrays import as_array
from tensorgrad._composing import method
from tensorgrad._typing import ArrayLike, Axis, Casting
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.tensor import Tensor

__all__ = ["astype", "copy", "ravel", "reshape", "squeeze"]


def _check_order(order: str) -> None:
    """Raise an error for orders that depend on the memory layout, which tensors do not define."""
    if order not in ("C", "F"):
        hint = ". To flatten all axes but the first, write t.reshape(len(t), -1)" if isinstance(order, int) else ""
        raise ValueError(f"order must be 'C' (last axis fastest) or 'F' (first axis fastest), got {order!r}{hint}")


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
    view=True,
)
def reshape(
    a: ArrayLike, shape: int | Sequence[int], order: Literal["C", "F"] = "C", *, copy: bool | None = None
) -> Any:
    """Change the shape without changing the elements; one length may be -1 and is then inferred.

    Elements are read and placed with the last axis changing fastest, or with order="F" the first. As in NumPy,
    `copy=True` always copies, and `copy=False` raises an error where a copy would be needed.

    >>> reshape([1.0, 2.0, 3.0, 4.0], (2, 2))
    Tensor([[1., 2.],
            [3., 4.]])
    """
    _check_order(order)
    result = np.reshape(a, shape, order)  # NumPy has `copy` since 2.1
    if copy is False and np.size(a) and not np.may_share_memory(a, result):
        raise ValueError(f"copy=False, but elements of shape {np.shape(a)} cannot be read as {shape} without a copy.")
    return np.copy(result) if copy else result


@op(
    a=lambda g, a_shape, order: np.reshape(g, a_shape, order),
    numpy=np.ravel,
    methods=["ravel", "flatten"],
    examples=[case((2, 3)), case(()), case((2, 1, 2)), case((0, 2)), case((2, 3, 2), order="F")],
    linear=True,
    view=True,
)
def ravel(a: ArrayLike, order: Literal["C", "F"] = "C") -> Any:
    """Flatten an array, with the last axis changing fastest, or with order="F" the first.

    >>> ravel([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 2., 3., 4.])
    """
    _check_order(order)
    return np.ravel(a, order)


@op(
    a=lambda g, a_shape: np.reshape(g, a_shape),
    numpy=np.squeeze,
    methods=["squeeze"],
    examples=[case((1, 3, 1)), case((1, 3, 1), axis=0), case((2, 3)), case((1, 1, 2), axis=(0, -2))],
    linear=True,
    view=True,
)
def squeeze(a: ArrayLike, axis: Axis = None) -> Any:
    """Remove axes of length 1: all of them, or those in `axis`.

    >>> squeeze([[1.0, 2.0]])
    Tensor([1., 2.])
    """
    return np.squeeze(a, axis=axis)


@op(a=lambda g: g, numpy=np.copy, methods=["copy"], linear=True)
def copy(a: ArrayLike, order: Literal["K", "A", "C", "F"] = "K") -> Any:
    """Return a copy with the memory layout `order`.

    >>> copy([1.0, 2.0])
    Tensor([1., 2.])
    """
    return np.copy(a, order)


@op(
    x=lambda g: g,
    methods=["astype"],
    examples=[case((2, 3), dtype=np.float64)],
    reference=lambda x, dtype: np.array(x, dtype),
)
def astype(
    x: ArrayLike,
    dtype: DTypeLike,
    *,
    copy: bool = True,
    casting: Casting = "unsafe",
    device: Literal["cpu"] | None = None,
) -> Any:
    """Convert to another dtype, as far as `casting` allows; the gradient is converted back.

    `copy` has no effect: tensors are values. `device` is "cpu" or None, as in NumPy.

    >>> astype([1, 2], np.float32)
    Tensor([1., 2.], dtype=float32)
    """
    if device not in (None, "cpu"):
        raise ValueError(f'expected device "cpu" or None, got {device!r}')
    array = as_array(x)
    return array.astype(dtype) if casting == "unsafe" else array.astype(dtype, casting=casting)


if hasattr(np, "astype"):  # since NumPy 2.1
    numpy_dispatch.answers[np.astype] = astype


def one_or_several(arguments: tuple[Any, ...]) -> Any:
    """Return the shape or axes of a method call: `t.reshape(2, 3)` is equivalent to `t.reshape((2, 3))`."""
    return arguments[0] if len(arguments) == 1 and not isinstance(arguments[0], int) else arguments


def _reshape_method(self: Tensor, *shape: Any, order: Literal["C", "F"] = "C", copy: bool | None = None) -> Tensor:
    return reshape(self, one_or_several(shape), order, copy=copy)


method("reshape", _reshape_method)
