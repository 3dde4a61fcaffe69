"""Gradient of max-pooling: the first maximum in each window receives the gradient of the window."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from nn.functional._blocks import Scratch, SmallBuffers
from nn.functional._planes import Planes
from nn.functional._pooling_tiles import Marks, Repeated, lie_side_by_side, rows_of_tiles
from nn.functional._pooling_windows import Phases, as_samples, blocks_of_samples, reduced, resized
from nn.functional.windows import Axis


def max_pool_gradient(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...]) -> Any:
    """Return the gradient with respect to `x`, whose windows have the maxima `largest`.

    The first of equal elements in a window, in reading order, receives the gradient.
    """
    gradient = np.empty(x.shape, g.dtype)
    if not gradient.size:
        return gradient
    g, x, largest = (as_samples(np.ascontiguousarray(each), axes) for each in (g, x, largest))
    if all(map(lie_side_by_side, axes)):
        pass_back = _in_tiles
    elif len(axes) == 2 and any(map(_overlaps_far, axes)):
        pass_back = _along_each_axis
    else:
        pass_back = _at_each_position
    with SmallBuffers():
        pass_back(g, x, largest, axes, as_samples(gradient, axes))
    return gradient


def _in_tiles(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`, for non-overlapping windows.

    The maxima and the gradients are repeated for each element of a row of their window. The comparison and the product
    then run over whole rows.
    """
    rows, to_rows = rows_of_tiles(x, axes), rows_of_tiles(to_x, axes, clear=True)
    repeated = marks = None
    for block in blocks_of_samples(x):
        if repeated is None or marks is None or len(marks.marked) != len(x[block]):
            repeated, marks = Repeated(g[block], axes[-1]), Marks(rows[block], axes, x.shape[-1])
        np.equal(rows[block], repeated.row(largest[block]), out=marks.marked)
        marks.keep_first()
        np.multiply(repeated.row(g[block]), marks.marked, out=to_rows[block])


def _at_each_position(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`, one position within the windows after the other, for all windows at once."""
    scratch = Scratch()
    planes = None
    for block in blocks_of_samples(x):
        planes = planes or Planes(len(x[block]), axes, x.shape[-1], x.dtype)
        upstream, maxima = planes.windows(g[block], largest[block])
        _to_largest(upstream, maxima, planes.taps(x[block]), planes.to_taps(len(x[block])), scratch)
        planes.put_back(to_x[block])


def _along_each_axis(g: Any, x: Any, largest: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write the gradient into `to_x`, one axis after the other.

    Along the height, it goes to the maxima of the rows of each window; then, along the width, to their elements. The
    number of operations grows with the sum of the window's height and width instead of their product.
    """
    height, width = axes
    scratch = Scratch()
    for block in blocks_of_samples(x):
        shape = resized(x[block].shape, 2, width.windows)
        of_rows, to_rows = (scratch.array(name, shape, x.dtype) for name in ("rows", "to rows"))
        pixels, to_pixels = Phases(x[block], 2, width, scratch), Phases(to_x[block], 2, width, scratch, copy=False)
        reduced(np.maximum, -math.inf, pixels.taps(), of_rows)
        rows, to_each_row = Phases(of_rows, 1, height, scratch), Phases(to_rows, 1, height, scratch, copy=False)
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
        taps: for each position within a window, the index of the windows, and their elements there.
        to_taps: for each position, whether to overwrite the gradients instead of adding to them, and those gradients.
        scratch: memory for intermediate results.
    """
    waiting, is_first = (scratch.array(name, g.shape, bool) for name in ("waiting", "is first"))
    received = scratch.array("received", g.shape, g.dtype)
    waiting[...] = True  # no element of a window has received its gradient yet
    for number, ((windows, elements), (is_new, to_elements)) in enumerate(zip(taps, to_taps), start=1):
        still, part = waiting[windows], received[windows]
        first = still  # the last element receives every remaining gradient
        if number < len(taps):
            first = np.equal(elements, largest[windows], out=is_first[windows])
            first &= still
            still ^= first
        weights = first
        if g.ndim == 1:  # casting the booleans and multiplying takes 0.7 times as long as multiplying by booleans
            weights = part
            weights[...] = first
        if is_new:
            np.multiply(g[windows], weights, out=to_elements)
        else:
            to_elements += np.multiply(g[windows], weights, out=part)
