"""Elements of sliding windows, arranged so that those at one place of all windows are contiguous."""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn.functional._blocks import aligned, pixels_as_items
from nn.functional.windows import Axis


class Planes:
    """Memory in which the elements at one place of all windows are contiguous, and in the order of the windows.

    The elements that windows have at one place lie `stride` apart, and NumPy is slow along short rows. A plane contains
    the elements of one phase of the strides: with strides of 2, every second pixel of every second row. Windows and
    planes are padded to the same shape. The element of window `w` is then number `w + shift` of a plane, where the plane
    and the shift depend on the place only.

    The windows include those in the padding. Their gradients are 0.

    Args:
        samples: the largest number of samples.
        axes: how the windows slide along each axis between the samples and the channels.
        channels: the number of channels.
        dtype: of the elements and windows.
    """

    def __init__(self, samples: int, axes: tuple[Axis, ...], channels: int, dtype: DTypeLike) -> None:
        lines = [_line(axis) for axis in axes]
        shape = (samples, *(line.length for line in lines), channels)
        self.inside = [_index(phases) for phases in itertools.product(*(line.inside for line in lines))]
        self.elements = [_index(phases) for phases in itertools.product(*(line.elements for line in lines))]
        self.windows_inside = _index(slice(axis.windows) for axis in axes)
        numbers = np.arange(len(self.elements)).reshape([axis.stride for axis in axes])
        steps = [math.prod(shape[number:]) for number in range(2, len(shape))]
        self.places = [
            (numbers[tuple(phase for phase, _ in place)], sum(shift * step for (_, shift), step in zip(place, steps)))
            for place in itertools.product(*(line.places for line in lines))
        ]
        self.read, self.written = (aligned((len(self.elements), *shape), dtype) for _ in range(2))
        self.gradients, self.maxima = (aligned(shape, dtype) for _ in range(2))
        self.read[...] = math.nan  # equal to no maximum
        self.gradients[...] = self.maxima[...] = 0

    def windows(self, g: NDArray[Any], largest: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the gradients and the maxima of the windows."""
        for array, values in ((self.gradients, g), (self.maxima, largest)):
            pixels_as_items(array)[: len(g)][self.windows_inside] = pixels_as_items(values)
        return self.gradients[: len(g)].reshape(-1), self.maxima[: len(g)].reshape(-1)

    def taps(self, x: NDArray[Any]) -> list[tuple[slice, NDArray[Any]]]:
        """Return, for each place in a window, the index of windows and their elements, in reading order."""
        for plane, inside, elements in zip(self.read, self.inside, self.elements):
            pixels_as_items(plane)[: len(x)][inside] = pixels_as_items(x)[elements]
        return self._at_places(self.read[:, : len(x)])

    def taps_of_zeros(self, samples: int) -> list[tuple[slice, NDArray[Any]]]:
        """Return the same for elements that are 0, to be changed before `put_back`."""
        for plane in self.written:
            plane[:samples] = 0
        return self._at_places(self.written[:, :samples])

    def put_back(self, x: NDArray[Any]) -> None:
        """Copy the changed elements into `x`."""
        for plane, inside, elements in zip(self.written, self.inside, self.elements):
            pixels_as_items(x)[elements] = pixels_as_items(plane)[: len(x)][inside]

    def _at_places(self, planes: NDArray[Any]) -> list[tuple[slice, NDArray[Any]]]:
        flat = [plane.reshape(-1) for plane in planes]
        return [(slice(len(flat[number]) - shift), flat[number][shift:]) for number, shift in self.places]


class _Line(NamedTuple):
    """Arrangement along one axis.

    Attributes:
        length: of the padded axis.
        places: the phase and the shift of each place in a window.
        elements: those of each phase.
        inside: where they are in the plane.
    """

    length: int
    places: list[tuple[int, int]]
    elements: list[slice]
    inside: list[slice]


def _line(axis: Axis) -> _Line:
    before = -(-axis.before // axis.stride)
    places = [divmod(before * axis.stride - axis.before + k * axis.dilation, axis.stride) for k in range(axis.kernel)]
    elements = [slice(phase, axis.size, axis.stride) for phase in range(axis.stride)]
    counts = [len(range(axis.size)[phase]) for phase in elements]
    return _Line(
        max(axis.windows + places[-1][0], before + counts[0]),
        [(phase, shift) for shift, phase in places],
        elements,
        [slice(before, before + count) for count in counts],
    )


def _index(slices: Any) -> tuple[slice, ...]:
    """Return the index of all samples and these elements."""
    return (slice(None), *slices)
