"""Contract boxes of a recording: replace several boxes by one, and redirect the edges."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tensorgrad.viz.recording import Box, Group, Operand, Recording, labels
from tensorgrad.viz.recording.nesting import shared
from tensorgrad.viz.recording.reading_order import is_source, paths, reading_order

APART = 4
"""If folding makes more edges than this between two boxes, they become one, which says how many there were."""


@dataclass(frozen=True)
class Part:
    """Boxes to fold into one.

    Attributes:
        members: the boxes, in order. Their operands are members or come before the last member, and their users are
            members or come after it.
        title: the title of the folded box.
        group: the enclosing group.
    """

    members: Sequence[Box]
    title: str
    group: int | None


def rebuilt(
    recording: Recording, kept: Iterable[Box], home: Sequence[int] | Mapping[int, int], groups: Mapping[int, Group]
) -> Recording:
    """Return a recording of the boxes that are kept, with new ids in order.

    Args:
        recording: the original recording.
        kept: the boxes to keep, with their original ids, operands and groups.
        home: for each box of `recording`, the id of the kept box that represents it.
        groups: the groups by id. Groups without boxes are omitted.
    """
    kept = list(kept)
    new = {box.id: id for id, box in enumerate(kept)}
    around = _around(kept, groups)
    boxes = tuple(
        replace(
            box,
            id=new[box.id],
            operands=tuple(Operand(new[source], name) for source, name in _edges(box, home)),
            group=None if box.group is None else around[box.group],
        )
        for box in kept
    )
    renamed = (
        replace(groups[old], id=id, parent=None if (parent := groups[old].parent) is None else around[parent])
        for old, id in around.items()
    )
    outputs = tuple(dict.fromkeys(new[home[id]] for id in recording.outputs))
    return replace(recording, boxes=boxes, groups=tuple(renamed), passes=(), outputs=outputs)


def _edges(box: Box, home: Sequence[int] | Mapping[int, int]) -> list[tuple[int, str]]:
    """Return the new source of each operand of a box, and its name."""
    edges = [(home[operand.box], operand.name) for operand in box.operands]
    if len(edges) <= APART:
        return edges
    uses = Counter(source for source, _ in edges)
    users = Counter(home[id] for id in {operand.box for operand in box.operands})
    many = {source for source, times in uses.items() if times > APART and (box.kind == "folded" or users[source] > 1)}
    seen: set[int] = set()
    kept = []
    for source, name in edges:
        if source not in seen:
            kept.append((source, f"×{uses[source]:,}" if source in many else name))
        if source in many:
            seen.add(source)
    return kept


def _around(boxes: Iterable[Box], groups: Mapping[int, Group]) -> dict[int, int]:
    """Return new ids of the groups that have boxes, outer groups first."""
    ids: dict[int, int] = {}
    for box in boxes:
        missing: list[int] = []
        group = box.group
        while group is not None and group not in ids:
            missing.append(group)
            group = groups[group].parent
        for outer in reversed(missing):
            ids[outer] = len(ids)
    return ids


def arranged(recording: Recording) -> Recording:
    """Return the same graph in reading order, with the operations of every group contiguous.

    If groups depend on each other in both directions this is impossible, and the result has no groups.
    """
    order = reading_order(recording)
    boxes: list[Box] = [recording.boxes[id] for id in order]
    groups = {group.id: group for group in recording.groups}
    if not together(boxes, recording.groups):
        boxes = [replace(box, group=None) for box in boxes]
        recording = replace(recording, folded=(*recording.folded, "modules that cannot be told apart have no frames"))
    elif order == list(range(len(order))):
        return recording
    return rebuilt(recording, boxes, range(len(order)), groups)


def together(boxes: Iterable[Box], groups: Iterable[Group]) -> bool:
    """Return whether the operations of each group are contiguous."""
    path = paths(groups)
    here: tuple[int, ...] = ()
    entered: set[int] = set()
    for box in boxes:
        if is_source(box):
            continue
        new = path[box.group][shared(here, path[box.group]) :]
        if not entered.isdisjoint(new):
            return False
        entered.update(new)
        here = path[box.group]
    return True


def contracted(recording: Recording, parts: Iterable[Part]) -> Recording:
    """Return `recording` with each of the parts folded into one box."""
    parts = list(parts)
    home = list(range(len(recording.boxes)))
    for part in parts:
        for member in part.members:
            home[member.id] = part.members[-1].id
    leaving = {operand.box for box in recording.boxes for operand in box.operands if home[operand.box] != home[box.id]}
    leaving.update(recording.outputs or [recording.boxes[-1].id])
    folded = {part.members[-1].id: _folded(part, home, leaving) for part in parts}
    kept = (folded.get(box.id, box) for box in recording.boxes if home[box.id] == box.id)
    return rebuilt(recording, kept, home, {group.id: group for group in recording.groups})


def _folded(part: Part, home: Sequence[int], leaving: set[int]) -> Box:
    """Return the box that replaces a part. It shows the part's result if there is only one."""
    last = part.members[-1]
    results = [member for member in part.members if member.id in leaving]
    shown = results[0] if len(results) == 1 else None
    used = [operand.box for member in part.members for operand in member.operands if home[operand.box] != home[last.id]]
    return Box(
        id=last.id,
        kind="folded",
        op=part.title,
        name=shown.name if shown else None,
        options=(("results", _shapes(results)),) if len(results) > 1 else (),
        operands=tuple(Operand(id, "") for id in used),
        shape=shown.shape if shown else None,
        dtype=shown.dtype if shown else None,
        value=shown.value if shown else None,
        gradient=shown.gradient if shown else None,
        group=part.group,
        stands_for=sum(member.stands_for for member in part.members),
    )


def _shapes(results: Sequence[Box]) -> str:
    return ", ".join(labels.shape(box) for box in results) if len(results) <= 3 else str(len(results))
