"""Pooling of sequences and images: the maximum or the mean of each window, for every channel separately.

The maximum or sum of a window is computed along one axis after the other. The gradient is propagated in reverse: along
each axis, from the results to the elements of their windows.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional import _definitions
from nn.functional._blocks import Scratch, SmallBuffers, aligned, blocks, pixels_as_items
from nn.functional._planes import Planes
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


def _numbers(axis: Axis, low: int, high: int) -> Any:
    """Return how many elements of each window are in `range(low, high)`; less than 1 if there are none."""
    starts = np.arange(axis.windows) * axis.stride - axis.before
    first, last = -((starts - low) // axis.dilation), -((starts - high) // axis.dilation)
    return np.minimum(last, axis.kernel) - np.maximum(first, 0)


def _at(number: int, where: slice) -> tuple[slice, ...]:
    """Return the index of some elements along axis `number`."""
    return (slice(None),) * number + (where,)


def _along(shape: tuple[int, ...], number: int, length: int) -> tuple[int, ...]:
    """Return the shape with another length along axis `number`."""
    return (*shape[:number], length, *shape[number + 1 :])


def _blocks_of(x: Any) -> Iterator[slice]:
    """Return blocks of the samples in `x`."""
    return blocks(len(x), x[:1].nbytes)


def _samples(x: Any, axes: tuple[Axis, ...]) -> Any:
    """View `x` as `(samples, *sizes, channels)`."""
    return x.reshape(math.prod(x.shape[: -len(axes) - 1]), *x.shape[-len(axes) - 1 :])


class _Phases:
    """The elements along an axis, in one array for each phase of the stride.

    The elements that windows have at one place lie `stride` apart. Within their phase they are neighbours. Along the
    last axis, where a phase is every second pixel, NumPy's loops run over single pixels. With contiguous phases, they
    run over whole rows, which shortens the gradient of overlapping windows with 16 channels by a fifth.

    Args:
        x: `(samples, *sizes, channels)`.
        number: which of its axes.
        axis: how the windows slide along it.
        scratch: memory for contiguous phases along the last axis. Along others, the phases are views.
        copy: whether the phases contain the elements. Otherwise they are zeros, to be changed before `put_back`.
    """

    def __init__(self, x: Any, number: int, axis: Axis, scratch: Scratch, *, copy: bool = True) -> None:
        self.x, self.number, self.axis = x, number, axis
        self.views = [x[_at(number, slice(phase, None, axis.stride))] for phase in range(axis.stride)]
        self.arrays = self.views
        if number == x.ndim - 2 and axis.stride > 1:
            names = [f"{'read' if copy else 'written'} phase {phase}" for phase in range(axis.stride)]
            self.arrays = [scratch.array(name, view.shape, x.dtype) for name, view in zip(names, self.views)]
        for array, view in zip(self.arrays, self.views):
            if not copy:
                array[...] = 0
            elif array is not view:
                pixels_as_items(array)[...] = pixels_as_items(view)

    def at(self, k: int) -> tuple[slice, Any]:
        """Return the windows whose `k`-th element is not padding, and those elements."""
        windows, elements = self.axis.inside(k)
        first, phase = divmod(elements.start, self.axis.stride)
        return windows, self.arrays[phase][_at(self.number, slice(first, first + windows.stop - windows.start))]

    def taps(self) -> list[tuple[Any, Any]]:
        """Return, for each place in a window, the index of the windows where it is not padding, and those elements."""
        along = [self.at(k) for k in range(self.axis.kernel)]
        return [(_at(self.number, windows), elements) for windows, elements in along]

    def to_taps(self) -> list[tuple[bool, Any]]:
        """Return, for each place in a window, False, because the phases are 0 at first, and the elements there."""
        return [(False, elements) for _, elements in self.taps()]

    def put_back(self) -> None:
        """Copy the phases into `x`."""
        if self.arrays is not self.views:
            for array, view in zip(self.arrays, self.views):
                pixels_as_items(view)[...] = pixels_as_items(array)


def _taps(number: int, axis: Axis) -> list[tuple[Any, Any]]:
    """Return, for each place in a window, the indices of the windows where it is not padding, and of those elements."""
    inside = map(axis.inside, range(axis.kernel))
    return [(_at(number, windows), _at(number, elements)) for windows, elements in inside]


def _reduced(reduce: np.ufunc, start: float, taps: list[tuple[Any, Any]], out: Any) -> Any:
    """Reduce the windows along an axis into `out`, with `start` as the initial value, and return it.

    Args:
        taps: for each place in a window, the index of the windows where it is not padding, and those elements.
    """
    taps = sorted(taps, key=lambda tap: tap[1].shape != out.shape)  # places that are never padding come first
    if len(taps) > 1 and taps[1][1].shape == out.shape:
        reduce(taps[0][1], taps[1][1], out=out)
        taps = taps[2:]
    else:
        out[...] = start
    for windows, elements in taps:
        part = out[windows]
        reduce(part, elements, out=part)
    return out


def _pooled(reduce: np.ufunc, start: float, x: Any, axes: tuple[Axis, ...], scale: Any = None) -> Any:
    """Reduce the windows along all axes, and multiply the results by `scale`."""
    samples = _samples(np.ascontiguousarray(x), axes)
    out = np.empty((len(samples), *(axis.windows for axis in axes), x.shape[-1]), x.dtype)
    taps = [_taps(number, axis) for number, axis in enumerate(axes, start=1)]
    scratch = Scratch()
    with SmallBuffers():
        for block in _blocks_of(samples):
            part, results = samples[block], out[block]
            for number, along in enumerate(taps, start=1):
                into = results
                if number < len(axes):
                    shape = _along(part.shape, number, axes[number - 1].windows)
                    into = scratch.array("reduced", shape, x.dtype)
                part = _reduced(reduce, start, [(windows, part[elements]) for windows, elements in along], into)
            if scale is not None:
                results *= scale
    return out.reshape(*x.shape[: -len(axes) - 1], *out.shape[1:])


def _tiles(axis: Axis) -> bool:
    """Return whether windows lie side by side from the first element on, without padding."""
    return (axis.kernel, axis.dilation, axis.before) == (axis.stride, 1, 0) and axis.windows * axis.kernel <= axis.size


def _flops(out_shape: tuple[int, ...], size: Size, axes: int) -> int:
    """Return 1 operation for each element of each window."""
    return math.prod(out_shape) * math.prod(per_axis("size", size, axes))


# -- maximum -------------------------------------------------------------------------------------------------


def _max_pooled(x: Any, axes: tuple[Axis, ...]) -> Any:
    return _pooled(np.maximum, -math.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min, x, axes)


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


def _to_maximum(g: Any, x: Any, out: Any, axes: tuple[Axis, ...]) -> Any:
    """Return the gradient with respect to `x`, whose maxima are `out`.

    The first of equal elements in a window, in reading order, receives the gradient.
    """
    gradient = np.empty(x.shape, g.dtype)
    if not gradient.size:
        return gradient
    received = _samples(gradient, axes)
    g, x, out = (_samples(np.ascontiguousarray(each), axes) for each in (g, x, out))
    if all(map(_tiles, axes)):
        pass_back = _in_tiles
    elif len(axes) == 2 and any(map(_overlaps_far, axes)):
        pass_back = _along_each_axis
    else:
        pass_back = _at_each_place
    with SmallBuffers():
        pass_back(g, x, out, axes, received)
    return gradient


def _at_each_place(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`: for each place in a window, that of all windows at once."""
    scratch = Scratch()
    planes = None
    for block in _blocks_of(x):
        planes = planes or Planes(len(x[block]), axes, x.shape[-1], x.dtype)
        upstream, maxima = planes.windows(g[block], largest[block])
        _to_largest(upstream, maxima, planes.taps(x[block]), planes.to_taps(len(x[block])), scratch)
        planes.put_back(to_x[block])


def _along_each_axis(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`: along the height, to the maxima of the rows of windows, then along the width.

    The number of operations grows with the sum of the window's sizes instead of their product.
    """
    height, width = axes
    scratch = Scratch()
    for block in _blocks_of(x):
        shape = _along(x[block].shape, 2, width.windows)
        of_rows, to_rows = (scratch.array(name, shape, x.dtype) for name in ("rows", "to rows"))
        pixels, to_pixels = _Phases(x[block], 2, width, scratch), _Phases(to_x[block], 2, width, scratch, copy=False)
        _reduced(np.maximum, -math.inf, pixels.taps(), of_rows)
        rows, to_each_row = _Phases(of_rows, 1, height, scratch), _Phases(to_rows, 1, height, scratch, copy=False)
        _to_largest(g[block], largest[block], rows.taps(), to_each_row.to_taps(), scratch)
        _to_largest(to_rows, of_rows, pixels.taps(), to_pixels.to_taps(), scratch)
        to_pixels.put_back()


def _overlaps_far(axis: Axis) -> bool:
    """Return whether neighbouring windows have more than one element in common."""
    return axis.kernel > axis.stride + 1


def _to_largest(
    g: Any, largest: Any, taps: Sequence[tuple[Any, Any]], to_taps: Sequence[tuple[bool, Any]], scratch: Scratch
) -> None:  # fmt: skip
    """Add the gradient of each window to the first of its elements that is the maximum.

    `np.where` would take 16 times as long as the product with the comparison.

    Args:
        g, largest: the gradients and the maxima of the windows.
        taps: for each place in a window, the index of windows, and their elements there.
        to_taps: for each place, whether to overwrite the gradients there instead of adding to them, and the gradients.
        scratch: memory for intermediate results.
    """
    waiting, is_first = (scratch.array(name, g.shape, bool) for name in ("waiting", "is first"))
    received = scratch.array("received", g.shape, g.dtype)
    waiting[...] = True  # no element of a window has received its gradient yet
    for number, ((windows, elements), (is_new, to_elements)) in enumerate(zip(taps, to_taps), start=1):
        still, part = waiting[windows], received[windows]
        first = still  # the last element
        if number < len(taps):
            first = np.equal(elements, largest[windows], out=is_first[windows])
            first &= still
            still ^= first
        weights = first
        if g.ndim == 1:  # in one row, casting the booleans first takes 0.7 of the time of a product with them
            weights = part
            weights[...] = first
        if is_new:
            np.multiply(g[windows], weights, out=to_elements)
        else:
            to_elements += np.multiply(g[windows], weights, out=part)


def _in_tiles(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`, for windows that lie side by side.

    The maxima and the gradients are repeated for each element of a row of their window. The comparison and the product
    are then loops over whole rows.
    """
    rows, to_rows = _rows_of_tiles(x, axes), _rows_of_tiles(to_x, axes, clear=True)
    repeated = marks = None
    for block in _blocks_of(x):
        if repeated is None or marks is None or len(marks.marked) != len(x[block]):
            repeated, marks = _Repeated(g[block], axes[-1]), _Marks(rows[block], axes, x.shape[-1])
        np.equal(rows[block], repeated.row(largest[block]), out=marks.marked)
        marks.keep_first()
        np.multiply(repeated.row(g[block]), marks.marked, out=to_rows[block])


def _rows_of_tiles(x: Any, axes: tuple[Axis, ...], *, clear: bool = False) -> Any:
    """View the windows that lie side by side as `(samples, windows, rows of a window, elements of a row of windows)`.

    Args:
        clear: whether to write 0 into the elements that are in no window.
    """
    height, width = (Axis(1, 1, 1, 1, 0, 0, 1), *axes)[-2:]
    down, right = height.windows * height.kernel, width.windows * width.kernel
    x = x.reshape(len(x), height.size, width.size, -1)
    if clear:
        x[:, down:] = 0
        x[:, :, right:] = 0
    rows = x[:, :down].reshape(len(x), height.windows, height.kernel, -1)
    return rows[..., : right * x.shape[-1]]


class _Repeated:
    """Memory for one number of each window, repeated for each element of a row of the window.

    Args:
        values: one number of each window.
        axis: how the windows slide along the row.
    """

    def __init__(self, values: Any, axis: Axis) -> None:
        repeated = aligned((*values.shape[:-1], axis.kernel, values.shape[-1]), values.dtype)
        self.columns = [pixels_as_items(repeated)[..., k] for k in range(axis.kernel)]
        self.rows = repeated.reshape(len(values), -1, 1, math.prod(repeated.shape[-3:]))

    def row(self, values: Any) -> Any:
        """Return `(samples, windows, 1, elements of a row of windows)`."""
        items = pixels_as_items(values)
        for column in self.columns:
            column[...] = items
        return self.rows


class _Marks:
    """Memory for a mark at each element of windows that lie side by side.

    Args:
        rows: the result of `_rows_of_tiles`.
        axes: how the windows slide.
        channels: the number of channels.
    """

    def __init__(self, rows: Any, axes: tuple[Axis, ...], channels: int) -> None:
        self.marked = aligned(rows.shape, bool)
        places = self.marked.reshape(*rows.shape[:3], axes[-1].windows, axes[-1].kernel, channels)
        self.taps = [
            pixels_as_items(places[:, :, row, :, column]) for row, column in np.ndindex(rows.shape[2], axes[-1].kernel)
        ]
        shape = (*rows.shape[:2], axes[-1].windows, channels)
        self.first, self.waiting = (aligned(shape, bool) for _ in range(2))
        self.first_items, self.waiting_items = pixels_as_items(self.first), pixels_as_items(self.waiting)

    def keep_first(self) -> None:
        """Remove all marks in each window but the first. If there is none, mark the last element."""
        self.waiting[...] = True  # no marked element of a window has been found yet
        for tap in self.taps[:-1]:
            self.first_items[...] = tap
            self.first &= self.waiting
            self.waiting ^= self.first
            tap[...] = self.first_items
        self.taps[-1][...] = self.waiting_items


def _max_rule(count: int) -> Callable[..., Any]:
    """Return the derivative rule of the maximum over windows along `count` axes."""

    def to_input(g: Any, x: Any, out: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool) -> Any:
        """`at_largest(g, x)`: the gradient of each window, at its largest element."""
        return _to_maximum(g, x, out, axes_of(x.shape, count, size, stride, padding, dilation, ceil_mode))

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


# -- mean ----------------------------------------------------------------------------------------------------


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


def _averaged(x: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    x = x if x.dtype.kind == "f" else x.astype(float)
    return _pooled(np.add, 0.0, x, axes, scale_of(axes, count_padding, x.dtype))


def _average_composed(x: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    """Return the means in recorded functions."""
    leading = len(x.shape) - len(axes) - 1
    margins = [
        (axis.before, max((axis.windows - 1) * axis.stride + axis.extent - axis.before - axis.size, 0)) for axis in axes
    ]
    out = np.pad(x, [(0, 0)] * leading + margins + [(0, 0)])
    for number, axis in enumerate(axes, start=leading):
        last = (axis.windows - 1) * axis.stride + 1
        starts = range(0, axis.extent, axis.dilation)
        parts = [out[_at(number, slice(start, start + last, axis.stride))] for start in starts]
        out = functools.reduce(np.add, parts)
    return out * scale_of(axes, count_padding, x.dtype)


def _to_average(g: Any, x_shape: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    """Return the gradient with respect to the input: every element sums over the windows that it is in."""
    gradient = np.empty(x_shape, g.dtype)
    if not gradient.size:
        return gradient
    received = _samples(gradient, axes)
    g, scale = _samples(np.ascontiguousarray(g), axes), scale_of(axes, count_padding, g.dtype)
    with SmallBuffers():
        spread = _average_in_tiles if all(map(_tiles, axes)) else _average_along_each_axis
        spread(g, scale, axes, received)
    return gradient


def _average_in_tiles(g: Any, scale: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write `g·scale` into each element in `to_x`, for windows that lie side by side."""
    to_rows = _rows_of_tiles(to_x, axes, clear=True)
    repeated, scaled = None, np.empty(0)
    for block in _blocks_of(to_x):
        if repeated is None or len(scaled) != len(g[block]):
            repeated, scaled = _Repeated(g[block], axes[-1]), aligned(g[block].shape, g.dtype)
        np.multiply(g[block], scale, out=scaled)
        to_rows[block] = repeated.row(scaled)


def _average_along_each_axis(g: Any, scale: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write into each element in `to_x` the sum of `g·scale` over the windows that it is in."""
    scratch = Scratch()
    for block in _blocks_of(to_x):
        part = g[block]
        part = np.multiply(part, scale, out=scratch.array("scaled", part.shape, g.dtype))
        for number, axis in reversed(list(enumerate(axes, start=1))):
            wide = to_x[block]
            if number > 1:
                wide = scratch.array("wide", _along(part.shape, number, axis.size), g.dtype)
            received = _Phases(wide, number, axis, scratch, copy=False)
            for which, elements in received.taps():
                elements += part[which]
            received.put_back()
            part = wide


def _average_rule(count: int) -> Callable[..., Any]:
    """Return the derivative rule of the mean over windows along `count` axes."""

    def to_input(
        g: Any, x_shape: Any, size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool, count_padding: bool
    ) -> Any:
        """`spread(g, size)`: an equal part of each gradient at each element of its window."""
        axes = axes_of(x_shape, count, size, stride, padding, dilation, ceil_mode)
        return _to_average(g, x_shape, axes, count_padding)

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
