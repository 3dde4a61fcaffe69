"""Write a recording as text for a terminal: one line per box, like a program, indented by module."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator

from tensorgrad.viz.recording import Box, Recording, labels
from tensorgrad.viz.recording.nesting import shared
from tensorgrad.viz.recording.reading_order import paths, reading_order

WIDTH = 100
"""Of a line, in characters."""
SHORTEST = 18
"""Values and gradients are cut to this before the names of operands are."""

Row = tuple[str, str, str, str]


def text(recording: Recording) -> str:
    """Return the boxes in reading order as a table: name or operation, shape, value, gradient.

    Each box is one line. Other lines refer to it by its name, or by its number if it has no name. Operands are in
    order. The operations of a module are indented below its name.
    """
    table = [("", "shape", "value", "grad"), *_rows(recording)]
    widths = [max(_columns(row[column]) for row in table) for column in range(4)]
    while sum(widths) + 6 > WIDTH:
        numbers = max(widths[2:])
        widths[widths.index(numbers if numbers > SHORTEST else max(widths))] -= 1
    lines = ["  ".join(_fitted(cell, width) for cell, width in zip(row, widths)).rstrip() for row in table]
    notes = [*labels.remedies(recording), *map(labels.printable, recording.folded)]
    return "\n".join([*lines, *[""] * bool(notes), *notes])


def _rows(recording: Recording) -> Iterator[Row]:
    names = _names(recording)
    path = paths(recording.groups)
    here: tuple[int, ...] = ()
    for box in (recording.boxes[id] for id in reading_order(recording)):
        if labels.is_number(box):
            continue
        there = path[box.group]
        common = shared(here, there)
        for depth, group in enumerate(there[common:], common):
            yield "  " * depth + labels.group(recording.groups[group]), "", "", ""
        here = there
        yield (
            "  " * len(there) + _statement(recording, box, names),
            labels.shape(box) if labels.has_shape(box) else "",
            labels.one_line(box.value, box),
            labels.one_line(box.gradient, box),
        )


def _fitted(cell: str, width: int) -> str:
    """Return `cell`, padded or cut to the given number of columns."""
    if _columns(cell) > width:
        while _columns(cell) > width - 1:
            cell = cell[:-1]
        cell += "…"
    return cell + " " * (width - _columns(cell))


def _columns(text: str) -> int:
    """Return the number of terminal columns of `text`: two for Chinese characters, none for combining accents."""
    if text.isascii():
        return len(text)
    return sum((not unicodedata.combining(c)) + (unicodedata.east_asian_width(c) in "WF") for c in text)


def _names(recording: Recording) -> list[str]:
    """Return a unique name for each box."""
    given = [labels.name(box) for box in recording.boxes]
    uses = Counter(given)
    names = []
    for box, name in zip(recording.boxes, given):
        if labels.is_number(box):
            names.append(labels.full_title(box))
        elif name and uses[name] == 1:
            names.append(labels.shortened(name))
        else:
            names.append(f"{labels.shortened(name)}#{box.id}")
    return names


def _statement(recording: Recording, box: Box, names: list[str]) -> str:
    if box.op is None:
        return f"{names[box.id]} ({labels.kind(box)})"
    if box.operands and recording.boxes[box.operands[0].box].results:
        (source,) = box.operands
        return f"{names[box.id]} = {labels.result(names[source.box], labels.printable(source.name))}"
    operation = f"[{labels.printable(box.op)}]" if box.kind == "folded" else box.op
    arguments = [names[o.box] + (f" {o.name}" if o.name.startswith("×") else "") for o in box.operands]
    options = [labels.shortened(labels.options(box))] if box.options else []
    return f"{names[box.id]} = {operation}({', '.join(arguments + options)})"
