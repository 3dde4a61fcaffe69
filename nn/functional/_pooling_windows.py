"""Sliding windows, one axis at a time: the elements at each position, and reductions."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nn.functional._blocks import Scratch, SmallBuffers, blocks, pixels_as_items
from nn.functional.windows import Axis


def pooled(reduce: np.ufunc, start: float, x: Any, axes: tuple[Axis, ...], scale: Any = None) -> Any:
    """Reduce the windows along all axes, and multiply the results by `scale`."""
    samples = as_samples(np.ascontiguousarray(x), axes)
    out = np.empty((len(samples), *(axis.windows for axis in axes), x.shape[-1]), x.dtype)
    taps = [taps_along(number, axis) for number, axis in enumerate(axes, start=1)]
    scratch = Scratch()
    with SmallBuffers():
        for block in blocks_of_samples(samples):
            part, results = samples[block], out[block]
            for number, along in enumerate(taps, start=1):
                into = results
                if number < len(axes):
                    shape = resized(part.shape, number, axes[number - 1].windows)
                    into = scratch.array("reduced", shape, x.dtype)
                part = reduced(reduce, start, [(windows, part[elements]) for windows, elements in along], into)
            if scale is not None:
                results *= scale
    return out.reshape(*x.shape[: -len(axes) - 1], *out.shape[1:])


def reduced(reduce: np.ufunc, start: float, taps: list[tuple[Any, Any]], out: Any) -> Any:
    """Reduce the windows along an axis into `out`, with `start` as the initial value, and return `out`.

    Args:
        taps: for each position within a window, the index of the windows where it is not padding, and the elements.
    """
    taps = sorted(taps, key=lambda tap: tap[1].shape != out.shape)  # positions that are never padding come first
    if len(taps) > 1 and taps[1][1].shape == out.shape:
        reduce(taps[0][1], taps[1][1], out=out)
        taps = taps[2:]
    else:
        out[...] = start
    for windows, elements in taps:
        part = out[windows]
        reduce(part, elements, out=part)
    return out


def taps_along(number: int, axis: Axis) -> list[tuple[Any, Any]]:
    """Return, for each position within a window, the indices of windows where it is not padding, and of elements."""
    inside = map(axis.inside, range(axis.kernel))
    return [(index_along(number, windows), index_along(number, elements)) for windows, elements in inside]


class Phases:
    """The elements along an axis, in one array for each phase of the stride.

    Elements at the same position in neighbouring windows are `stride` apart. Within their phase they are neighbours.
    Along the last axis, where a phase is every second pixel, NumPy's loops run over single pixels. With contiguous
    phases, they run over whole rows, which shortens the gradient of overlapping windows with 16 channels by a fifth.

    Args:
        x: `(samples, *sizes, channels)`.
        number: the axis of `x`.
        axis: how the windows slide along it.
        scratch: memory for contiguous phases along the last axis. Along others, the phases are views.
        copy: whether the phases contain the elements. Otherwise they are zeros, to be changed before `put_back`.
    """

    def __init__(self, x: Any, number: int, axis: Axis, scratch: Scratch, *, copy: bool = True) -> None:
        self.number, self.axis = number, axis
        self.views = [x[index_along(number, slice(phase, None, axis.stride))] for phase in range(axis.stride)]
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
        return windows, self.arrays[phase][index_along(self.number, slice(first, first + windows.stop - windows.start))]

    def taps(self) -> list[tuple[Any, Any]]:
        """Return, for each position within a window, the windows where it is not padding, and the elements there."""
        along = [self.at(k) for k in range(self.axis.kernel)]
        return [(index_along(self.number, windows), elements) for windows, elements in along]

    def to_taps(self) -> list[tuple[bool, Any]]:
        """Return, for each position within a window, False and the elements there.

        False means that gradients are added, because the phases are initially 0.
        """
        return [(False, elements) for _, elements in self.taps()]

    def put_back(self) -> None:
        """Copy the phases into `x`."""
        if self.arrays is not self.views:
            for array, view in zip(self.arrays, self.views):
                pixels_as_items(view)[...] = pixels_as_items(array)


def index_along(number: int, where: slice) -> tuple[slice, ...]:
    """Return the index of some elements along axis `number`."""
    return (slice(None),) * number + (where,)


def resized(shape: tuple[int, ...], number: int, length: int) -> tuple[int, ...]:
    """Return the shape with another length along axis `number`."""
    return (*shape[:number], length, *shape[number + 1 :])


def blocks_of_samples(x: Any) -> Iterator[slice]:
    """Return blocks of the samples in `x`."""
    return blocks(len(x), x[:1].nbytes)


def as_samples(x: Any, axes: tuple[Axis, ...]) -> Any:
    """View `x` as `(samples, *sizes, channels)`."""
    return x.reshape(math.prod(x.shape[: -len(axes) - 1]), *x.shape[-len(axes) - 1 :])
