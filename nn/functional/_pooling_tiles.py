"""Non-overlapping windows, processed by whole rows of elements."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.functional._blocks import aligned, pixels_as_items
from nn.functional.windows import Axis


def lie_side_by_side(axis: Axis) -> bool:
    """Return whether the windows are adjacent without overlapping, from the first element on and without padding."""
    return (axis.kernel, axis.dilation, axis.before) == (axis.stride, 1, 0) and axis.windows * axis.kernel <= axis.size


def rows_of_tiles(x: Any, axes: tuple[Axis, ...], *, clear: bool = False) -> Any:
    """View non-overlapping windows as `(samples, rows of windows, rows per window, elements per row)`.

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


class Repeated:
    """Buffer for one number per window, repeated for each element of a row of the window.

    Args:
        values: one number of each window.
        axis: how the windows slide along the row.
    """

    def __init__(self, values: Any, axis: Axis) -> None:
        repeated = aligned((*values.shape[:-1], axis.kernel, values.shape[-1]), values.dtype)
        self.columns = [pixels_as_items(repeated)[..., k] for k in range(axis.kernel)]
        self.rows = repeated.reshape(len(values), -1, 1, math.prod(repeated.shape[-3:]))

    def row(self, values: Any) -> Any:
        """Return the repeated values as `(samples, rows of windows, 1, elements per row)`."""
        items = pixels_as_items(values)
        for column in self.columns:
            column[...] = items
        return self.rows


class Marks:
    """Buffer of booleans that mark elements of non-overlapping windows.

    Args:
        rows: the result of `rows_of_tiles`.
        axes: how the windows slide.
        channels: the number of channels.
    """

    def __init__(self, rows: Any, axes: tuple[Axis, ...], channels: int) -> None:
        self.marked = aligned(rows.shape, bool)
        positions = self.marked.reshape(*rows.shape[:3], axes[-1].windows, axes[-1].kernel, channels)
        self.taps = [
            pixels_as_items(positions[:, :, row, :, column])
            for row, column in np.ndindex(rows.shape[2], axes[-1].kernel)
        ]
        shape = (*rows.shape[:2], axes[-1].windows, channels)
        self.first, self.waiting = (aligned(shape, bool) for _ in range(2))
        self.first_items, self.waiting_items = pixels_as_items(self.first), pixels_as_items(self.waiting)

    def keep_first(self) -> None:
        """Remove all marks but the first in each window. If there is none, mark the last element."""
        self.waiting[...] = True  # no marked element of a window has been found yet
        for tap in self.taps[:-1]:
            self.first_items[...] = tap
            self.first &= self.waiting
            self.waiting ^= self.first
            tap[...] = self.first_items
        self.taps[-1][...] = self.waiting_items
