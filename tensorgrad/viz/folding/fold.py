"""Fewer boxes for a large graph: modules become one box, layers in a row one layer, the rest a few boxes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from tensorgrad.viz.folding.contract import Part, arranged, contracted, together
from tensorgrad.viz.folding.rolling import rolled
from tensorgrad.viz.recording import Box, Recording, labels
from tensorgrad.viz.recording.nesting import shared
from tensorgrad.viz.recording.reading_order import is_source, paths

MOST = 300
"""Boxes in a picture that is still readable."""
ROOMY = 30
"""A graph of at most so many boxes is drawn whole."""
SPARSE = 15
"""Modules are not folded if that leaves fewer than a fifteenth of the boxes there may be."""
NAMED = 20
"""So many named boxes stay visible where most do not."""


def fold(recording: Recording, *, depth: int | None = None, most: int = MOST) -> Recording:
    """The same graph with at most `most` boxes, which says in `folded` what is not drawn.

    In this order, each only if it is needed:

    1. Modules nested deeper than `depth` become one box each, if a depth is given. If none is, and there are more
       than 30 boxes, at least four modules in a row (or rounds of several) that are alike become the first of them,
       in a group that says how often: `×12`.
    2. Is that more than `most` boxes, then whatever repeats, also outside modules, becomes its first round;
    3. modules become one box each, the deepest first, while enough boxes are left to be worth a picture;
    4. and boxes in a row become one box, except near the output and some that have names.

    Two modules or rounds are alike if they do the same operations on the same shapes and dtypes, in the same order
    and with the same connections among them. Values may differ, and what is drawn are those of the first. Boxes that
    were folded before are like nothing else.

    Args:
        recording: stays as it is. Its passes are left out if anything is folded, as they refer to all boxes.
        depth: 0 folds the outermost modules, 1 those directly inside them, and so on.
        most: at least 2.

    Returns:
        A recording whose `stands_for` add up to the whole. Folding it again changes nothing. It is `recording`
        itself if there is nothing to fold and the operations of each module stand together.

    >>> import numpy as np, nn
    >>> from tensorgrad.viz.recording.capture import capture
    >>> network = nn.Sequential(*[nn.Dense(8, 8, rng=0) for _ in range(12)])
    >>> folded = fold(capture(network(np.ones((2, 8), np.float32))))
    >>> [labels.group(group) for group in folded.groups]
    ['Sequential', '0–11 · Dense ×12']
    >>> folded.folded
    ('33 of 37 boxes are not drawn', 'Dense: 12 alike in a row, the first is drawn')
    """
    whole = arranged(recording)
    folded = _modules(whole, depth)
    if depth is None and len(folded.boxes) > ROOMY:
        folded = rolled(folded, of_modules=True)
    if len(folded.boxes) > most:
        folded = _modules(rolled(whole, of_modules=False), depth)
    for level in reversed(range(max(map(len, _modules_around(folded))))):
        if len(folded.boxes) > most:
            fewer = _modules(folded, level)
            if len(fewer.boxes) < most / SPARSE:
                break
            folded = fewer
    if len(folded.boxes) > most:
        folded = _in_a_row(folded, most)
    if folded is not whole:
        return replace(folded, folded=_said(folded))
    return recording if together(recording.boxes, recording.groups) else whole


def _said(folded: Recording) -> tuple[str, ...]:
    """What is not drawn, the total first."""
    count = sum(box.stands_for for box in folded.boxes)
    total = f"{count - len(folded.boxes):,} of {count:,} boxes are not drawn"
    said = [sentence for sentence in dict.fromkeys(folded.folded) if not sentence.endswith("boxes are not drawn")]
    more = [f"and {len(said) - 5} more repetitions"] if len(said) > 6 else []
    return (total, *(said[:5] + more if more else said))


def _modules_around(recording: Recording) -> list[tuple[int, ...]]:
    """For each box the modules around it, the outermost first. A group that only repeats is none."""
    modules = {
        group: tuple(id for id in path if recording.groups[id].kind) for group, path in paths(recording.groups).items()
    }
    return [modules[box.group] for box in recording.boxes]


def _modules(recording: Recording, depth: int | None) -> Recording:
    """`recording` with one box for each module that has `depth` modules around it."""
    if depth is None:
        return recording
    inside = [modules[depth] if len(modules) > depth else None for modules in _modules_around(recording)]
    used_outside = {
        operand.box for box in recording.boxes for operand in box.operands if inside[operand.box] != inside[box.id]
    }
    members = defaultdict[int, list[Box]](list)
    for box, module in zip(recording.boxes, inside):
        if module is not None and not (is_source(box) and box.id in used_outside):
            members[module].append(box)
    parts = [
        Part(boxes, labels.group(recording.groups[module]), recording.groups[module].parent)
        for module, boxes in members.items()
    ]
    if not parts:
        return recording
    said = f"{len(parts):,} modules are one box each" if len(parts) > 1 else f"{parts[0].title} is one box"
    return replace(contracted(recording, parts), folded=(*recording.folded, said))


def _in_a_row(recording: Recording, most: int) -> Recording:
    """`recording` with one box for all that lies between two operations which stay visible."""
    visible = _visible(recording, most // 2)
    path = paths(recording.groups)
    ends = sorted(id for id in visible if not is_source(recording.boxes[id]))
    between = defaultdict[int, list[Box]](list)
    for box in recording.boxes:
        if box.id not in visible:
            between[bisect_left(ends, box.id)].append(box)
    parts = []
    for boxes in between.values():
        if len(boxes) > 1:
            around = [path[box.group] for box in boxes]
            common = around[0][: min(shared(around[0], other) for other in around)]
            parts.append(Part(boxes, _contents(boxes), common[-1] if common else None))
    return contracted(recording, parts)


def _contents(boxes: Sequence[Box]) -> str:
    """What there is most of."""
    kinds = Counter(box.op or labels.kind(box) for box in boxes)
    return ", ".join(kind for kind, _ in kinds.most_common(3)) + ", …" * (len(kinds) > 3)


def _visible(recording: Recording, most: int) -> set[int]:
    """What to show of a graph that is too large: what is near the output, and some boxes with names."""
    operations = [box for box in reversed(recording.boxes) if not is_source(box)]
    visible = [box.id for box in operations[: max(1, most // 2)]]
    visible += [box.id for box in reversed(recording.boxes) if labels.name(box)][: min(NAMED, most // 4)]
    shown = set(visible)
    nearby = [o.box for id in visible for o in recording.boxes[id].operands if is_source(recording.boxes[o.box])]
    for source in dict.fromkeys(nearby):
        if len(shown) >= most:
            break
        shown.add(source)
    return shown
