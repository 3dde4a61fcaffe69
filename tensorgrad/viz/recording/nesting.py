"""Nested groups: what is directly inside each group, and which values cross its border.

Each group is laid out separately and is then one vertex of the enclosing graph.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from tensorgrad.viz.recording import Recording

Key = tuple[Literal["box", "group", "entry", "exit"], int]
"""A box or group, by its id, or the port at which the value of a box enters or leaves a frame."""

Path = tuple[int | None, ...]
"""The groups around something, from the outermost inwards; None, the whole picture, comes first."""


@dataclass
class Inside:
    """Contents of a group, or, for the whole picture, everything outside all groups.

    Attributes:
        path: the enclosing groups, including this one.
        last: for each box and each group, the last box in it (for a box, the box itself).
        entries: the boxes outside whose values are used inside, in the order of their use.
        exits: the boxes inside whose values are used outside.
    """

    path: Path
    last: dict[Key, int] = field(default_factory=dict)
    entries: dict[int, None] = field(default_factory=dict)
    exits: dict[int, None] = field(default_factory=dict)

    @property
    def vertices(self) -> list[Key]:
        """Return everything that is laid out together, in an order in which edges lead forwards."""
        members = sorted(self.last, key=self.last.__getitem__)
        return [*(("entry", box) for box in self.entries), *members, *(("exit", box) for box in self.exits)]


@dataclass(frozen=True)
class Nesting:
    """Position of all boxes and groups in the hierarchy.

    Attributes:
        insides: contents of each group that has a frame, and of the whole picture (None); outer groups first.
        paths: the groups around each box.
    """

    insides: dict[int | None, Inside]
    paths: list[Path]


def nesting(recording: Recording) -> Nesting:
    """Return the nesting of a recording's groups.

    A frame contains boxes that are consecutive in the order of computation. An empty group, or one that another group
    both feeds and depends on, has no frame: its contents belong to the enclosing group.
    """
    loose: set[int] = set()
    paths = _paths(recording, loose)
    while entangled := _entangled(recording, paths):
        loose |= entangled
        paths = _paths(recording, loose)

    insides: dict[int | None, Inside] = {None: Inside((None,))}
    for path in sorted(set(paths), key=lambda path: [-1 if group is None else group for group in path]):
        for at, group in enumerate(path):
            insides.setdefault(group, Inside(path[: at + 1]))
    for box, path in zip(recording.boxes, paths):
        insides[path[-1]].last["box", box.id] = box.id
        for outer, group in pairwise(path):
            if group is not None:
                insides[outer].last["group", group] = box.id
        for operand in box.operands:
            common = shared(paths[operand.box], path)
            for group in path[common:]:
                insides[group].entries[operand.box] = None
            for group in paths[operand.box][common:]:
                insides[group].exits[operand.box] = None
    return Nesting(insides, paths)


def shared(one: Path, other: Path) -> int:
    """Return the length of the common prefix of two paths."""
    pairs = enumerate(zip(one, other))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def _paths(recording: Recording, loose: set[int]) -> list[Path]:
    """Return for each box the enclosing groups that are not `loose`."""
    around: dict[int | None, Path] = {None: (None,)}
    for group in recording.groups:
        outer = around[group.parent]
        around[group.id] = outer if group.id in loose else (*outer, group.id)
    return [around[box.group] for box in recording.boxes]


def _entangled(recording: Recording, paths: list[Path]) -> set[int]:
    """Return the groups that feed an operation that is complete before them."""
    last: dict[int | None, int] = {}
    for box, path in zip(recording.boxes, paths):
        last.update(dict.fromkeys(path, box.id))
    found: set[int] = set()
    for box, path in zip(recording.boxes, paths):
        for operand in box.operands:
            source = paths[operand.box]
            common = shared(source, path)
            giver = source[common] if common < len(source) else None
            taker = last[path[common]] if common < len(path) else box.id
            if giver is not None and last[giver] > taker:
                found.add(giver)
    return found
