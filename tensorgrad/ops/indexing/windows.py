"""Sliding windows, convolution and correlation, and differences of neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._typing import ArrayLike, Axis, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter

__all__ = ["convolve", "correlate", "ediff1d", "sliding_window_view"]


def _counted(windows: Any, shape: Shape, axis: Any = None) -> Any:
    """What `overlap_add` returns, by counting which windows each place is in."""
    places = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    each = np.lib.stride_tricks.sliding_window_view(places, windows.shape[len(shape) :], axis)
    return np.bincount(np.ravel(each), np.ravel(windows), minlength=places.size).reshape(shape).astype(float)


@op(
    windows=lambda g, windows_shape, axis: np.lib.stride_tricks.sliding_window_view(g, windows_shape[g.ndim :], axis),
    examples=[
        case((3, 2), shape=(4,)),
        case((2, 2, 2, 1), shape=(3, 2)),
        case((2, 2, 3), shape=(2, 4), axis=-1),
        case((2, 2, 2), shape=(4,), axis=(0, 0)),
        case((0, 2, 2), shape=(0, 3), axis=1),
    ],
    linear=True,
    reference=_counted,
)
def overlap_add(windows: ArrayLike, shape: Shape, axis: Axis = None) -> Any:
    """Add every window to zeros of the given shape, at its position: the gradient of `sliding_window_view`.

    `windows` is shaped as `sliding_window_view` of an array of that shape would be.

    >>> overlap_add(np.array([[1.0, 2.0], [10.0, 20.0]]), (3,))
    Tensor([ 1., 12., 20.])
    """
    given: Any = as_array(windows)
    counts, window_shape = given.shape[: len(shape)], given.shape[len(shape) :]
    result = np.zeros(shape, given.dtype)
    expected = np.lib.stride_tricks.sliding_window_view(result, window_shape, axis).shape  # type: ignore[arg-type]
    if given.shape != expected:
        raise ValueError(f"expected windows of shape {expected} for an array of shape {shape}, got {given.shape}")
    if is_foreign(given):
        numbers = np.arange(result.size).reshape(shape)
        places = np.lib.stride_tricks.sliding_window_view(numbers, window_shape, axis)  # type: ignore[arg-type]
        return np.reshape(scatter.apply(given, places, (result.size,)), shape)
    axes = range(len(shape)) if axis is None else np.lib.array_utils.normalize_axis_tuple(axis, len(shape), None, True)
    for place in np.ndindex(window_shape):
        starts = [sum(step for step, a in zip(place, axes) if a == each) for each in range(len(shape))]
        result[tuple(slice(start, start + count) for start, count in zip(starts, counts))] += given[(..., *place)]
    return result


@op(
    x=lambda g, x_shape, axis: overlap_add.apply(g, x_shape, axis),
    numpy=np.lib.stride_tricks.sliding_window_view,
    examples=[
        case((4,), window_shape=2),
        case((3, 4), window_shape=(2, 3)),
        case((2, 4), window_shape=3, axis=-1),
        case((5,), window_shape=(2, 3), axis=(0, 0)),
        case((3,), window_shape=1, axis=0),
        case((0, 3), window_shape=2, axis=1),
    ],
    linear=True,
    view=True,
)
def sliding_window_view(x: ArrayLike, window_shape: int | Sequence[int], axis: Axis = None) -> Any:
    """Return all windows of the given shape: positions along the old axes, elements along new last axes.

    Without `axis`, `window_shape` has a length for every axis. The windows are not copied; each element receives
    the sum of the gradients of all windows it is in.

    >>> sliding_window_view([1.0, 2.0, 3.0], 2)
    Tensor([[1., 2.],
            [2., 3.]])
    """
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis)  # type: ignore[arg-type]


def _as_full(g: Any, length: int, other: int, start: int) -> Any:
    """`g` with zeros on both sides, as long as the gradient of the "full" result, where it begins at `start`."""
    return np.pad(g, (start, length + other - 1 - start - g.shape[0]))


def _convolve_full(g: Any, a_shape: Shape, v_shape: Shape, mode: str) -> Any:
    length, other = int(np.prod(a_shape)), int(np.prod(v_shape))
    shorter = min(length, other)
    start = {"full": 0, "same": (shorter - 1) // 2, "valid": shorter - 1}[mode]
    return _as_full(g, length, other, start)


@op(
    a=lambda g, a_shape, v, v_shape, mode: np.correlate(
        _convolve_full(g, a_shape, v_shape, mode), np.reshape(v, -1), "valid"
    ),
    v=lambda g, a, a_shape, v_shape, mode: np.correlate(
        _convolve_full(g, a_shape, v_shape, mode), np.reshape(a, -1), "valid"
    ),
    numpy=np.convolve,
    examples=[
        case((4,), (3,)),
        case((2,), (5,)),
        case((5,), (2,), mode="same"),
        case((3,), (4,), mode="same"),
        case((5,), (3,), mode="valid"),
        case((2,), (4,), mode="valid"),
        case((), (3,)),
    ],
    linear=True,
)
def convolve(a: ArrayLike, v: ArrayLike, mode: str = "full") -> Any:
    """Σᵢ a[i] v[k - i] for rows a and v of n and m elements, as in the product of two polynomials.

    `mode` is "full" for all n + m - 1 sums, "same" for the middle max(n, m) of them, "valid" for those in which
    the rows overlap completely.

    >>> convolve([1.0, 2.0, 3.0], [1.0, 10.0])
    Tensor([ 1., 12., 23., 30.])
    """
    return np.convolve(a, v, mode)  # type: ignore[call-overload]


def _correlate_full(g: Any, a_shape: Shape, v_shape: Shape, mode: str) -> Any:
    """Of two rows NumPy moves the shorter one; where that is `a`, the middle is rounded the other way."""
    (length,), (other,) = a_shape, v_shape
    shorter = min(length, other)
    middle = (shorter - 1) // 2 if length >= other else shorter // 2
    return _as_full(g, length, other, {"full": 0, "same": middle, "valid": shorter - 1}[mode])


@op(
    a=lambda g, a_shape, v, v_shape, mode: np.convolve(_correlate_full(g, a_shape, v_shape, mode), v, "valid"),
    v=lambda g, a, a_shape, v_shape, mode: np.flip(
        np.correlate(_correlate_full(g, a_shape, v_shape, mode), a, "valid")
    ),
    numpy=np.correlate,
    examples=[
        case((4,), (3,)),
        case((2,), (5,)),
        case((5,), (2,), mode="same"),
        case((3,), (4,), mode="same"),
        case((2,), (5,), mode="same"),
        case((4,), (3,), mode="full"),
        case((1,), (4,), mode="full"),
    ],
    linear=True,
)
def correlate(a: ArrayLike, v: ArrayLike, mode: str = "valid") -> Any:
    """Σᵢ a[i + k] v[i] for two rows: `convolve` with `v` reversed. `mode` as there.

    >>> correlate([1.0, 2.0, 3.0], [1.0, 10.0])
    Tensor([21., 32.])
    """
    return np.correlate(a, v, mode)  # type: ignore[call-overload]


def _differences_back(g: Any, ary_shape: Shape, to_begin: Any) -> Any:
    """Each element is added in the difference before it and subtracted in the one behind it."""
    count = int(np.prod(ary_shape)) - 1
    if count < 1:
        return np.zeros_like(g, shape=ary_shape)
    begin = 0 if to_begin is None else np.size(to_begin)
    inner = g[begin : begin + count]
    return np.reshape(np.pad(inner, (1, 0)) - np.pad(inner, (0, 1)), ary_shape)


@op(
    ary=_differences_back,
    to_end=lambda g, to_end_shape: np.reshape(g[g.shape[0] - int(np.prod(to_end_shape)) :], to_end_shape),
    to_begin=lambda g, to_begin_shape: np.reshape(g[: int(np.prod(to_begin_shape))], to_begin_shape),
    numpy=np.ediff1d,
    examples=[
        case((4,), (), ()),
        case((2, 3), (2,), (1,)),
        case((3,), (0,), (2, 1)),
        case((1,), (), (2,)),
        case((0,), (1,), ()),
    ],
)
def ediff1d(ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None) -> Any:
    """Differences of neighbours in the flattened array, between the values of `to_begin` and `to_end`.

    >>> ediff1d([1.0, 3.0, 6.0], to_begin=0.0)
    Tensor([0., 2., 3.])
    """
    return np.ediff1d(ary, to_end, to_begin)  # type: ignore[arg-type, misc]
