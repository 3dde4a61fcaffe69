"""Pooling of sequences and images: the maximum or the mean of each window, for every channel separately.

The composed forms `_max_composed` and `_average_composed` are the plain definitions. The operations compute the same
results faster, block by block: `_pooling_windows` computes them, `_max_pool_gradients` and `_average_pool_gradients`
compute their gradients.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional import _definitions
from nn.functional._average_pool_gradients import average_pool_gradient
from nn.functional._max_pool_gradients import max_pool_gradient
from nn.functional._pooling_windows import index_along, pooled
from nn.functional.windows import NAMES, Axis, Padding, Size, per_axis, slide
from tensorgrad import Tensor, domains

__all__ = [
    "adaptive_average_pool2d",
    "average_pool1d",
    "average_pool2d",
    "global_average_pool",
    "global_max_pool",
    "max_pool1d",
    "max_pool2d",
]


# -- maximum -------------------------------------------------------------------------------------------------


def _max_rule(count: int) -> Callable[..., Any]:
    """Return the derivative rule of the maximum over windows along `count` axes."""

    def to_input(g: Any, x: Any, out: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
        """`at_largest(g, x)`: the gradient of each window, at its largest element."""
        return max_pool_gradient(g, x, out, axes_of(x.shape, count, size, stride, padding, dilation, ceil_mode))

    return to_input


def max_in_operations(count: int) -> Callable[..., Any]:
    """Return the composed form of the maximum over windows along `count` axes."""

    def composed(
        x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> Any:
        return _max_composed(x, axes_of(x.shape, count, size, stride, padding, dilation, ceil_mode))

    return composed


@tg.op(
    x=_max_rule(1),
    composed=max_in_operations(1),
    lowering="nn.functional._lowerings:max_pool1d",
    flops=lambda out_shape, size: _flops(out_shape, size, 1),
    reference=_definitions.max_pool1d,
    examples=[
        domains.case((2, 4, 2), size=2),
        domains.case((1, 5, 2), size=3, stride=2, padding=1),
        domains.case((2, 5, 1), size=2, ceil_mode=True),
        domains.case((5, 2), size=3, stride=1, padding="same"),
        domains.case((1, 4, 1), size=3, stride=1, padding=(2, 0)),
        domains.case((1, 7, 1), size=3, stride=2, padding=1, dilation=2),
        domains.case((0, 4, 2), size=2),
    ],
)
def max_pool1d(
    x: ArrayLike, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """Return the largest element of each window of a sequence, for every channel.

    Args:
        x: `(batch, time, channels)`, or any other axes before the last two.
        size, stride, padding, dilation, ceil_mode: as in `max_pool2d`; the padding is a number, a pair (before, after),
            "same" or "valid".

    Raises:
        TypeError, ValueError: as `max_pool2d`.

    >>> max_pool1d([[1.0], [3.0], [2.0], [0.0]], 2)
    Tensor([[3.],
            [2.]])
    """
    x = np.asarray(x)
    return _max_pooled(x, axes_of(x.shape, 1, size, stride, padding, dilation, ceil_mode))


@tg.op(
    x=_max_rule(2),
    composed=max_in_operations(2),
    lowering="nn.functional._lowerings:max_pool2d",
    flops=lambda out_shape, size: _flops(out_shape, size, 2),
    reference=_definitions.max_pool2d,
    examples=[
        domains.case((1, 4, 4, 2), size=2),
        domains.case((2, 4, 3, 1), size=3, stride=2, padding=1),
        domains.case((1, 5, 4, 2), size=(2, 3), stride=(2, 1)),
        domains.case((1, 5, 3, 2), size=2),
        domains.case((1, 5, 3, 2), size=2, ceil_mode=True),
        domains.case((1, 3, 5, 1), size=(1, 2), stride=3),
        domains.case((2, 3, 4, 1), size=2, stride=1, padding="same"),
        domains.case((1, 3, 4, 1), size=3, stride=2, padding=((0, 2), (1, 0))),
        domains.case((1, 4, 6, 1), size=(2, 3), stride=1, padding=(1, 0), dilation=(3, 2)),
        domains.case((4, 4, 2), size=(1, 2)),
        domains.case((0, 4, 4, 1), size=2),
    ],
)
def max_pool2d(
    x: ArrayLike, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False,
) -> Any:  # fmt: skip
    """Return the largest pixel of each window of an image, for every channel.

    Of equal pixels, the first in reading order receives the gradient. Padding is never the largest.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        size: of the windows: a number, or one for each axis.
        stride: the distance between windows; by default their size.
        padding: around the image, less than the size: a number, `(height, width)`, `((top, bottom), (left, right))`,
            "same" or "valid".
        dilation: the distance between the pixels of a window; a number, or one for each axis.
        ceil_mode: whether a last window may reach beyond the image.

    Raises:
        ValueError: settings that do not fit the shape; a window larger than the image with its padding, or with
            nothing but padding.
        TypeError: a setting that is not an integer.

    >>> max_pool2d(np.arange(16.0).reshape(4, 4, 1), 2).data[..., 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x = np.asarray(x)
    return _max_pooled(x, axes_of(x.shape, 2, size, stride, padding, dilation, ceil_mode))


def _max_pooled(x: Any, axes: tuple[Axis, ...]) -> Any:
    return pooled(np.maximum, -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x, axes)


def _max_composed(x: Any, axes: tuple[Axis, ...]) -> Any:
    """Return the maxima, using recorded functions: the elements at the indices of the first maxima."""
    leading, channels = x.shape[: -len(axes) - 1], x.shape[-1]
    elements = np.reshape(x, (*leading, math.prod(axis.size for axis in axes), channels))
    places = _places(axes)
    inside = (places >= 0)[..., None]
    values = np.where(inside, np.take(elements, np.maximum(places, 0), axis=-2), -math.inf)
    first = np.argmax(values, axis=-2)  # (…, windows, channels): which of a window's elements
    chosen = np.take_along_axis(places[(None,) * len(leading)], first, axis=-1)
    first_inside = np.take_along_axis(places, np.argmax(places >= 0, axis=1)[:, None], axis=1)
    chosen = np.where(chosen < 0, first_inside, chosen)  # where all elements are -∞, padding may have been the first
    return np.reshape(np.take_along_axis(elements, chosen, axis=-2), (*leading, *(a.windows for a in axes), channels))


def _places(axes: tuple[Axis, ...]) -> Any:
    """Return `(windows, elements of a window)`: the places of the elements in reading order, -1 for padding."""
    places = np.zeros((1, 1), int)
    for axis in axes:
        along = np.arange(axis.windows)[:, None] * axis.stride - axis.before + np.arange(axis.kernel) * axis.dilation
        both = places[:, None, :, None] * axis.size + along[:, None, :]
        outside = (places[:, None, :, None] < 0) | ((along < 0) | (along >= axis.size))[:, None, :]
        places = np.where(outside, -1, both).reshape(len(places) * axis.windows, -1)
    return places


# -- mean ----------------------------------------------------------------------------------------------------


def _average_rule(count: int) -> Callable[..., Any]:
    """Return the derivative rule of the mean over windows along `count` axes."""

    def to_input(
        g: Any, x_shape: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, count_padding: bool
    ) -> Any:
        """`spread(g, size)`: an equal part of each gradient at each element of its window."""
        axes = axes_of(x_shape, count, size, stride, padding, dilation, ceil_mode)
        return average_pool_gradient(g, x_shape, axes, scale_of(axes, count_padding, g.dtype))

    return to_input


def average_in_operations(count: int) -> Callable[..., Any]:
    """Return the composed form of the mean over windows along `count` axes."""

    def composed(
        x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
        count_padding: bool = True,
    ) -> Any:  # fmt: skip
        axes = axes_of(x.shape, count, size, stride, padding, dilation, ceil_mode)
        return _average_composed(x, axes, count_padding)

    return composed


@tg.op(
    x=_average_rule(1),
    composed=average_in_operations(1),
    lowering="nn.functional._lowerings:average_pool1d",
    flops=lambda out_shape, size: _flops(out_shape, size, 1),
    reference=_definitions.average_pool1d,
    examples=[
        domains.case((2, 4, 2), size=2),
        domains.case((1, 5, 2), size=3, stride=2, padding=1),
        domains.case((1, 4, 2), size=3, stride=2, padding=1, count_padding=False),
        domains.case((1, 7, 1), size=3, stride=2, padding=(1, 2), dilation=2, count_padding=False),
        domains.case((2, 5, 1), size=2, ceil_mode=True),
        domains.case((5, 2), size=3, stride=1, padding="same"),
        domains.case((0, 4, 2), size=2),
    ],
    linear=True,
)
def average_pool1d(
    x: ArrayLike, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False, count_padding: bool = True,
) -> Any:  # fmt: skip
    """Return the mean of each window of a sequence, for every channel.

    Args:
        x: `(batch, time, channels)`, or any other axes before the last two.
        size, stride, padding, dilation, ceil_mode: as in `max_pool1d`.
        count_padding: whether padding counts as zeros in the mean.

    Raises:
        TypeError, ValueError: as `max_pool2d`.

    >>> average_pool1d([[1.0], [3.0], [2.0], [0.0]], 2)
    Tensor([[2.],
            [1.]])
    """
    x = np.asarray(x)
    return _averaged(x, axes_of(x.shape, 1, size, stride, padding, dilation, ceil_mode), count_padding)


@tg.op(
    x=_average_rule(2),
    composed=average_in_operations(2),
    lowering="nn.functional._lowerings:average_pool2d",
    flops=lambda out_shape, size: _flops(out_shape, size, 2),
    reference=_definitions.average_pool2d,
    examples=[
        domains.case((1, 4, 4, 2), size=2),
        domains.case((2, 4, 3, 1), size=3, stride=2, padding=1),
        domains.case((2, 4, 3, 1), size=3, stride=2, padding=1, count_padding=False),
        domains.case((1, 5, 4, 2), size=(2, 3), stride=(2, 1)),
        domains.case((1, 5, 3, 2), size=2),
        domains.case((1, 5, 3, 2), size=2, ceil_mode=True),
        domains.case((1, 3, 5, 1), size=(1, 2), stride=3),
        domains.case((1, 4, 4, 1), size=3, stride=2, padding=1, ceil_mode=True),
        domains.case((1, 4, 6, 1), size=(2, 3), stride=2, padding=(1, 0), dilation=(3, 2), ceil_mode=True),
        domains.case((2, 3, 4, 1), size=2, stride=1, padding="same", count_padding=False),
        domains.case((4, 4, 2), size=(1, 2)),
        domains.case((0, 4, 4, 1), size=2),
    ],
    linear=True,
)
def average_pool2d(
    x: ArrayLike, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
    ceil_mode: bool = False, count_padding: bool = True,
) -> Any:  # fmt: skip
    """Return the mean of each window of an image, for every channel.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        size, stride, padding, dilation, ceil_mode: as in `max_pool2d`.
        count_padding: whether padding counts as zeros in the mean. What lies beyond the padding, in a last window of
            `ceil_mode`, never counts.

    Raises:
        TypeError, ValueError: as `max_pool2d`.

    >>> average_pool2d(np.arange(16.0).reshape(4, 4, 1), 2).data[..., 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x = np.asarray(x)
    return _averaged(x, axes_of(x.shape, 2, size, stride, padding, dilation, ceil_mode), count_padding)


def _averaged(x: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    x = x if x.dtype.kind == "f" else x.astype(float)
    return pooled(np.add, 0.0, x, axes, scale_of(axes, count_padding, x.dtype))


def _average_composed(x: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    """Return the means, using recorded functions: scaled sums of slices of the padded array."""
    leading = len(x.shape) - len(axes) - 1
    margins = [
        (axis.before, max((axis.windows - 1) * axis.stride + axis.extent - axis.before - axis.size, 0)) for axis in axes
    ]
    out = np.pad(x, [(0, 0)] * leading + margins + [(0, 0)])
    for number, axis in enumerate(axes, start=leading):
        last = (axis.windows - 1) * axis.stride + 1
        starts = range(0, axis.extent, axis.dilation)
        parts = [out[index_along(number, slice(start, start + last, axis.stride))] for start in starts]
        out = functools.reduce(np.add, parts)
    return out * scale_of(axes, count_padding, x.dtype)


def adaptive_average_pool2d(x: ArrayLike, output_size: Size) -> Tensor:
    """Return `output_size` means of parts of an image that are as equal as possible, for every channel.

    Part i of n along an axis of s pixels is `[⌊i·s/n⌋, ⌈(i+1)·s/n⌉)`, as in PyTorch; parts may overlap by a pixel.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        output_size: a number, or one for each axis.

    Raises:
        ValueError: x has fewer than three axes, or none of its pixels.
        TypeError: a size that is not an integer.

    >>> adaptive_average_pool2d(np.arange(9.0).reshape(3, 3, 1), 2).data[..., 0]
    array([[2., 3.],
           [5., 6.]])
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim < 3 or 0 in x.shape[-3:-1]:
        raise ValueError(
            f"adaptive_average_pool2d: expected x of shape (batch, height, width, channels), got {x.shape}."
        )
    height, width = per_axis("adaptive_average_pool2d: output_size", output_size, 2)
    *leading, rows, columns, channels = x.shape
    if rows % height == 0 and columns % width == 0:
        return average_pool2d(x, (rows // height, columns // width))
    across = tg.matmul(_means(columns, width, x.dtype), x)
    down = tg.matmul(_means(rows, height, x.dtype), tg.reshape(across, (*leading, rows, width * channels)))
    return tg.reshape(down, (*leading, height, width, channels))


def _means(size: int, parts: int, dtype: Any) -> Any:
    """Return the matrix that takes the means of parts of a column."""
    matrix = np.zeros((parts, size), dtype if dtype.kind == "f" else np.float64)
    for part in range(parts):
        first, last = part * size // parts, -(-(part + 1) * size // parts)
        matrix[part, first:last] = 1 / (last - first)
    return matrix


# -- over all pixels -----------------------------------------------------------------------------------------


def global_average_pool(x: ArrayLike) -> Tensor:
    """Return the mean over all axes between the batch and the channels.

    >>> global_average_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    Tensor([[3., 4.]])
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    return tg.mean(x, axis=_between("global_average_pool", x.shape))


def _to_first_maximum(g: Any, x: Any) -> Any:
    """Return `g` at the first maximum over the axes between the first and the last, and 0 elsewhere."""
    samples, channels = x.shape[0], x.shape[-1]
    elements = np.reshape(x, (samples, -1, channels))
    first = np.argmax(elements, axis=1)
    is_first = np.arange(elements.shape[1])[:, None] == first[:, None]
    return np.reshape(g[:, None] * is_first, x.shape)


@tg.op(
    x=_to_first_maximum,
    reference=_definitions.global_max_pool,
    examples=[domains.case((2, 3, 2, 2)), domains.case((2, 5, 3)), domains.case((1, 1, 1, 2))],
)
def global_max_pool(x: ArrayLike) -> Any:
    """Return the maximum over all axes between the batch and the channels. The first maximum receives the gradient.

    >>> global_max_pool(np.arange(8.0).reshape(1, 2, 2, 2))
    Tensor([[6., 7.]])
    """
    return np.max(x, axis=_between("global_max_pool", np.shape(x)))


def _between(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) < 3 or 0 in shape[1:-1]:
        raise ValueError(
            f"{name}: expected x of shape (batch, time, channels) or (batch, height, width, channels), without an axis "
            f"of length 0, got {shape}."
        )
    return tuple(range(1, len(shape) - 1))


# -- windows -------------------------------------------------------------------------------------------------


def axes_of(
    shape: Any, count: int, size: Size, stride: Size | None, padding: Padding, dilation: Size, ceil_mode: bool
) -> tuple[Axis, ...]:
    """Return how the windows slide along the axes before the last.

    Raises:
        TypeError, ValueError: the shape or the settings do not fit.
    """
    if len(shape) <= count:
        raise ValueError(f"expected x of shape (batch, {', '.join(NAMES[count])}, channels), got {tuple(shape)}.")
    stride = size if stride is None else stride
    axes = slide(shape[-count - 1 : -1], size, stride, padding, dilation, ceil_mode=ceil_mode)
    if any(max(axis.before, axis.after) >= axis.extent for axis in axes):
        raise ValueError(f"the padding must be smaller than the window, got padding {padding!r} and size {size!r}.")
    if any(axis.dilation > 1 and min(_numbers(axis, 0, axis.size)) < 1 for axis in axes):
        raise ValueError(
            f"a window holds padding only: the dilation {dilation!r} is too large for an array of shape {tuple(shape)} "
            f"with padding {padding!r}."
        )
    return axes


def scale_of(axes: tuple[Axis, ...], count_padding: bool, dtype: Any) -> Any:
    """Return 1 / (number of elements) of each window: one number if all windows are complete."""
    limits = [(-axis.before, axis.size + axis.after) if count_padding else (0, axis.size) for axis in axes]
    if all(
        low <= -axis.before and (axis.windows - 1) * axis.stride - axis.before + axis.extent <= high
        for axis, (low, high) in zip(axes, limits)
    ):
        return 1 / math.prod(axis.kernel for axis in axes)
    numbers = np.ones(())
    for axis, (low, high) in zip(axes, limits):
        numbers = numbers[..., None] * _numbers(axis, low, high)
    return (1 / numbers)[..., None].astype(dtype)


def _numbers(axis: Axis, low: int, high: int) -> Any:
    """Return how many elements of each window are in `range(low, high)`; less than 1 if there are none."""
    starts = np.arange(axis.windows) * axis.stride - axis.before
    first, last = -((starts - low) // axis.dilation), -((starts - high) // axis.dilation)
    return np.minimum(last, axis.kernel) - np.maximum(first, 0)


def _flops(out_shape: tuple[int, ...], size: Size, axes: int) -> int:
    """Return 1 operation for each element of each window."""
    return math.prod(out_shape) * math.prod(per_axis("size", size, axes))
