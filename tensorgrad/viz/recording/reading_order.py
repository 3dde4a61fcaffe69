"""The order in which a graph reads best: what a module made stands together, and a leaf just before its first use."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tensorgrad.viz.recording import Box, Group, Recording
from tensorgrad.viz.recording.nesting import shared


def is_source(box: Box) -> bool:
    """Whether a box is where values come from: a leaf or a constant."""
    return box.kind in ("leaf", "constant")


def paths(groups: Iterable[Group]) -> dict[int | None, tuple[int, ...]]:
    """For each group the groups from the outermost one to itself; () for None, outside all of them."""
    found: dict[int | None, tuple[int, ...]] = {None: ()}
    for group in groups:
        found[group.id] = (*found[group.parent], group.id)
    return found


def reading_order(recording: Recording) -> list[int]:
    """The ids of all boxes, so that operands come before their users and groups are not interrupted.

    Where groups depend on each other both ways there is no such order; then the boxes stay as they are.
    """
    boxes, path = recording.boxes, paths(recording.groups)
    begins: dict[int, int] = {}
    for box in boxes:
        if not is_source(box):
            for group in path[box.group]:
                begins.setdefault(group, box.id)
    # Where each group around it begins, the outermost first, and then its own id: sorted, groups hold together.
    place = {box.id: (*(begins[group] for group in path[box.group]), box.id) for box in boxes if not is_source(box)}
    # A source stands before its first user, or before the group that only the user is in: a shorter tuple is less.
    for user in sorted(place, key=place.__getitem__):
        for operand in boxes[user].operands:
            source = boxes[operand.box]
            if source.id not in place:
                depth = shared(path[source.group], path[boxes[user].group])
                place[source.id] = place[user][: depth + 1]
    for box in boxes:
        place.setdefault(box.id, (box.id,))
    turn = {id: at for at, id in enumerate(place)}  # sources at the same place: in the order of their use
    order = sorted(place, key=lambda id: (place[id], not is_source(boxes[id]), turn[id]))
    return order if _is_topological(boxes, order) else list(range(len(boxes)))


def _is_topological(boxes: Sequence[Box], order: Sequence[int]) -> bool:
    position = {id: at for at, id in enumerate(order)}
    return all(position[operand.box] < position[box.id] for box in boxes for operand in box.operands)
