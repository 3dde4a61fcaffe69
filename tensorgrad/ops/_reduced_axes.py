"""Helpers of all reductions: restoring the axes of the gradient, counting and masking elements, and test cases."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tensorgrad._typing import Axis, Shape
from tensorgrad.domains import Case, case


def over_axes(**options: Any) -> list[Case]:
    """Return test cases of a reduction: one axis, several, a negative one, all; kept or not."""
    return [
        case((), **options),
        case((3,), **options),
        case((2, 3), axis=0, **options),
        case((2, 3), axis=-1, keepdims=True, **options),
        case((2, 3, 2), axis=(0, 2), **options),
        case((2, 3), keepdims=True, **options),
    ]


SOME = np.array([[True, False, True], [True, True, True]])
"""A `where=` mask for test cases of shape (2, 3)."""


def axes_of(axis: Axis, ndim: int) -> tuple[int, ...]:
    """Return the reduced axes as non-negative integers. A 0-d array has none, although NumPy accepts axis=0."""
    if axis is None or ndim == 0:
        return tuple(range(ndim))
    return normalize_axis_tuple(axis, ndim)


def length_of(a: Any, axis: int) -> int:
    """Return the length of one axis of `a`."""
    shape: Shape = np.shape(a)
    return shape[normalize_axis_index(axis, len(shape))]


def restored(g: Any, shape: Shape, axis: Axis, keepdims: bool) -> Any:
    """`np.broadcast_to(g, shape)`, once a reduced `g` has its axes back."""
    if not keepdims:
        axes = axes_of(axis, len(shape))
        g = np.reshape(g, tuple(1 if a in axes else length for a, length in enumerate(shape)))
    return np.broadcast_to(g, shape)


def counted(shape: Shape, axis: Axis, where: Any = True) -> Any:
    """Return how many elements are reduced to one: a number, or with a mask an array that keeps the reduced axes."""
    if where is True:
        return int(np.prod([shape[a] for a in axes_of(axis, len(shape))], dtype=int))
    return np.add.reduce(np.broadcast_to(where, shape), axis=axes_of(axis, len(shape)), dtype=int, keepdims=True)


FLOAT16 = np.dtype(np.float16)


def wide(dtype: Any) -> Any:
    """Return the dtype to add and count in: float32 instead of float16, which ends at 65,504."""
    return np.dtype(np.float32) if dtype is FLOAT16 else dtype


def adds_in_float32(a: Any, dtype: Any) -> bool:
    """Return whether a reduction of `a` adds in float32 and converts the result: for float16, if no dtype is given."""
    return dtype is None and getattr(a, "dtype", None) is FLOAT16


def total(a: Any, axis: Axis = None, *, keepdims: bool = False) -> Any:
    """Return Σa over `axis`; float16 is added in float32."""
    if a.dtype is FLOAT16:
        return np.sum(a, axis=axis, dtype=np.float32, keepdims=keepdims).astype(a.dtype)
    return np.sum(a, axis=axis, keepdims=keepdims)


def masked(g: Any, where: Any) -> Any:
    """Return `g` where the elements were included, else 0."""
    return g if where is True else np.where(where, g, 0.0)
