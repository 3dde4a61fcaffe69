"""Fold a large graph: replace modules, identical consecutive layers and sequences of boxes by fewer boxes."""

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


def fold(recording: Recording, *, depth: int | None = None, unfold: bool = False, most: int = MOST) -> Recording:
    """Fold a graph to at most `most` boxes. The attribute `folded` of the result says what is not drawn.

    The following steps are applied in order, each only if needed:

    1. Modules nested deeper than `depth` become one box each, if a depth is given. Otherwise, if there are more than
       30 boxes, four or more identical consecutive modules (or repetitions of several modules) are replaced by the
       first, in a group that shows their number: `×12`.
    2. If more than `most` boxes remain, any repetition, also outside modules, is replaced by its first round.
    3. Modules become one box each, the deepest first, as long as enough boxes remain for a useful picture.
    4. Consecutive boxes become one box, except near the output and for some boxes with names.

    Two modules or rounds are identical if they perform the same operations on the same shapes and dtypes, in the same
    order and with the same connections. Values may differ; those of the first are drawn. Boxes that are already folded
    are not identical to any other box.

    Args:
        recording: the graph; left unchanged. Its passes are omitted if anything is folded, because they refer to all
            boxes.
        depth: 0 to fold the outermost modules, 1 to fold those directly inside them, and so on.
        unfold: draw each of several identical modules or rounds.
        most: maximum number of boxes, at least 2.

    Returns:
        A recording whose `stands_for` values add up to the size of the original graph. Folding is idempotent.
        `recording` itself is returned if there is nothing to fold and the operations of each module are contiguous.

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
    rolls = unfold is False and not recording.outputs  # a round that is not drawn may hold one of several outputs
    if rolls and depth is None and len(folded.boxes) > ROOMY:
        folded = rolled(folded, of_modules=True)
    if rolls and len(folded.boxes) > most:
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
    """Return descriptions of what is not drawn, the total first."""
    count = sum(box.stands_for for box in folded.boxes)
    total = f"{count - len(folded.boxes):,} of {count:,} boxes are not drawn"
    said = [sentence for sentence in dict.fromkeys(folded.folded) if not sentence.endswith("boxes are not drawn")]
    more = [f"and {len(said) - 5} more repetitions"] if len(said) > 6 else []
    return (total, *(said[:5] + more if more else said))


def _modules_around(recording: Recording) -> list[tuple[int, ...]]:
    """Return for each box the enclosing modules, the outermost first. Groups of repetitions do not count."""
    modules = {
        group: tuple(id for id in path if recording.groups[id].kind) for group, path in paths(recording.groups).items()
    }
    return [modules[box.group] for box in recording.boxes]


def _modules(recording: Recording, depth: int | None) -> Recording:
    """Return `recording` with one box for each module that has `depth` enclosing modules."""
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
    """Return `recording` with one box for each sequence of boxes between two operations that stay visible."""
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
    """Return the most frequent content."""
    kinds = Counter(box.op or labels.kind(box) for box in boxes)
    return ", ".join(kind for kind, _ in kinds.most_common(3)) + ", …" * (len(kinds) > 3)


def _visible(recording: Recording, most: int) -> set[int]:
    """Return the boxes to show of a very large graph: those near the output, and some boxes with names."""
    operations = [box for box in reversed(recording.boxes) if not is_source(box)]
    visible = [*recording.outputs, *(box.id for box in operations[: max(1, most // 2)])]
    visible += [box.id for box in reversed(recording.boxes) if labels.name(box)][: min(NAMED, most // 4)]
    shown = set(visible)
    nearby = [o.box for id in visible for o in recording.boxes[id].operands if is_source(recording.boxes[o.box])]
    for source in dict.fromkeys(nearby):
        if len(shown) >= most:
            break
        shown.add(source)
    return shown
