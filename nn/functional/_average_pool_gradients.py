"""Gradient of average-pooling: each element receives the sum over the windows that contain it."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.functional._blocks import Scratch, SmallBuffers, aligned
from nn.functional._pooling_tiles import Repeated, lie_side_by_side, rows_of_tiles
from nn.functional._pooling_windows import Phases, as_samples, blocks_of_samples, resized
from nn.functional.windows import Axis


def average_pool_gradient(g: Any, x_shape: Any, axes: tuple[Axis, ...], scale: Any) -> Any:
    """Return the gradient with respect to the input, of shape `x_shape`.

    Args:
        scale: 1 / (number of elements), for each window or for all.
    """
    gradient = np.empty(x_shape, g.dtype)
    if not gradient.size:
        return gradient
    spread = _in_tiles if all(map(lie_side_by_side, axes)) else _along_each_axis
    with SmallBuffers():
        spread(as_samples(np.ascontiguousarray(g), axes), scale, axes, as_samples(gradient, axes))
    return gradient


def _in_tiles(g: Any, scale: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write `g·scale` into each element of `to_x`, for non-overlapping windows."""
    to_rows = rows_of_tiles(to_x, axes, clear=True)
    repeated, scaled = None, np.empty(0)
    for block in blocks_of_samples(to_x):
        if repeated is None or len(scaled) != len(g[block]):
            repeated, scaled = Repeated(g[block], axes[-1]), aligned(g[block].shape, g.dtype)
        np.multiply(g[block], scale, out=scaled)
        to_rows[block] = repeated.row(scaled)


def _along_each_axis(g: Any, scale: Any, axes: tuple[Axis, ...], to_x: Any) -> None:
    """Write into each element of `to_x` the sum of `g·scale` over the windows that contain it."""
    scratch = Scratch()
    for block in blocks_of_samples(to_x):
        part = g[block]
        part = np.multiply(part, scale, out=scratch.array("scaled", part.shape, g.dtype))
        for number, axis in reversed(list(enumerate(axes, start=1))):
            wide = to_x[block]
            if number > 1:
                wide = scratch.array("wide", resized(part.shape, number, axis.size), g.dtype)
            received = Phases(wide, number, axis, scratch, copy=False)
            for which, elements in received.taps():
                elements += part[which]
            received.put_back()
            part = wide
