"""Convolution of images as a few large matrix products, without copying every window.

Concatenating all windows (im2col) copies an image `kh·kw` times, and the copying costs more than the product.
Here only the `kh` pixels of a column are concatenated, in a *cell*. The `kw` neighbouring cells of a
window then lie one behind the other in memory, so a window is a row of `kw·kh·channels` numbers without a copy:

    cells    | 0 | 1 | 2 | 3 | 4 | 5 | 6 | …        kw = 3
    windows  [ 0   1   2 ] [ 3   4   5 ]            rows 0, 3, …: one ordinary matrix
                 [ 1   2   3 ] [ 4   5   6 ]        rows 1, 4, …: another
                     [ 2   3   4 ] [ 5   6   7 ]    rows 2, 5, …: the last

Windows overlap, which BLAS does not accept, but every `kw`-th window does not. So `kw` products compute everything,
each writing every `kw`-th row of the result; with a stride, ⌈kw / stride⌉ of them. The rows of an image are separated
by its left padding, which is also the right padding of the row before. Windows across a row's end are computed and left
out. The work is done in blocks that fit into the processor's second cache. A pixel is copied as one item of `channels`
numbers, in half the time of the numbers.

Arrays are `(samples, height, width, channels)`, all of one dtype. There is one group and no dilation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from nn.functional._blocks import BLOCK_BYTES, aligned_copy, pixels_as_items
from nn.functional._products import pieces, summed_pieces
from nn.functional.windows import Axis


class Block(NamedTuple):
    """A slice of samples, a slice of rows of their result, and the `number` of windows in these rows."""

    samples: slice
    rows: slice
    number: int


Stacks = list[tuple[NDArray[Any], NDArray[Any]]]
"""Pairs of operands of products, in stacks of pieces."""


class Cells:
    """The input as cells, block by block.

    Args:
        x: the input; its pixels must be contiguous.
        vertical, horizontal: how the windows slide.
        result_channels: the number of channels of the result, which affects the size of the blocks.

    Attributes:
        width: the windows in a row of the grid, of which the first `horizontal.windows` are part of the result.
        phases: the number of products.
        block_windows: the maximum number of windows in a block.
    """

    def __init__(self, x: NDArray[Any], vertical: Axis, horizontal: Axis, result_channels: int) -> None:
        # Negative padding, which occurs in the gradient of a convolution with much padding, crops pixels.
        x = x[:, max(-vertical.before, 0) :, max(-horizontal.before, 0) :]
        self.samples, self.rows, self.columns, self.channels = x.shape
        self.top, self.left = max(vertical.before, 0), max(horizontal.before, 0)
        self.vertical, self.horizontal = vertical, horizontal
        self.x = pixels_as_items(x)
        self.cell = vertical.kernel * self.channels

        stride, last_window = horizontal.stride, (horizontal.windows - 1) * horizontal.stride
        cells = max(self.left + self.columns, last_window + horizontal.kernel - self.left, last_window + stride)
        self.width = -(-cells // stride)
        self.row_cells = self.width * stride
        self.phases = -(-horizontal.kernel // stride)

        bytes_per_row = (self.row_cells * self.cell + self.width * result_channels) * x.itemsize
        self.block_samples, self.block_rows = _block_size(self.samples, vertical.windows, BLOCK_BYTES // bytes_per_row)
        self.block_windows = self.block_samples * self.block_rows * self.width
        beyond = (self.phases * stride + horizontal.kernel) * self.cell
        self.buffer = np.zeros(self.block_windows * stride * self.cell + beyond, x.dtype)
        self.stacks: dict[int, Stacks] = {}

    def blocks(self) -> Iterator[Block]:
        """Fill the buffer with one block after another."""
        for first in range(0, self.samples, self.block_samples):
            samples = slice(first, min(first + self.block_samples, self.samples))
            for top in range(0, self.vertical.windows, self.block_rows):
                rows = slice(top, min(top + self.block_rows, self.vertical.windows))
                self._fill(samples, rows)
                count = (samples.stop - samples.start) * (rows.stop - rows.start) * self.width
                yield Block(samples, rows, count)

    def with_grid(
        self, number: int, grid: NDArray[Any], split: Callable[[NDArray[Any], NDArray[Any]], Stacks]
    ) -> Stacks:
        """Return the windows of a block and the rows of the grid that belong to them, as `split` returns them.

        Blocks with the same number of windows have the same memory, so the views are made once.
        """
        if number not in self.stacks:
            self.stacks[number] = [
                stack
                for phase in range(self.phases)
                for stack in split(self._windows(phase, number), grid[phase : number : self.phases])
            ]
        return self.stacks[number]

    def _fill(self, samples: slice, rows: slice) -> None:
        """Copy the pixels of a block into their cells; above and below the image there are zeros.

        The cells left and right of the image are never written, and stay 0.
        """
        n, height = samples.stop - samples.start, rows.stop - rows.start
        size = n * height * self.row_cells * self.cell
        cells = self.buffer[:size].reshape(n, height, self.row_cells, self.vertical.kernel, self.channels)
        items = pixels_as_items(cells)
        across = slice(self.left, self.left + self.columns)
        stride = self.vertical.stride
        for k in range(self.vertical.kernel):
            first = min(max(rows.start, -((k - self.top) // stride)), rows.stop)
            last = max(first, min(rows.stop, (self.rows - 1 + self.top - k) // stride + 1))
            cells[:, : first - rows.start, :, k] = 0
            cells[:, last - rows.start :, :, k] = 0
            if last > first:
                start = first * stride + k - self.top
                lines = slice(start, start + (last - first - 1) * stride + 1, stride)
                items[:, first - rows.start : last - rows.start, across, k] = self.x[samples, lines]

    def _windows(self, phase: int, count: int) -> NDArray[Any]:
        """Return every `phases`-th of the first `count` windows, from number `phase` on, as a matrix."""
        step = self.horizontal.stride * self.cell
        shape = ((count - phase + self.phases - 1) // self.phases, self.horizontal.kernel * self.cell)
        strides = (self.phases * step * self.buffer.itemsize, self.buffer.itemsize)
        return as_strided(self.buffer[phase * step :], shape, strides)


def convolve(x: Any, weight: Any, bias: Any, axes: tuple[Axis, Axis]) -> Any:
    """Return the convolution of `x`, plus `bias` unless that is None."""
    out = np.empty((len(x), axes[0].windows, axes[1].windows, weight.shape[-1]), x.dtype)
    _convolve(x, weight, bias, axes, out)
    return out


def input_gradient(g: Any, weight: Any, axes: tuple[Axis, Axis]) -> Any:
    """Return the gradient with respect to the input, which is a convolution of `g` with the kernel reversed.

    With a stride, pixels of the input whose distance is the stride use the same positions of the kernel. Each of
    these phases is a separate small convolution, without products with zeros.
    """
    vertical, horizontal = axes
    out = np.empty((len(g), vertical.size, horizontal.size, weight.shape[2]), g.dtype)
    for top in range(min(vertical.stride, vertical.size)):
        rows, down = _phase(vertical, top)
        for left in range(min(horizontal.stride, horizontal.size)):
            columns, across = _phase(horizontal, left)
            part = out[:, top :: vertical.stride, left :: horizontal.stride]
            if not rows or not columns:
                part[...] = 0
            else:
                reverse = np.swapaxes(weight[rows][:, columns], 2, 3)
                _convolve(g, reverse, None, (down, across), part)
    return out


def weight_gradient(g: Any, x: Any, axes: tuple[Axis, Axis]) -> Any:
    """Return the gradient with respect to the weight: the windows, as columns, times `g`."""
    vertical, horizontal = axes
    filters = g.shape[-1]
    cells = Cells(x, vertical, horizontal, filters)
    rows = g.reshape(*g.shape[:2], horizontal.windows * filters)
    grid = np.zeros((cells.block_windows, filters), g.dtype)  # 0 where a window lies across a row's end
    total = np.zeros((horizontal.kernel * cells.cell, filters), g.dtype)
    for block in cells.blocks():
        gradients = grid[: block.number]
        n, height = len(rows[block.samples]), block.rows.stop - block.rows.start
        gradients.reshape(n, height, -1)[:, :, : rows.shape[-1]] = rows[block.samples, block.rows]
        for columns, upstream in cells.with_grid(block.number, grid, summed_pieces):
            for part in np.matmul(columns, upstream):
                total += part
    return total.reshape(horizontal.kernel, vertical.kernel, cells.channels, filters).swapaxes(0, 1)


def _convolve(x: Any, weight: Any, bias: Any, axes: tuple[Axis, Axis], out: Any) -> None:
    """Write the convolution into `out`, which may be every other pixel of an array."""
    vertical, horizontal = axes
    filters = weight.shape[-1]
    matrix = aligned_copy(weight.swapaxes(0, 1)).reshape(-1, filters)
    cells = Cells(x, vertical, horizontal, filters)
    grid = np.empty((cells.block_windows, filters), x.dtype)
    split = partial(pieces, multiplications=matrix.size)
    bias_row = None if bias is None else np.ascontiguousarray(np.broadcast_to(bias, (horizontal.windows, filters)))
    for block in cells.blocks():
        for windows, results in cells.with_grid(block.number, grid, split):
            np.matmul(windows, matrix, out=results)
        part = out[block.samples, block.rows]
        result = grid[: block.number].reshape(*part.shape[:2], cells.width, filters)[:, :, : horizontal.windows]
        if bias_row is None:
            part[...] = result
        else:
            np.add(result, bias_row, out=part)


def _phase(axis: Axis, start: int) -> tuple[list[int], Axis]:
    """Return which positions of the kernel the elements `start`, `start + stride`, … meet, in reverse, and how the
    windows of these positions slide along the gradient of the result."""
    kernel = [k for k in range(axis.kernel) if (start + axis.before - k) % axis.stride == 0][::-1]
    size = len(range(start, axis.size, axis.stride))
    before = -((start + axis.before - kernel[0]) // axis.stride) if kernel else 0
    return kernel, Axis(axis.windows, len(kernel), 1, 1, before, 0, size)  # the padding after them is not used


def _block_size(samples: int, rows: int, fitting: int) -> tuple[int, int]:
    """Return how many samples, and how many rows of each, make a block: whole samples if one fits.

    The blocks are as equal as possible.
    """
    if fitting >= rows:
        blocks = -(-samples * rows // (fitting // rows * rows))
        return -(-samples // blocks), rows
    blocks = -(-rows // max(fitting, 1))
    return 1, -(-rows // blocks)
