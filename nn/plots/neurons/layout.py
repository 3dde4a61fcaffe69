"""Positions of neurons and lines, in pixels. Of a large layer, the first and the last neurons are drawn."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nn.plots.neurons.diagram import Diagram, Layer

MOST = 12
"""Maximum number of neurons of a layer that are all drawn."""
FIRST, LAST = 6, 3
"""Numbers of neurons that are drawn at each end of a larger layer."""

RADIUS = 21.0
APART = 52.0
BETWEEN = 165.0
MARGIN = 24.0
HEAD = 66.0
FOOT = 84.0
BLOCK_WIDTH, BLOCK_HEIGHT = 96.0, 64.0
WIDEST, THINNEST = 4.5, 0.5
"""The width of the line of the largest weight of a layer, and of the smallest."""


@dataclass(frozen=True)
class Unit:
    """Neuron that is drawn.

    Attributes:
        layer: the index of its layer.
        index: its index in the layer.
        x, y: the centre of its circle.
    """

    layer: int
    index: int
    x: float
    y: float

    @property
    def key(self) -> str:
        """Name of the neuron in the picture, `layer-index`."""
        return f"{self.layer}-{self.index}"


@dataclass(frozen=True)
class Line:
    """Weight that is drawn, or the connection of a layer without neurons.

    Attributes:
        start, end: the neurons; -1 for a layer without neurons.
        weight: its value; None for a connection without a weight.
        width: the width of the line.
    """

    layer: int
    start: int
    end: int
    x1: float
    y1: float
    x2: float
    y2: float
    weight: float | None
    width: float


@dataclass(frozen=True)
class Placed:
    """Diagram with positions.

    Attributes:
        columns: the centre of each layer, horizontally.
        units: the neurons.
        dots: the centre of the dots in place of the neurons that are not drawn, and their layer.
        lines: the lines.
    """

    width: float
    height: float
    columns: tuple[float, ...]
    units: tuple[Unit, ...]
    dots: tuple[tuple[int, float, float], ...]
    lines: tuple[Line, ...]

    @property
    def middle(self) -> float:
        """The vertical centre of the layers."""
        return (self.height + HEAD - FOOT) / 2


def drawn_units(size: int) -> list[int]:
    """Return the indices of the neurons that are drawn.

    >>> drawn_units(3), drawn_units(784)
    ([0, 1, 2], [0, 1, 2, 3, 4, 5, 781, 782, 783])
    """
    return list(range(size)) if size <= MOST else [*range(FIRST), *range(size - LAST, size)]


def place(diagram: Diagram) -> Placed:
    """Return the positions of everything in a diagram."""
    rows = max(_rows(layer) for layer in diagram.layers)
    height = HEAD + max(rows * APART, BLOCK_HEIGHT + 20) + FOOT
    middle = (height + HEAD - FOOT) / 2
    wide = [max(RADIUS, BLOCK_WIDTH / 2 if not layer.size else 0.0) for layer in diagram.layers]
    first = MARGIN + 40 + wide[0]
    columns = [first + number * BETWEEN for number in range(len(diagram.layers))]
    units, dots = [], []
    for number, (layer, x) in enumerate(zip(diagram.layers, columns)):
        shown = drawn_units(layer.size)
        top = middle - (_rows(layer) - 1) * APART / 2
        for row, index in enumerate(shown):
            gap = layer.size > MOST and row >= FIRST
            units.append(Unit(number, index, x, top + (row + gap) * APART))
        if layer.size > MOST:
            dots.append((number, x, top + FIRST * APART))
    width = columns[-1] + wide[-1] + MARGIN + 40
    lines = tuple(_lines(diagram, units, columns, middle))
    return Placed(width, height, tuple(columns), tuple(units), tuple(dots), lines)


def _rows(layer: Layer) -> int:
    return len(drawn_units(layer.size)) + (layer.size > MOST) or 1


def _lines(diagram: Diagram, units: list[Unit], columns: list[float], middle: float) -> Iterator[Line]:
    by_layer = [[unit for unit in units if unit.layer == number] for number in range(len(diagram.layers))]
    for number, layer in enumerate(diagram.layers[1:], 1):
        before, after = by_layer[number - 1], by_layer[number]
        if layer.weight is not None:
            largest = float(np.abs(layer.weight).max(initial=0.0)) or 1.0
            for start, end in itertools.product(before, after):
                weight = float(layer.weight[start.index, end.index])
                fraction = abs(weight) / largest if np.isfinite(weight) else 0.0
                width = THINNEST + (WIDEST - THINNEST) * fraction
                yield Line(number, start.index, end.index, start.x, start.y, end.x, end.y, weight, width)
            continue
        starts = [(unit.index, unit.x, unit.y) for unit in before] or [
            (-1, columns[number - 1] + BLOCK_WIDTH / 2, middle)
        ]
        ends = [(unit.index, unit.x, unit.y) for unit in after] or [(-1, columns[number] - BLOCK_WIDTH / 2, middle)]
        for (first, x1, y1), (last, x2, y2) in itertools.product(starts, ends):
            yield Line(number, first, last, x1, y1, x2, y2, None, 1.0)
