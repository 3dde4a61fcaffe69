"""Find repetitions: identical consecutive layers, and the rounds of a loop."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tensorgrad.viz.recording import Box, Recording
from tensorgrad.viz.recording.nesting import shared
from tensorgrad.viz.recording.reading_order import is_source, paths

FEWEST = 4
"""So many in a row are folded. Fewer are read more quickly than the fold."""
LONGEST = 2_000
"""Rounds of more layers or operations than this are not looked for."""

NEW = -1

Reference = tuple[int, int]
"""Where an operand was last seen: how many operations ago, and as which of its operands (-1: its result).

(NEW, what) for a leaf or constant that is used for the first time. `what` tells the shape of a leaf; that of a constant
may not be known any more.
"""


@dataclass(frozen=True)
class Item:
    """Operation or group directly inside a group.

    Attributes:
        group: the group's id, or None for an operation.
        first, end: the range of operations it contains, by position.
        exact: a number that is equal for items with the same operations and the same references.
        loose: a number that is equal for items with the same operations.
    """

    group: int | None
    first: int
    end: int
    exact: int
    loose: int


@dataclass(frozen=True)
class Repeat:
    """Consecutive identical rounds.

    Attributes:
        parent: the enclosing group.
        items: the items of the first round.
        last: the items of the last round.
        times: the number of rounds.
    """

    parent: int | None
    items: Sequence[Item]
    last: Sequence[Item]
    times: int

    @property
    def length(self) -> int:
        """Return the number of operations in a round."""
        return self.items[-1].end - self.items[0].first


class Operations:
    """Operations of a recording in order, and the references of each.

    Each operand is described by its last use, relative to the current position: the result of the previous round, a
    weight that the previous round also used, or a new weight of the same shape. Two rounds of a loop then have equal
    descriptions.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.boxes = [box for box in recording.boxes if not is_source(box)]
        self._numbers: dict[Hashable, int] = {}
        self.references = list(self._references())

    def number(self, what: Hashable) -> int:
        """Return a number that is the same for equal objects."""
        return self._numbers.setdefault(what, len(self._numbers))

    def _references(self) -> Iterator[tuple[Reference, ...]]:
        seen: dict[int, Reference] = {}
        for position, box in enumerate(self.boxes):
            found: list[Reference] = []
            for slot, operand in enumerate(box.operands):
                if operand.box in seen:
                    where, which = seen[operand.box]
                    found.append((position - where, which))
                else:
                    source = self.recording.boxes[operand.box]
                    leaf = (source.shape, source.dtype) if source.kind == "leaf" else None
                    found.append((NEW, self.number(leaf)))
                seen[operand.box] = position, slot
            seen[box.id] = position, -1
            yield tuple(found)

    def items(self) -> dict[int | None, list[Item]]:
        """Return the items directly inside each group, and outside all groups (None). Outer groups come first."""
        path = paths(self.recording.groups)
        inside: dict[int | None, list[Item]] = {None: [], **{group.id: [] for group in self.recording.groups}}
        here: tuple[int, ...] = ()
        for position, box in enumerate([*self.boxes, None]):
            there = path[box.group] if box else ()
            for group in reversed(here[shared(here, there) :]):
                parent = self.recording.groups[group].parent
                inside[parent].append(self._group_item(group, inside[group]))
            if box:
                inside[box.group].append(self._operation_item(position, box))
            here = there
        return inside

    def _operation_item(self, position: int, box: Box) -> Item:
        what = (box.op, box.shape, box.dtype, len(box.operands))
        loose = self.number(box.id if box.kind == "folded" else what)  # the contents of a folded box are unknown
        return Item(None, position, position + 1, self.number((loose, self.references[position])), loose)

    def _group_item(self, group: int, items: Sequence[Item]) -> Item:
        what = self.recording.groups[group]
        exact, loose = (
            self.number((what.kind, what.times, *numbers))
            for numbers in ([item.exact for item in items], [item.loose for item in items])
        )
        return Item(group, items[0].first, items[-1].end, exact, loose)


def repeats(operations: Operations, *, of_modules: bool) -> list[Repeat]:
    """Return repetitions of at least `FEWEST` consecutive rounds, none inside another.

    Args:
        operations: the operations of the recording.
        of_modules: only return rounds in which a module is called.
    """
    found: list[Repeat] = []
    searched: set[int | None] = set()
    path = paths(operations.recording.groups)
    for parent, items in operations.items().items():
        if searched.isdisjoint([None, *path[parent][:-1]]):
            for start, length, times in _rounds(items, operations.references, of_modules):
                last = start + (times - 1) * length
                found.append(Repeat(parent, items[start : start + length], items[last : last + length], times))
                searched.add(parent)
    return found


def _rounds(
    items: Sequence[Item], references: Sequence[Sequence[Reference]], of_modules: bool
) -> Iterator[tuple[int, int, int]]:
    """Return the starts of rounds, the number of items in each, and the number of rounds; short rounds first."""
    exact = np.array([item.exact for item in items])
    for length in range(1, min(len(items) // FEWEST, LONGEST) + 1):
        same = exact[length:] == exact[:-length]
        if np.count_nonzero(same) < (FEWEST - 2) * length:
            continue
        edges = np.flatnonzero(np.diff(same, prepend=False, append=False))
        for begin, end in zip(edges[::2].tolist(), edges[1::2].tolist()):
            if end - begin < (FEWEST - 2) * length:
                continue
            if of_modules and all(item.group is None for item in items[begin : begin + length]):
                continue
            earliest = max(0, begin - length)
            start = next(at for at in range(earliest, begin + 1) if _leads_into(items, references, at, length))
            times = (end + length - start) // length
            stop = start + times * length
            if times >= FEWEST and exact[start:stop].min() >= 0:
                exact[start:stop] = np.arange(start, stop) - len(items)  # taken: equal to no other item
                yield start, length, times


def _leads_into(items: Sequence[Item], references: Sequence[Sequence[Reference]], start: int, length: int) -> bool:
    """Return whether a round equals the next one apart from inputs from outside, as the first of a loop."""
    here, there = items[start], items[start + length]
    size = there.first - here.first
    if any(items[at].loose != items[at + length].loose for at in range(start, start + length)):
        return False
    for offset in range(size):
        for one, other in zip(references[here.first + offset], references[there.first + offset]):
            if one != other and (other[0] <= offset or 0 <= one[0] <= offset):
                return False
    return True
