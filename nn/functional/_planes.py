"""Elements of sliding windows, arranged so that the elements at the same position in all windows are contiguous."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from numpy.typing import DTypeLike, NDArray

from nn.functional._blocks import aligned, pixels_as_items
from nn.functional.windows import Axis


class Planes:
    """Buffer in which the elements at the same position in all windows are contiguous, in the order of the windows.

    Elements at the same position in neighbouring windows are `stride` apart, and NumPy is slow on short rows. A plane
    contains the elements of one phase of the strides: with strides of 2, every second pixel of every second row.
    Windows and planes are padded to the same shape. The element of window `w` at a given position is then element
    `w + shift` of a plane. The plane and the shift depend only on the position.

    The windows in the padding have gradients of 0. Elements in the padding are NaN, so that they equal no maximum.

    Args:
        samples: the largest number of samples.
        axes: how the windows slide along each axis between the samples and the channels.
        channels: the number of channels.
        dtype: the dtype of the elements and their gradients.

    Attributes:
        positions: the number of the plane and the shift, for each position within a window, in reading order.
    """

    def __init__(self, samples: int, axes: tuple[Axis, ...], channels: int, dtype: DTypeLike) -> None:
        lines = [_line(axis) for axis in axes]
        shape = (samples, *(line.length for line in lines), channels)
        steps = [math.prod(shape[number:]) for number in range(2, len(shape))]
        phases = list(itertools.product(*(range(axis.stride) for axis in axes)))
        self.positions = []
        for position in itertools.product(*(line.positions for line in lines)):
            shift = sum(shift * step for (shift, _), step in zip(position, steps))
            self.positions.append((phases.index(tuple(phase for _, phase in position)), shift))
        self.elements = [_index(each) for each in itertools.product(*(line.elements for line in lines))]
        self.inside = [_index(each) for each in itertools.product(*(line.inside for line in lines))]
        self.windows_inside = _index(slice(axis.windows) for axis in axes)
        self.values, self.to_values = (aligned((len(phases), *shape), dtype) for _ in range(2))
        self.gradients, self.maxima = (aligned(shape, dtype) for _ in range(2))
        self.values[...] = math.nan
        self.to_values[...] = self.gradients[...] = self.maxima[...] = 0

    def windows(self, g: NDArray[Any], largest: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the gradients and the maxima of the windows, each as a one-dimensional array."""
        for array, numbers in ((self.gradients, g), (self.maxima, largest)):
            pixels_as_items(array)[: len(g)][self.windows_inside] = pixels_as_items(numbers)
        return self.gradients[: len(g)].reshape(-1), self.maxima[: len(g)].reshape(-1)

    def taps(self, x: NDArray[Any]) -> list[tuple[slice, NDArray[Any]]]:
        """Return, for each position within a window, the slice of the flattened windows, and their elements there."""
        for plane, inside, elements in zip(self.values, self.inside, self.elements):
            pixels_as_items(plane)[: len(x)][inside] = pixels_as_items(x)[elements]
        rows = self.values[:, : len(x)].reshape(len(self.values), -1)
        return [(slice(rows.shape[1] - shift), rows[plane, shift:]) for plane, shift in self.positions]

    def to_taps(self, samples: int) -> list[tuple[bool, NDArray[Any]]]:
        """Return, for each position within a window, whether to overwrite the gradients there, and the gradients.

        Gradients to be overwritten have arbitrary values. The others are partial sums, to be added to.
        """
        found, used = [], set()
        for plane, shift in self.positions:
            row = self.to_values[plane, :samples].reshape(-1)
            if plane not in used:
                row[:shift] = 0  # elements that are in no window at this position
            found.append((plane not in used, row[shift:]))
            used.add(plane)
        return found

    def put_back(self, to_x: NDArray[Any]) -> None:
        """Copy the gradients of the elements into `to_x`."""
        for plane, inside, elements in zip(self.to_values, self.inside, self.elements):
            pixels_as_items(to_x)[elements] = pixels_as_items(plane)[: len(to_x)][inside]


class _Line(NamedTuple):
    """Arrangement along one axis.

    Attributes:
        length: the length of the padded axis.
        positions: the shift and the phase of each position within a window.
        elements: the elements of each phase.
        inside: where the elements of each phase are in their plane.
    """

    length: int
    positions: list[tuple[int, int]]
    elements: list[slice]
    inside: list[slice]


def _line(axis: Axis) -> _Line:
    before = -(-axis.before // axis.stride)
    start = before * axis.stride - axis.before
    positions = [divmod(start + k * axis.dilation, axis.stride) for k in range(axis.kernel)]
    elements = [slice(phase, axis.size, axis.stride) for phase in range(axis.stride)]
    counts = [len(range(axis.size)[of_phase]) for of_phase in elements]
    length = max(axis.windows + positions[-1][0], before + counts[0])
    return _Line(length, positions, elements, [slice(before, before + count) for count in counts])


def _index(slices: Iterable[slice]) -> tuple[slice, ...]:
    """Return the index of these elements in all samples."""
    return (slice(None), *slices)
