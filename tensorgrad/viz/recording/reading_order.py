"""Reading order of a graph: the boxes of a module are consecutive, and each leaf comes just before its first use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tensorgrad.viz.recording import Box, Group, Recording
from tensorgrad.viz.recording.nesting import shared


def is_source(box: Box) -> bool:
    """Return whether a box is a source of values: a leaf or a constant."""
    return box.kind in ("leaf", "constant")


def paths(groups: Iterable[Group]) -> dict[int | None, tuple[int, ...]]:
    """Return for each group the path from the outermost group to the group itself; () for None, outside all groups."""
    found: dict[int | None, tuple[int, ...]] = {None: ()}
    for group in groups:
        found[group.id] = (*found[group.parent], group.id)
    return found


def reading_order(recording: Recording) -> list[int]:
    """Return the ids of all boxes, ordered so that operands come before their users and groups are contiguous.

    If groups depend on each other in both directions, no such order exists and the boxes keep their order.
    """
    boxes, path = recording.boxes, paths(recording.groups)
    begins: dict[int, int] = {}
    for box in boxes:
        if not is_source(box):
            for group in path[box.group]:
                begins.setdefault(group, box.id)
    # Start of each enclosing group, outermost first, then the box's id: sorting by this keeps groups contiguous.
    place = {box.id: (*(begins[group] for group in path[box.group]), box.id) for box in boxes if not is_source(box)}
    # A source comes before its first user, or before the group that contains only the user: shorter tuples are less.
    for user in sorted(place, key=place.__getitem__):
        for operand in boxes[user].operands:
            source = boxes[operand.box]
            if source.id not in place:
                depth = shared(path[source.group], path[boxes[user].group])
                place[source.id] = place[user][: depth + 1]
    for box in boxes:
        place.setdefault(box.id, (box.id,))
    turn = {id: at for at, id in enumerate(place)}  # sources at the same position are sorted by use
    order = sorted(place, key=lambda id: (place[id], not is_source(boxes[id]), turn[id]))
    return order if _is_topological(boxes, order) else list(range(len(boxes)))


def _is_topological(boxes: Sequence[Box], order: Sequence[int]) -> bool:
    position = {id: at for at, id in enumerate(order)}
    return all(position[operand.box] < position[box.id] for box in boxes for operand in box.operands)
