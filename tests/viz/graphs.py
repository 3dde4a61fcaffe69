"""Recordings made by hand: random graphs in random groups."""

from dataclasses import replace

import numpy as np

from tensorgrad.viz.recording import Box, Group, Operand, Recording, Summary

NUMBERS = Summary((0.5,), 0.5, 0.0, 0.5, 0.5, zeros=0.0, nans=0)


def leaf(id, name="w"):
    return Box(id, "leaf", None, name, (), (), (), "float64", NUMBERS, NUMBERS)


def operation(id, *operands, op="add"):
    uses = tuple(Operand(box, "xyz"[at % 3]) for at, box in enumerate(operands))
    return Box(id, "operation", op, None, (), uses, (), "float64", NUMBERS, NUMBERS)


def random_recording(seed, count, *, entangled=False):
    """Return a graph of about `count` boxes, all of which the last one needs, in groups up to four deep.

    The boxes of a group follow each other, as the operations of a module do; if `entangled`, they need not.
    """
    rng = np.random.default_rng(seed)
    boxes = [leaf(0)]
    for id in range(1, count):
        uses = rng.integers(max(0, id - 12), id, rng.integers(0, 4))
        boxes.append(operation(id, *map(int, uses)) if len(uses) else leaf(id))
    used = {operand.box for box in boxes for operand in box.operands}
    boxes.append(operation(count, *sorted(set(range(count)) - used), op="concatenate"))
    groups, home = _random_groups(rng, count)
    if entangled and groups:
        home = [None if box is None else int(rng.integers(0, len(groups))) for box in home]
    return Recording(tuple(replace(box, group=group) for box, group in zip(boxes, home)), tuple(groups))


def _random_groups(rng, count):
    groups, home = [], [None] * (count + 1)
    waiting = [(0, count, None, 0)]
    while waiting:
        start, end, parent, depth = waiting.pop()
        cuts = sorted(int(cut) for cut in rng.integers(start, end + 1, 4))
        for first, last in (cuts[:2], cuts[2:]):
            if first < last and depth < 4:
                group = Group(len(groups), parent, f"part{len(groups)}", "Block", int(rng.integers(1, 4)))
                groups.append(group)
                home[first:last] = [group.id] * (last - first)
                waiting.append((first, last, group.id, depth + 1))
    return groups, home
