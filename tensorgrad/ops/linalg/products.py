"""Products that are linear in each factor: each receives the gradient times the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._reduced_axes import length_of

__all__ = ["cross", "inner", "kron", "outer", "tensordot", "vdot"]


@op(
    a=lambda g, a_shape, b: np.reshape(g * np.ravel(b), a_shape),
    b=lambda g, a, b_shape: np.reshape(g * np.ravel(a), b_shape),
    numpy=np.vdot,
    examples=[case((3,), (3,)), case((2, 3), (2, 3)), case((2, 3), (6,)), case((), ()), case((0,), (0,))],
    linear=True,
)
def vdot(a: ArrayLike, b: ArrayLike) -> Any:
    """Σ aᵢbᵢ over all elements, whatever the shapes: ∂a = g·b, ∂b = g·a.

    >>> vdot([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.0, 0.0, 1.0])
    Tensor(5.)
    """
    return np.vdot(a, b)  # type: ignore[arg-type]


def _inner_left(g: Any, a_shape: Shape, b: Any) -> Any:
    if not a_shape or np.ndim(b) == 0:
        return g * b
    kept = len(a_shape) - 1
    return np.tensordot(g, b, axes=(range(kept, g.ndim), range(np.ndim(b) - 1)))


def _inner_right(g: Any, a: Any, b_shape: Shape) -> Any:
    if np.ndim(a) == 0 or not b_shape:
        return g * a
    kept = range(np.ndim(a) - 1)
    return np.tensordot(g, a, axes=(kept, kept))


@op(
    a=_inner_left,
    b=_inner_right,
    numpy=np.inner,
    examples=[
        case((3,), (3,)),
        case((2, 3), (3,)),
        case((3,), (2, 3)),
        case((2, 3), (4, 3)),
        case((2, 1, 3), (2, 2, 3)),
        case((), (2, 3)),
        case((2, 3), ()),
        case((2, 0), (3, 0)),
    ],
    linear=True,
)
def inner(a: ArrayLike, b: ArrayLike) -> Any:
    """Sum of products over the last axes; numbers multiply.

    >>> inner([1.0, 2.0], [[3.0, 4.0], [5.0, 6.0]])
    Tensor([11., 17.])
    """
    return np.inner(a, b)


@op(
    a=lambda g, a_shape, b: np.reshape(np.matmul(g, np.ravel(b)), a_shape),
    b=lambda g, a, b_shape: np.reshape(np.matmul(np.ravel(a), g), b_shape),
    numpy=np.outer,
    examples=[case((2,), (3,)), case((2, 2), (3,)), case((), (3,)), case((), ()), case((0,), (3,))],
    linear=True,
)
def outer(a: ArrayLike, b: ArrayLike) -> Any:
    """Every element of `a` times every element of `b`: ∂a = g b, ∂b = gᵀa.

    >>> outer([1.0, 2.0], [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return np.outer(a, b)  # type: ignore[arg-type]


def _paired(axes: Any, a_ndim: int, b_ndim: int) -> tuple[list[int], list[int]]:
    """Return the non-negative axes of a and of b that `tensordot` sums over, in matching order."""
    if isinstance(axes, (int, np.integer)):
        return list(range(a_ndim - int(axes), a_ndim)), list(range(int(axes)))
    of_a, of_b = (np.reshape(each, -1).tolist() for each in axes)
    return [axis % a_ndim for axis in of_a], [axis % b_ndim for axis in of_b]


def _others(axes: Sequence[int], ndim: int) -> list[int]:
    return [axis for axis in range(ndim) if axis not in axes]


def _tensordot_left(g: Any, a_shape: Shape, b: Any, axes: Any) -> Any:
    of_a, of_b = _paired(axes, len(a_shape), np.ndim(b))
    free = _others(of_a, len(a_shape))
    product = np.tensordot(g, b, axes=(range(len(free), g.ndim), _others(of_b, np.ndim(b))))
    order = [*free, *(of_a[of_b.index(axis)] for axis in sorted(of_b))]
    return np.transpose(product, [order.index(axis) for axis in range(len(order))])


def _tensordot_right(g: Any, a: Any, b_shape: Shape, axes: Any) -> Any:
    of_a, of_b = _paired(axes, np.ndim(a), len(b_shape))
    free = _others(of_a, np.ndim(a))
    product = np.tensordot(a, g, axes=(free, range(len(free))))
    order = [*(of_b[of_a.index(axis)] for axis in sorted(of_a)), *_others(of_b, len(b_shape))]
    return np.transpose(product, [order.index(axis) for axis in range(len(order))])


@op(
    a=_tensordot_left,
    b=_tensordot_right,
    numpy=(np.tensordot, np.linalg.tensordot),
    examples=[
        case((2, 3, 2), (3, 2, 2)),
        case((2, 3), (3, 2), axes=1),
        case((2,), (3,), axes=0),
        case((2, 3, 4), (4, 3), axes=((1, 2), (1, 0))),
        case((3, 2, 2), (2, 3, 2), axes=([-1, 0], [2, -2])),
        case((2, 3), (3, 2), axes=(0, -1)),
        case((), (), axes=0),
        case((2, 0), (0, 3), axes=1),
    ],
    linear=True,
)
def tensordot(a: ArrayLike, b: ArrayLike, axes: int | Sequence[int | Sequence[int]] = 2) -> Any:
    """Sum of products over pairs of axes: the last `axes` of `a` with the first of `b`, or those listed for each.

    >>> tensordot([[1.0, 2.0], [3.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]])
    Tensor(5.)
    """
    return np.tensordot(a, b, axes=axes)  # type: ignore[arg-type]


def _as_blocks(g: Any, a_shape: Shape, b_shape: Shape) -> Any:
    """Return `g` with each axis split in two: the block, and the position inside the block."""
    return np.reshape(
        g, [length for pair in zip(_padded(a_shape, g.ndim), _padded(b_shape, g.ndim)) for length in pair]
    )


def _padded(shape: Shape, ndim: int) -> Shape:
    return (1,) * (ndim - len(shape)) + shape


def _kron_left(g: Any, a_shape: Shape, b: Any) -> Any:
    within = range(1, 2 * g.ndim, 2)
    blocks = _as_blocks(g, a_shape, np.shape(b))
    block = np.reshape(b, _padded(np.shape(b), g.ndim))
    return np.reshape(np.tensordot(blocks, block, axes=(within, range(g.ndim))), a_shape)


def _kron_right(g: Any, a: Any, b_shape: Shape) -> Any:
    which = range(0, 2 * g.ndim, 2)
    blocks = _as_blocks(g, np.shape(a), b_shape)
    weights = np.reshape(a, _padded(np.shape(a), g.ndim))
    return np.reshape(np.tensordot(blocks, weights, axes=(which, range(g.ndim))), b_shape)


@op(
    a=_kron_left,
    b=_kron_right,
    numpy=np.kron,
    examples=[
        case((2,), (3,)),
        case((2, 3), (3, 2)),
        case((3,), (2, 2)),
        case((2, 1, 2), (3,)),
        case((), (2, 2)),
        case((), ()),
        case((0,), (3,)),
    ],
    linear=True,
)
def kron(a: ArrayLike, b: ArrayLike) -> Any:
    """Kronecker product: a block aᵢⱼ·b for each element of `a`, for any number of axes.

    >>> kron([1.0, 10.0], [1.0, 2.0, 3.0])
    Tensor([ 1.,  2.,  3., 10., 20., 30.])
    """
    return np.kron(a, b)  # type: ignore[arg-type]


def _from_the_end(axis: int, ndim: int) -> int:
    """Return `axis` counted from the end, so that it stays valid when broadcasting adds leading axes."""
    return axis - ndim if axis >= 0 else axis


def _cross_left(g: Any, a_shape: Shape, b: Any, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    return np.cross(b, g, axisa=axisb, axisb=axisc, axisc=_from_the_end(axisa, len(a_shape)))


def _cross_right(g: Any, a: Any, b_shape: Shape, axisa: int, axisb: int, axisc: int, axis: int | None) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    return np.cross(g, a, axisa=axisc, axisb=axisa, axisc=_from_the_end(axisb, len(b_shape)))


@op(
    a=_cross_left,
    b=_cross_right,
    numpy=np.cross,
    examples=[
        case((3,), (3,)),
        case((2, 3), (2, 3)),
        case((3,), (4, 3)),
        case((3, 2), (4, 2, 3), axisa=0),
        case((3, 2), (2, 3), axisa=0, axisb=1, axisc=0),
        case((2, 3, 2), (2, 3, 2), axis=1),
        case((0, 3), (3,)),
    ],
    linear=True,
)
def cross(
    a: ArrayLike, b: ArrayLike, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    """Vector product of vectors of 3 elements, which lie along `axisa`, `axisb`, in the result along `axisc` (or all
    along `axis`): ∂a = b × g, ∂b = g × a.

    Vectors of 2 elements, which are deprecated in NumPy, raise an error: append a 0.

    >>> cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    lengths = tuple(length_of(factor, place if axis is None else axis) for factor, place in ((a, axisa), (b, axisb)))
    if lengths != (3, 3):
        raise ValueError(
            f"expected vectors of 3 elements, got {lengths[0]} and {lengths[1]}. Append a 0 to 2 elements."
        )
    return np.cross(a, b, axisa=axisa, axisb=axisb, axisc=axisc, axis=axis)  # type: ignore[arg-type]
