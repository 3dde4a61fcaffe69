"""A box as a card: its lines of text, where they stand on it, and how large it must be."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from tensorgrad.viz import labels
from tensorgrad.viz.recording import Box, Recording
from tensorgrad.viz.theme import DOUBLE

PADDING = 9.0
HEADER = 24.0
ROW = 15.0
LABEL_COLUMN = 37.0
TITLE_SIZE = 12.5
TEXT_SIZE = 11.0
SMALLEST = 64.0


@dataclass(frozen=True)
class Text:
    """A line of text; `x` and `baseline` count from the card's top left corner.

    Attributes:
        role: "title", "options", "label", "shape", "value" or "gradient".
    """

    x: float
    baseline: float
    text: str
    role: str


@dataclass(frozen=True)
class Card:
    """One box, ready to be placed. Lengths are in pixels.

    Attributes:
        style: "leaf", "constant", "operation" or "output".
        header: the height of the coloured band that holds the title; the whole card if there is nothing else.
        operands: for each operand the label of its edge.
    """

    style: str
    width: float
    height: float
    header: float
    texts: tuple[Text, ...]
    tooltip: str
    operands: tuple[str, ...]


def card(recording: Recording, box: Box) -> Card:
    """The card of a box, as small as its texts allow."""
    rows: list[tuple[str, str, str]] = []
    if box.options:
        rows.append(("", labels.shortened(labels.options(box)), "options"))
    if not labels.is_number(box):
        rows.append(("shape", labels.shape(box), "shape"))
        for name, role, reading in (("value", "value", box.value), ("grad", "gradient", box.gradient)):
            rows += [(name if at == 0 else "", line, role) for at, line in enumerate(labels.lines(reading, box))]

    style = labels.style(recording, box)
    edge = DOUBLE if style == "output" else 0.0
    left = PADDING + edge
    header = HEADER + edge
    title = labels.title(box)
    texts = [Text(left, header - 7.0, title, "title")]
    width = max(SMALLEST if rows else 0.0, 2 * left + text_width(title, TITLE_SIZE))
    baseline = header + 2.0
    for name, line, role in rows:
        baseline += ROW
        indent = 0.0 if role == "options" else LABEL_COLUMN
        if name:
            texts.append(Text(left, baseline, name, "label"))
        texts.append(Text(left + indent, baseline, line, role))
        width = max(width, 2 * left + indent + text_width(line, TEXT_SIZE, mono=True))
    return Card(
        style=style,
        width=round(width),
        height=baseline + 8.0 + edge if rows else header,
        header=header,
        texts=tuple(texts),
        tooltip=labels.tooltip(box),
        operands=tuple(labels.operand_labels(box)),
    )


def text_width(text: str, size: float, *, mono: bool = False) -> float:
    """At least as wide as `text` comes out, bold or not, in any of the usual fonts: no font file is read."""
    return size * sum(_advance(character, mono) for character in text)


def _advance(character: str, mono: bool) -> float:
    """The width of a character, as a share of the font size. DejaVu Sans is the widest of the usual fonts."""
    if unicodedata.combining(character):
        return 0.0
    if mono and (character.isascii() or character in "–±…"):
        return 0.61
    if not character.isascii():
        return 1.1
    if character in "mwMW@%":
        return 1.11
    if character in "ijlfIJt.,:;'|!/\\()[]-":
        return 0.5
    return 0.88 if character.isupper() or character in "#+<=>^~&" else 0.73
