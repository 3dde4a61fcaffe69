"""Splitting of arrays: the gradient of each part goes to its position in the array."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad import _messages
from tensorgrad._arrays import is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.ops._reduced_axes import length_of
from tensorgrad.ops.indexing.items import getitem
from tensorgrad.tensor import Tensor

MOST_EMPTY_PARTS = 100_000
"""Maximum number of sections that `array_split` makes when there are fewer elements."""

__all__ = ["array_split", "dsplit", "hsplit", "split", "unstack", "vsplit"]


def _parts(ary: ArrayLike, cuts: Sequence[Any], axis: int) -> list[Tensor]:
    """Return the slices along `axis` between consecutive cuts."""
    before = (slice(None),) * (axis % np.ndim(ary))
    return [getitem(ary, (*before, slice(start, stop))) for start, stop in pairwise(cuts)]


@composed(
    "ary",
    numpy=np.array_split,
    examples=[
        case((5,), indices_or_sections=3),
        case((2, 5), indices_or_sections=2, axis=-1),
        case((5, 2), indices_or_sections=[1, 3]),
        case((3,), indices_or_sections=4),
        case((5,), indices_or_sections=[3, 2, 9]),
    ],
)
def array_split(ary: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Split along `axis` into a number of parts of nearly equal length (the first ones longer), or at given indices.

    Raises:
        ValueError: fewer than one section, or far more than there are elements.
        numpy.exceptions.AxisError: no such axis.

    >>> array_split([1.0, 2.0, 3.0], 2)
    [Tensor([1., 2.]), Tensor([3.])]
    """
    length = length_of(ary, axis)
    if is_foreign(indices_or_sections):
        raise _messages.numpy_only("array_split", "the shapes of the parts depend on the values of the indices")
    if np.ndim(indices_or_sections) == 1:
        return _parts(ary, [0, *np.asarray(indices_or_sections).tolist(), length], axis)
    sections = int(indices_or_sections)  # type: ignore[arg-type]
    if sections < 1:
        raise ValueError(f"expected at least one section, got {sections}")
    if sections > max(length, MOST_EMPTY_PARTS):
        raise ValueError(f"expected at most {max(length, MOST_EMPTY_PARTS)} sections, got {sections}")
    each, longer = divmod(length, sections)
    cuts = [number * each + min(number, longer) for number in range(sections + 1)]
    return _parts(ary, cuts, axis)


@composed(
    "ary",
    numpy=np.split,
    examples=[
        case((4,), indices_or_sections=2),
        case((2, 6), indices_or_sections=3, axis=-1),
        case((5, 2), indices_or_sections=(1, 3)),
        case((0, 2), indices_or_sections=2),
    ],
)
def split(ary: ArrayLike, indices_or_sections: int | Sequence[int], axis: int = 0) -> list[Tensor]:
    """Split along `axis` into a number of parts of equal length, or at given indices.

    Raises:
        ValueError: the length is not a multiple of the number of sections (`array_split` allows it).
        numpy.exceptions.AxisError: no such axis.

    >>> split([1.0, 2.0, 3.0, 4.0], 2)
    [Tensor([1., 2.]), Tensor([3., 4.])]
    """
    length = length_of(ary, axis)
    sections = indices_or_sections if np.ndim(indices_or_sections) == 0 else 1
    if sections > 0 and length % sections:  # type: ignore[operator]
        raise ValueError(
            f"axis {axis} of length {length} cannot be cut into {sections} equal parts. "
            "array_split allows parts of different length"
        )
    return array_split(ary, indices_or_sections, axis)


def _check_axes(ary: ArrayLike, least: int) -> None:
    if np.ndim(ary) < least:
        raise ValueError(f"expected an array of {least} or more axes, got shape {np.shape(ary)}")


@composed(
    "ary",
    numpy=np.hsplit,
    examples=[
        case((4,), indices_or_sections=2),
        case((2, 4), indices_or_sections=[1, 3]),
        case((1, 3, 2), indices_or_sections=3),
        case((2, 0), indices_or_sections=1),
    ],
)
def hsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split horizontally: `split` along axis 1, a vector along its only axis.

    Raises:
        ValueError: a single number, or as `split`.

    >>> hsplit([[1.0, 2.0], [3.0, 4.0]], 2)
    [Tensor([[1.],
            [3.]]), Tensor([[2.],
            [4.]])]
    """
    _check_axes(ary, 1)
    return split(ary, indices_or_sections, axis=0 if np.ndim(ary) == 1 else 1)


@composed(
    "ary",
    numpy=np.vsplit,
    examples=[
        case((4, 1), indices_or_sections=2),
        case((3, 2), indices_or_sections=[1]),
        case((3, 1, 2), indices_or_sections=3),
        case((0, 2), indices_or_sections=1),
    ],
)
def vsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split vertically: `split` along axis 0.

    Raises:
        ValueError: fewer than two axes, or as `split`.

    >>> vsplit([[1.0, 2.0], [3.0, 4.0]], 2)
    [Tensor([[1., 2.]]), Tensor([[3., 4.]])]
    """
    _check_axes(ary, 2)
    return split(ary, indices_or_sections, axis=0)


@composed(
    "ary",
    numpy=np.dsplit,
    examples=[
        case((1, 2, 4), indices_or_sections=2),
        case((2, 1, 3), indices_or_sections=[1, 2]),
        case((1, 1, 2, 2), indices_or_sections=2),
        case((2, 2, 0), indices_or_sections=1),
    ],
)
def dsplit(ary: ArrayLike, indices_or_sections: int | Sequence[int]) -> list[Tensor]:
    """Split in depth: `split` along axis 2.

    Raises:
        ValueError: fewer than three axes, or as `split`.

    >>> [part.shape for part in dsplit(np.ones((2, 3, 4)), 2)]
    [(2, 3, 2), (2, 3, 2)]
    """
    _check_axes(ary, 3)
    return split(ary, indices_or_sections, axis=2)


@composed(
    "x",
    numpy=getattr(np, "unstack", ()),
    examples=[case((3,)), case((2, 3), axis=-1), case((2, 3, 1), axis=1), case((1, 0))],
    reference=lambda x, axis=0: tuple(np.moveaxis(x, axis, 0)),
)
def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """Return the slices of `x` along `axis`: the inverse of `stack`.

    Raises:
        ValueError: `x` has no axes.

    >>> unstack([[1.0, 2.0], [3.0, 4.0]])
    (Tensor([1., 2.]), Tensor([3., 4.]))
    """
    _check_axes(x, 1)
    before: tuple[Any, ...] = (slice(None),) * normalize_axis_index(axis, np.ndim(x))
    x = x if isinstance(x, Tensor) else np.asarray(x)
    return tuple(getitem(x, (*before, position)) for position in range(x.shape[len(before)]))
