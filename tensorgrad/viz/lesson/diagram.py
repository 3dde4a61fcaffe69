"""Layout of a walkthrough's page: cards with space for all text that will be written on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tensorgrad.viz.layout import Direction, Picture, picture
from tensorgrad.viz.layout.cards import PADDING, ROW, TEXT_SIZE, TITLE_SIZE, Card, Text, text_width
from tensorgrad.viz.layout.cards import cards as plain_cards
from tensorgrad.viz.lesson.equations import Notation, edge_label
from tensorgrad.viz.lesson.steps import same
from tensorgrad.viz.recording import Box, Check, Reading, Recording, Summary, labels

PORT = 31.0
"""Between the ends of two edges that carry a line of text above and one below."""

BAND = 42.0
"""Space at the top of a frame, for its label and for the marker above a box."""

LINES = 3
"""Lines above a box in a picture from top to bottom: two for a local derivative and one for the marker of the box."""

COUNTER = 48.0
"""Space for "1 of 2" beside a title."""

SIGNS = {"agrees": "✓ checked", "differs": "✗ check differs", "not checked": "– not checked"}
"""Text of a leaf about the comparison of its gradient with finite differences."""


def stage(recording: Recording, direction: Direction) -> Picture:
    """Lay out a recording whose numbers appear and disappear."""
    shown = with_symbols(recording)
    widest = _widest_gradients(recording)
    shown = replace(shown, boxes=tuple(replace(box, gradient=widest[box.id], check=None) for box in shown.boxes))
    edges, uses = edge_labels(recording), contributions(recording)
    cards = []
    for box, plain in zip(recording.boxes, plain_cards(shown)):
        found = [edges.get((box.id, place)) for place in range(len(box.operands))]
        counted = _with_counter(plain) if uses[box.id] > 1 else plain
        cards.append(_with_edge_labels(_with_remark(counted, recording, box), found, direction))
    return picture(shown, direction, cards, band=BAND)


def with_symbols(recording: Recording) -> Recording:
    """Return the recording with each box named as in the equations.

    The symbol of a call with several results replaces the name of its operation: `lstm`, and `lstm₂` for a second call.
    """
    symbols = Notation(recording).symbols
    return replace(recording, boxes=tuple(_with_symbol(recording, box, symbols) for box in recording.boxes))


def _with_symbol(recording: Recording, box: Box, symbols: Sequence[str]) -> Box:
    if labels.is_number(box):
        return box
    if box.results:
        return replace(box, op=symbols[box.id])
    op = box.op
    if len(box.operands) == 1 and recording.boxes[box.operands[0].box].results:
        op = labels.result(symbols[box.operands[0].box], box.operands[0].name)
    return replace(box, name=symbols[box.id], op=op)


def edge_labels(recording: Recording) -> dict[tuple[int, int], tuple[str, str]]:
    """Return the labels above and below the edge of operands with a local derivative, by (box, position)."""
    notation = Notation(recording)
    found = {}
    for event in recording.passes[0].events:
        for given in event.contributions:
            if given.slope is not None:
                found[event.box, given.operand] = edge_label(notation.partial(event, given), given)
    return found


def contributions(recording: Recording) -> Counter[int]:
    """Return how many contributions each box receives in the right pass."""
    return Counter(
        recording.boxes[event.box].operands[given.operand].box
        for event in recording.passes[0].events
        for given in event.contributions
    )


def _with_counter(plain: Card) -> Card:
    """Return the card with space beside its title for the number of contributions."""
    title = plain.texts[0]
    end = title.x + text_width(title.text, TITLE_SIZE) + COUNTER + PADDING
    return replace(plain, width=round(max(plain.width, end)))


def wrong_somewhere(recording: Recording, id: int) -> bool:
    """Return whether a pass ends with an incorrect gradient at a box."""
    right, *others = recording.passes
    return any(not same(each.gradients[id], right.gradients[id]) for each in others)


def _widest_gradients(recording: Recording) -> list[Reading]:
    """Return for each box the longest gradient that any step writes on it."""
    widest: list[Reading] = ["not computed" if labels.requires_gradient(box) else None for box in recording.boxes]

    def see(id: int, reading: Reading) -> None:
        box = recording.boxes[id]
        if isinstance(reading, Summary) and _length(reading, box) > _length(widest[id], box):
            widest[id] = reading

    for each in recording.passes:
        for id, reading in enumerate(each.gradients):
            see(id, reading)
        for event in each.events:
            for given in event.contributions:
                see(recording.boxes[event.box].operands[given.operand].box, given.total)
    return widest


def _length(reading: Reading, box: Box) -> int:
    return max(map(len, labels.lines(reading, box)), default=0)


def check_words(check: Check) -> str:
    """Return the last line of a leaf at the end: whether finite differences agree, or what they yield instead."""
    if check.verdict == "differs" and check.expected:
        return labels.shortened(f"✗ should be {', '.join(map(labels.number, check.expected))}")
    return SIGNS[check.verdict]


def right_words(recording: Recording, id: int) -> str:
    """Return the text on a box whose gradient is wrong: the correct gradient, or its mean if it has many lines."""
    box, reading = recording.boxes[id], recording.passes[0].gradients[id]
    lines = labels.lines(reading, box)
    if len(lines) > 1 and isinstance(reading, Summary):
        return f"right: mean {labels.number(reading.mean)}"
    return f"right: {' '.join(lines)}"


def _with_remark(plain: Card, recording: Recording, box: Box) -> Card:
    """Return the card with a last line that shows the result of a check or the correct value."""
    remarks = [check_words(box.check)] if box.check is not None else []
    if wrong_somewhere(recording, box.id):
        remarks.append(right_words(recording, box.id))
    if not remarks:
        return plain
    first, last, longest = plain.texts[0], plain.texts[-1], max(remarks, key=len)
    ends = (
        first.x + text_width(longest, TEXT_SIZE, mono=True),
        last.x + text_width(f"⚠ {last.text}", TEXT_SIZE, mono=True),
    )
    return replace(
        plain,
        width=round(max(plain.width, *(end + PADDING for end in ends))),
        height=plain.height + ROW,
        texts=(*plain.texts, Text(first.x, last.baseline + ROW, longest, "remark")),
    )


def _with_edge_labels(plain: Card, found: list[tuple[str, str] | None], direction: Direction) -> Card:
    """Return the card with space for two lines of text at its edges."""
    if not any(found):
        return plain
    operands = tuple(max(lines or (label,), key=len) for lines, label in zip(found, plain.operands))
    height = PORT * (len(operands) + 1) if direction == "LR" else 0.0
    return replace(plain, operands=operands, height=max(plain.height, height), lines=LINES)
