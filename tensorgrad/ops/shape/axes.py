"""Transposing, moving, reversing, rotating and adding of axes: the gradient is transformed back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from tensorgrad._composing import composed, method
from tensorgrad._typing import ArrayLike, Axis, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.shape.reshaping import one_or_several, reshape
from tensorgrad.tensor import Tensor

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "moveaxis",
    "permute_dims",
    "roll",
    "rollaxis",
    "rot90",
    "swapaxes",
    "transpose",
]  # fmt: skip


def _transposed_back(g: Any, axes: Sequence[int] | None) -> Any:
    """`np.transpose(g) if axes is None else np.transpose(g, np.argsort(np.mod(axes, g.ndim)))`."""
    return np.transpose(g) if axes is None else np.transpose(g, np.argsort([a % g.ndim for a in axes]))


@op(
    a=_transposed_back,
    numpy=np.transpose,
    examples=[case((2, 3)), case((2, 3, 4), axes=(1, 2, 0)), case((2, 3, 4), axes=(-1, 0, 1)), case(())],
    linear=True,
    view=True,
)
def transpose(a: ArrayLike, axes: Sequence[int] | None = None) -> Any:
    """Permute the axes; by default, reverse them.

    >>> transpose([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return np.transpose(a, axes)


permute_dims = transpose


@op(
    a=lambda g, axis1, axis2: np.swapaxes(g, axis1, axis2),
    numpy=np.swapaxes,
    methods=["swapaxes"],
    examples=[case((2, 3), axis1=0, axis2=1), case((2, 3, 4), axis1=-1, axis2=0)],
    linear=True,
    view=True,
)
def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> Any:
    """Exchange two axes.

    >>> swapaxes([[1.0, 2.0]], 0, 1)
    Tensor([[1.],
            [2.]])
    """
    return np.swapaxes(a, axis1, axis2)


@op(
    a=lambda g, a_shape: np.reshape(g, a_shape),
    numpy=np.expand_dims,
    examples=[case((2, 3), axis=0), case((2, 3), axis=(0, -1)), case((), axis=0)],
    linear=True,
    view=True,
)
def expand_dims(a: ArrayLike, axis: int | Sequence[int]) -> Any:
    """Insert axes of length 1 at the positions `axis` of the result.

    >>> expand_dims([1.0, 2.0], 0)
    Tensor([[1., 2.]])
    """
    return np.expand_dims(a, axis)


@op(
    a=lambda g, source, destination: np.moveaxis(g, destination, source),
    numpy=np.moveaxis,
    examples=[
        case((2, 3), source=0, destination=1),
        case((2, 3, 4), source=-1, destination=0),
        case((2, 3, 4), source=(0, 1), destination=(-1, 0)),
        case((0, 3), source=1, destination=0),
    ],
    linear=True,
    view=True,
)
def moveaxis(a: ArrayLike, source: int | Sequence[int], destination: int | Sequence[int]) -> Any:
    """Move the axes `source` to the positions `destination`; the others stay in order.

    >>> moveaxis(np.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    return np.moveaxis(a, source, destination)  # type: ignore[type-var]


def _rolled_back(g: Any, axis: int, start: int) -> Any:
    axis, start = axis % g.ndim, start + g.ndim if start < 0 else start
    return np.moveaxis(g, start - 1 if axis < start else start, axis)


@op(
    a=_rolled_back,
    numpy=np.rollaxis,
    examples=[
        case((2, 3), axis=1),
        case((2, 3, 4), axis=0, start=3),
        case((2, 3, 4), axis=-1, start=1),
        case((2, 3, 4), axis=1, start=-1),
        case((2, 3, 4), axis=1, start=1),
    ],
    linear=True,
    view=True,
)
def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> Any:
    """Move one axis to just before the axis at `start`. `moveaxis` is easier to read.

    >>> rollaxis(np.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    return np.rollaxis(a, axis, start)  # type: ignore[type-var]


@op(
    m=lambda g, axis: np.flip(g, axis),
    numpy=np.flip,
    examples=[case((3,)), case((2, 3), axis=-1), case((2, 3, 2), axis=(0, -1)), case(()), case((0, 2), axis=0)],
    linear=True,
    view=True,
)
def flip(m: ArrayLike, axis: Axis = None) -> Any:
    """Reverse the order of the elements along `axis` (all axes by default).

    >>> flip([1.0, 2.0, 3.0])
    Tensor([3., 2., 1.])
    """
    return np.flip(m, axis)  # type: ignore[arg-type]


@op(
    m=lambda g: np.fliplr(g),
    numpy=np.fliplr,
    examples=[case((2, 3)), case((1, 2)), case((2, 3, 2)), case((2, 0))],
    linear=True,
    view=True,
)
def fliplr(m: ArrayLike) -> Any:
    """Reverse the order of the columns: `flip` along axis 1.

    >>> fliplr([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 1.],
            [4., 3.]])
    """
    return np.fliplr(m)


@op(
    m=lambda g: np.flipud(g),
    numpy=np.flipud,
    examples=[case((3,)), case((2, 3)), case((2, 1, 2)), case((0, 2))],
    linear=True,
    view=True,
)
def flipud(m: ArrayLike) -> Any:
    """Reverse the order of the rows: `flip` along axis 0.

    >>> flipud([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[3., 4.],
            [1., 2.]])
    """
    return np.flipud(m)


@op(
    a=lambda g, shift, axis: np.roll(g, np.negative(shift), axis),
    numpy=np.roll,
    examples=[
        case((4,), shift=1),
        case((2, 3), shift=-2),
        case((2, 3), shift=4, axis=-1),
        case((2, 3), shift=(1, -1), axis=(0, 1)),
        case((), shift=2),
        case((0,), shift=1),
    ],
    linear=True,
)
def roll(a: ArrayLike, shift: int | Sequence[int], axis: Axis = None) -> Any:
    """Shift the elements along `axis` (by default of the flattened array); those beyond the end wrap around.

    >>> roll([1.0, 2.0, 3.0], 1)
    Tensor([3., 1., 2.])
    """
    return np.roll(a, shift, axis)


@op(
    m=lambda g, k, axes: np.rot90(g, -k, axes),
    numpy=np.rot90,
    examples=[case((2, 3)), case((2, 3), k=2), case((2, 3), k=-1), case((2, 3, 2), k=3, axes=(-1, 0)), case((0, 2))],
    linear=True,
    view=True,
)
def rot90(m: ArrayLike, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Any:
    """Rotate k times by 90 degrees in the plane of two axes, from the first towards the second.

    >>> rot90([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 4.],
            [1., 3.]])
    """
    return np.rot90(m, k, axes)


def shape_at_least(shape: Shape, ndim: int) -> Shape:
    """Return `shape` with the axes of length 1 that `atleast_1d`, `atleast_2d` or `atleast_3d` add."""
    if ndim == 3 and len(shape) in (1, 2):
        return (1, *shape, 1)[-3:]
    return (1,) * (ndim - len(shape)) + shape


def _each_at_least(ndim: int, arys: Sequence[ArrayLike]) -> Any:
    results = tuple(reshape(a, shape_at_least(np.shape(a), ndim)) for a in arys)
    return results[0] if len(results) == 1 else results


@overload
def atleast_1d(ary: ArrayLike, /) -> Tensor: ...


@overload
def atleast_1d(first: ArrayLike, second: ArrayLike, /, *others: ArrayLike) -> tuple[Tensor, ...]: ...


@composed("arys", sequence="arys", numpy=np.atleast_1d, examples=[case([()]), case([(2, 3)]), case([(), (0,), (2, 3)])])
def atleast_1d(*arys: ArrayLike) -> Any:
    """Convert numbers to vectors of one element. Returns one tensor, or for several arguments a tuple of tensors.

    >>> atleast_1d(2.0)
    Tensor([2.])
    """
    return _each_at_least(1, arys)


@overload
def atleast_2d(ary: ArrayLike, /) -> Tensor: ...


@overload
def atleast_2d(first: ArrayLike, second: ArrayLike, /, *others: ArrayLike) -> tuple[Tensor, ...]: ...


@composed("arys", sequence="arys", numpy=np.atleast_2d, examples=[case([()]), case([(3,)]), case([(), (0,), (2, 3)])])
def atleast_2d(*arys: ArrayLike) -> Any:
    """Prepend axes of length 1 until there are two. Returns one tensor, or for several arguments a tuple of tensors.

    >>> atleast_2d([1.0, 2.0])
    Tensor([[1., 2.]])
    """
    return _each_at_least(2, arys)


@overload
def atleast_3d(ary: ArrayLike, /) -> Tensor: ...


@overload
def atleast_3d(first: ArrayLike, second: ArrayLike, /, *others: ArrayLike) -> tuple[Tensor, ...]: ...


@composed(
    "arys",
    sequence="arys",
    numpy=np.atleast_3d,
    examples=[case([()]), case([(3,)]), case([(2, 3)]), case([(0,), (2, 3, 2)])],
)
def atleast_3d(*arys: ArrayLike) -> Any:
    """Add axes of length 1 until there are three: n becomes (1, n, 1), and (m, n) becomes (m, n, 1).

    Returns one tensor, or for several arguments a tuple of tensors.

    >>> atleast_3d([1.0, 2.0]).shape
    (1, 2, 1)
    """
    return _each_at_least(3, arys)


def _transpose_method(self: Tensor, *axes: Any) -> Tensor:
    return transpose(self, one_or_several(axes) if axes else None)


method("transpose", _transpose_method)
method("T", property(transpose, doc="The axes in reverse order."))
