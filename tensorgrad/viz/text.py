"""A recording as text for a terminal: a line per box, as the program that would make it."""

from __future__ import annotations

from collections import Counter

from tensorgrad.viz import labels
from tensorgrad.viz.recording import Box, Recording


def text(recording: Recording) -> str:
    """The boxes in the order they were made, in columns: what it is, shape, value, gradient."""
    names = _names(recording)
    rows = [
        (
            _statement(box, names),
            labels.shape(box),
            labels.one_line(box.value, box),
            labels.one_line(box.gradient, box),
        )
        for box in recording.boxes
        if not labels.is_number(box)
    ]
    table = [("", "shape", "value", "grad"), *rows]
    widths = [max(len(row[column]) for row in table) for column in range(4)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in table)


def _names(recording: Recording) -> list[str]:
    """A name for each box that no other has."""
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


def _statement(box: Box, names: list[str]) -> str:
    if box.op is None:
        return f"{names[box.id]} ({box.kind})"
    arguments = [names[operand.box] for operand in box.operands]
    options = [labels.shortened(labels.options(box))] if box.options else []
    return f"{names[box.id]} = {box.op}({', '.join(arguments + options)})"
