"""Many arrays updated in one pass each, in pieces small enough to stay in the processor's cache.

An optimizer's rule is a dozen NumPy operations. Run over a whole weight matrix, each of them reads and writes
all of it from memory again; run over one piece after another, all but the first find it in the cache. Small
parameters (biases, mostly) are the other way round: there the calls cost more than the numbers, so neighbours
are updated together. Both are only a matter of speed: every element gets the same update as on its own.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 65_536
"""Elements in a block, at most: five float32 arrays of it take 1.3 MB, a second-level cache (benchmarks/NOTES.md)."""

NEGLIGIBLE = 1e5
"""State below this many times the smallest normal number of its dtype (float32: 1e-33) is set to 0 by `Slab.flush`."""

Flat = NDArray[Any]
"""A one-dimensional array."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of elements of one parameter that belongs to a block.

    Attributes:
        parameter: which one, counted as the optimizer counts.
        elements: where in the flattened parameter.
        weights: the elements themselves: a view of the parameter.
        place: where in the block.
    """

    parameter: int
    elements: slice
    weights: Flat
    place: slice


@dataclass(frozen=True, slots=True)
class Block:
    """Elements that are updated together.

    Attributes:
        pieces: what they are.
        state: their part of each state array.
        room: room for the rule to compute in.
        gathered: room for their gradients, if those come from several parameters.
    """

    pieces: tuple[Piece, ...]
    state: tuple[Flat, ...]
    room: Flat
    gathered: Flat

    def gradient(self, gradients: Mapping[int, Flat]) -> Flat:
        """The gradients of the elements, from the flat gradients of the parameters: a copy, or a read-only view."""
        parts = [gradients[piece.parameter][piece.elements] for piece in self.pieces]
        if len(parts) > 1:
            return np.concatenate(parts, out=self.gathered)
        parts[0].flags.writeable = False
        return parts[0]

    def apply(self, change: Flat, shrink: float) -> None:
        """Multiply the elements by `shrink`, then add the change."""
        for piece in self.pieces:
            weights = piece.weights
            if shrink != 1.0:
                weights *= shrink
            weights += change[piece.place]


class Slab:
    """The optimizer state of all parameters of one dtype: one flat array for each of the rule's quantities.

    Args:
        sizes: for each parameter (by its number in the optimizer) how many elements it has.
        names: the rule's quantities, such as `("momentum", "cache")`. They start at 0.
        dtype: that of the parameters.
    """

    def __init__(self, sizes: Mapping[int, int], names: Sequence[str], dtype: DTypeLike) -> None:
        self.dtype = np.dtype(dtype)
        total = sum(sizes.values())
        self._state = {name: np.zeros(total, self.dtype) for name in names}
        ends = np.cumsum(list(sizes.values())).tolist()
        self._spans = {number: slice(end - size, end) for (number, size), end in zip(sizes.items(), ends)}
        self._room = np.empty(min(total, BLOCK), self.dtype)
        self._gathered = np.empty_like(self._room)
        self._planned: list[Flat | None] = [None] * len(sizes)
        self._blocks: list[Block] = []

    def __getstate__(self) -> dict[str, Any]:
        """Without the plan: its blocks are views, and copies of views would be arrays of their own."""
        return {**vars(self), "_planned": [None] * len(self._spans), "_blocks": []}

    @property
    def numbers(self) -> Iterable[int]:
        """The parameters in here."""
        return self._spans.keys()

    def state(self, name: str, number: int) -> Flat:
        """The quantity `name` of one parameter: a view."""
        return self._state[name][self._spans[number]]

    def blocks(self, weights: Mapping[int, Flat]) -> list[Block]:
        """The blocks that hold the parameters in `weights`, given as their arrays; planned again when those change."""
        arrays = [weights.get(number) for number in self._spans]
        if any(map(operator.is_not, arrays, self._planned)):
            self._planned, self._blocks = arrays, self._plan(weights)
        return self._blocks

    def flush(self) -> None:
        """Set negligible state to 0.

        Where the gradient has become 0 (a dead ReLU), averages shrink step by step until they are subnormal, and
        processors take ten times as long over such numbers. Called every hundred steps, at a decay of 0.9 a step,
        this catches them before.
        """
        if self.dtype.itemsize < 4:
            return  # in float16 the limit would be 6: nothing is negligible
        for array in self._state.values():
            array[np.abs(array) < NEGLIGIBLE * np.finfo(self.dtype).tiny] = 0

    def _plan(self, weights: Mapping[int, Flat]) -> list[Block]:
        flat = {number: weights[number].reshape(-1) for number in self._spans if number in weights}
        blocks: list[Block] = []
        neighbours: list[int] = []
        for number in flat:
            span = self._spans[number]
            size = span.stop - span.start
            if neighbours:
                first, last = self._spans[neighbours[0]], self._spans[neighbours[-1]]
                if last.stop != span.start or span.stop - first.start > BLOCK:
                    blocks.append(self._joined(neighbours, flat))
                    neighbours = []
            if size > BLOCK:
                blocks += self._parts(number, flat[number])
            else:
                neighbours.append(number)
        return [*blocks, self._joined(neighbours, flat)] if neighbours else blocks

    def _parts(self, number: int, weights: Flat) -> list[Block]:
        """One large parameter in blocks of about equal size."""
        start, size = self._spans[number].start, len(weights)
        step = math.ceil(size / math.ceil(size / BLOCK))
        parts = [slice(begin, min(begin + step, size)) for begin in range(0, size, step)]
        return [
            self._block(start + part.start, [Piece(number, part, weights[part], slice(0, part.stop - part.start))])
            for part in parts
        ]

    def _joined(self, numbers: Sequence[int], flat: Mapping[int, Flat]) -> Block:
        """Small parameters that lie side by side, as one block."""
        start = self._spans[numbers[0]].start
        pieces = []
        for number in numbers:
            span = self._spans[number]
            place = slice(span.start - start, span.stop - start)
            pieces.append(Piece(number, slice(0, place.stop - place.start), flat[number], place))
        return self._block(start, pieces)

    def _block(self, start: int, pieces: Sequence[Piece]) -> Block:
        size = pieces[-1].place.stop
        state = tuple(array[start : start + size] for array in self._state.values())
        return Block(tuple(pieces), state, self._room[:size], self._gathered[:size])
