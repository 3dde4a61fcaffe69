"""Recordings made by hand or at random, and what to ask of folded ones."""

from dataclasses import replace

import numpy as np

from tensorgrad.viz.folding import fold
from tensorgrad.viz.recording import Box, Group, Operand, Recording, Summary, labels
from tensorgrad.viz.recording.capture import capture


def a_box(id, op, operands=(), group=None, name=None, shape=(2,)):
    """Return a box whose value identifies it."""
    return Box(
        id=id,
        kind="operation" if op else "leaf",
        op=op,
        name=name,
        options=(),
        operands=tuple(Operand(operand, "x") for operand in operands),
        shape=shape,
        dtype="float64",
        value=Summary((), float(id), 0.0, float(id), float(id), 0.0, 0),
        gradient=None,
        group=group,
    )


def whole_id(box):
    return int(box.value.mean)


def uses(box):
    """How many operands a box had before some edges became one."""
    return sum(int(operand.name[1:]) if operand.name.startswith("×") else 1 for operand in box.operands)


def a_chain(*operations):
    """One operation after the other, from a leaf on; each is a name, or a name and what it uses instead."""
    boxes = [a_box(0, None)]
    for operation in operations:
        op, *back = operation if isinstance(operation, tuple) else (operation, 1)
        boxes.append(a_box(len(boxes), op, [len(boxes) - steps for steps in back]))
    return Recording(tuple(boxes))


def random_recording(seed, count):
    """Random operations, partly in loops, in random nested groups with a name each. All lead to the last box."""
    rng = np.random.default_rng(seed)
    groups = []
    path_of = {}

    def nest(first, last, parent, path):
        start = first
        while start < last:
            stop = int(rng.integers(start + 1, last + 1))
            if len(path) < 4 and rng.random() < 0.6:
                groups.append(Group(len(groups), parent, f"m{len(groups)}", ["Dense", "Block"][rng.integers(2)]))
                inside = (*path, len(groups) - 1)
                nest(start, stop, len(groups) - 1, inside)
            else:
                path_of.update(dict.fromkeys(range(start, stop), path))
            start = stop

    nest(0, count, None, ())
    period = int(rng.integers(1, 5))
    plan = [(["add", "tanh", "multiply"][rng.integers(3)], rng.random() < 0.3) for _ in range(period)]
    boxes, made, paths = [], [], {}

    def source():
        boxes.append(a_box(len(boxes), None, shape=(int(rng.integers(1, 3)),)))
        return len(boxes) - 1

    leaves = [source() for _ in range(3)]
    for position in range(count):
        if rng.random() < 0.7:
            op, own = plan[position % period]
            operands = [made[-1] if made else leaves[0], source() if own else leaves[position % period % 3]]
        else:
            op = ["add", "tanh"][rng.integers(2)]
            operands = [int(rng.choice([*made[-9:], *leaves])) for _ in range(rng.integers(1, 4))]
        used = {operand.box for box in boxes for operand in box.operands}
        if position == count - 1:
            operands += [box.id for box in boxes if box.id not in used and box.id not in operands]
        path = path_of[position]
        boxes.append(a_box(len(boxes), op, operands, path[-1] if path else None))
        made.append(len(boxes) - 1)
        paths[made[-1]] = path
    for leaf in [box for box in boxes if box.op is None]:
        users = [paths[box.id] for box in boxes if any(operand.box == leaf.id for operand in box.operands)]
        common = [level[0] for level in zip(*users) if len(set(level)) == 1]
        boxes[leaf.id] = replace(leaf, group=common[-1] if common else None)
    return Recording(tuple(boxes), tuple(groups))


def folded_groups(output, **options):
    """Return the labels of the groups that are left, and the folded recording."""
    folded = fold(capture(output, values=False), **options)
    return [labels.group(group) for group in folded.groups], folded
