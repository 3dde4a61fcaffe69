"""Joining of arrays: each array receives its part of the gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Casting, DTypeLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.shape.axes import shape_at_least
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor

__all__ = [
    "append", "block", "column_stack", "concat", "concatenate", "dstack", "hstack", "row_stack", "stack", "vstack",
]  # fmt: skip


def _part(g: Any, index: int, arrays_shape: Sequence[Shape], axis: int | None) -> Any:
    """Return the part of `g` that belongs to array number `index`."""
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
        case([(2, 3), (2,)], axis=None, dtype=np.float64, casting="safe"),
    ],
)
def concatenate(
    arrays: Sequence[ArrayLike], axis: int | None = 0, *, dtype: DTypeLike | None = None, casting: Casting = "same_kind"
) -> Any:
    """Join arrays along an existing axis; with axis=None, flatten them first.

    The result is converted to `dtype`, as far as `casting` allows.

    >>> concatenate([[1.0, 2.0], [3.0]])
    Tensor([1., 2., 3.])
    """
    if dtype is None and casting == "same_kind":  # the only arguments that every library knows
        return np.concatenate(arrays, axis=axis)
    return np.concatenate(arrays, axis=axis, dtype=dtype, casting=casting)


concat = concatenate


@op(
    arrays=lambda g, index, axis: g[(slice(None),) * (axis % g.ndim) + (index,)],
    sequence="arrays",
    numpy=np.stack,
    examples=[case([(2, 3), (2, 3)]), case([(3,), (3,), (3,)], axis=-1), case([(), ()])],
)
def stack(
    arrays: Sequence[ArrayLike], axis: int = 0, *, dtype: DTypeLike | None = None, casting: Casting = "same_kind"
) -> Any:
    """Join arrays of the same shape along a new axis.

    >>> stack([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [3., 4.]])
    """
    if dtype is None and casting == "same_kind":
        return np.stack(arrays, axis=axis)
    return np.stack(arrays, axis=axis, dtype=dtype, casting=casting)


def _reshaped_part(g: Any, index: int, shapes: Sequence[Shape], as_joined: Callable[[Shape], Shape], axis: int) -> Any:
    """Return the gradient of array number `index`, which was joined in the shape returned by `as_joined`."""
    return np.reshape(_part(g, index, [as_joined(shape) for shape in shapes], axis), shapes[index])


def _row(shape: Shape) -> Shape:
    return shape_at_least(shape, 2)


@op(
    tup=lambda g, index, tup_shape: _reshaped_part(g, index, tup_shape, _row, axis=0),
    sequence="tup",
    numpy=np.vstack,
    examples=[case([(3,), (2, 3)]), case([(), ()]), case([(1, 2, 2), (3, 2, 2)]), case([(0, 2), (2,)])],
)
def vstack(tup: Sequence[ArrayLike], *, dtype: DTypeLike | None = None, casting: Casting = "same_kind") -> Any:
    """Stack arrays vertically: join them along axis 0, with vectors as rows.

    >>> vstack([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [3., 4.]])
    """
    if dtype is None and casting == "same_kind":
        return np.vstack(tup)
    return np.vstack(tup, dtype=dtype, casting=casting)


row_stack = vstack


def _line(shape: Shape) -> Shape:
    return shape_at_least(shape, 1)


@op(
    tup=lambda g, index, tup_shape: _reshaped_part(g, index, tup_shape, _line, axis=0 if g.ndim == 1 else 1),
    sequence="tup",
    numpy=np.hstack,
    examples=[case([(3,), (2,)]), case([(), (2,)]), case([(2, 3), (2, 1)]), case([(2, 1, 2), (2, 0, 2)])],
)
def hstack(tup: Sequence[ArrayLike], *, dtype: DTypeLike | None = None, casting: Casting = "same_kind") -> Any:
    """Stack arrays horizontally: join them along axis 1, vectors along their only axis.

    >>> hstack([[1.0, 2.0], [3.0]])
    Tensor([1., 2., 3.])
    """
    if dtype is None and casting == "same_kind":
        return np.hstack(tup)
    return np.hstack(tup, dtype=dtype, casting=casting)


def _deep(shape: Shape) -> Shape:
    return shape_at_least(shape, 3)


@op(
    tup=lambda g, index, tup_shape: _reshaped_part(g, index, tup_shape, _deep, axis=2),
    sequence="tup",
    numpy=np.dstack,
    examples=[case([(3,), (3,)]), case([(), ()]), case([(2, 3), (2, 3, 2)]), case([(2, 2, 0), (2, 2)])],
)
def dstack(tup: Sequence[ArrayLike]) -> Any:
    """Stack arrays in depth: join them along axis 2, after `atleast_3d`.

    >>> dstack([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[[1., 3.],
             [2., 4.]]])
    """
    return np.dstack(tup)


def _column(shape: Shape) -> Shape:
    return shape if len(shape) > 1 else (*_line(shape), 1)


@op(
    tup=lambda g, index, tup_shape: _reshaped_part(g, index, tup_shape, _column, axis=1),
    sequence="tup",
    numpy=np.column_stack,
    examples=[case([(3,), (3,)]), case([(), ()]), case([(3,), (3, 2)]), case([(0,), (0, 2)])],
)
def column_stack(tup: Sequence[ArrayLike]) -> Any:
    """Join arrays side by side as a matrix, with vectors as columns.

    >>> column_stack([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    return np.column_stack(tup)


@op(
    arr=lambda g, arr_shape, values_shape, axis: _part(g, 0, [arr_shape, values_shape], axis),
    values=lambda g, arr_shape, values_shape, axis: _part(g, 1, [arr_shape, values_shape], axis),
    numpy=np.append,
    examples=[
        case((3,), (2,)),
        case((2, 3), ()),
        case((2, 3), (2, 1), axis=-1),
        case((2, 3), (1, 3), axis=0),
        case((0,), (2,)),
    ],
)
def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Any:
    """Append `values` to `arr` along `axis`; by default both are flattened.

    >>> append([1.0, 2.0], 3.0)
    Tensor([1., 2., 3.])
    """
    return np.append(arr, values, axis)  # type: ignore[arg-type]


def _depth(arrays: Any) -> int:
    """Return the nesting depth of the lists, which must be the same everywhere."""
    if isinstance(arrays, tuple):
        raise TypeError("expected lists of blocks, got a tuple. Write [[a, b], [c, d]]")
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(each) for each in arrays}
    if len(depths) != 1:
        raise ValueError("the lists are not all nested to the same depth" if arrays else "a list without blocks")
    return depths.pop() + 1


def _most_axes(arrays: Any) -> int:
    return max(map(_most_axes, arrays)) if isinstance(arrays, list) else np.ndim(arrays)


def _joined(arrays: Any, axis: int, ndim: int) -> Tensor:
    if not isinstance(arrays, list):
        return reshape(arrays, (1,) * (ndim - np.ndim(arrays)) + np.shape(arrays))
    return concatenate([_joined(each, axis + 1, ndim) for each in arrays], axis)


@composed(
    "arrays",
    sequence="arrays",
    numpy=np.block,
    examples=[case([(3,), (2,)]), case([(), (2,)]), case([(2, 3), (2, 1)]), case([(2, 2, 0), (2, 2, 1)])],
)
def block(arrays: ArrayLike) -> Tensor:
    """Assemble a matrix (or an array with more axes) from a nested list of blocks.

    The innermost lists are joined along the last axis, the enclosing lists along the second-last, and so on.

    Raises:
        TypeError: a tuple among the lists.
        ValueError: an empty list, lists nested to different depths, or blocks whose shapes do not match.

    >>> block([[np.eye(2), np.zeros((2, 1))], [5.0, 6.0, 7.0]])
    Tensor([[1., 0., 0.],
            [0., 1., 0.],
            [5., 6., 7.]])
    """
    depth = _depth(arrays)
    return _joined(arrays, -depth, max(depth, _most_axes(arrays)))


class _Joining:
    """`r_` and `c_`: arrays, numbers and slices of numbers in brackets, joined along the first or the last axis."""

    def __init__(self, axis: int, ndim: int) -> None:
        self.axis, self.ndim = axis, ndim

    def __getitem__(self, key: Any) -> Any:
        """Return the items joined as by `np.r_` or `np.c_`; a slice is a range of numbers.

        Raises:
            TypeError: an item is a string, such as NumPy's options.
        """
        parts = []
        for item in key if isinstance(key, tuple) else (key,):
            if isinstance(item, str):
                raise TypeError(f"expected arrays, numbers or slices in brackets, got {item!r}. Use tg.concatenate.")
            part = np.r_[item] if isinstance(item, slice) else item
            shape = shape_at_least(np.shape(part), 1)
            parts.append(reshape(part, (*shape, *(1,) * (self.ndim - len(shape)))))
        return concatenate(parts, axis=self.axis)


r_, c_ = _Joining(0, 1), _Joining(-1, 2)
