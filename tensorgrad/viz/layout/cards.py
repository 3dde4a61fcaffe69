"""Cards: the lines of text of a box, their positions, and the size of the box."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from unicodedata import ucd_3_2_0 as unicodedata

from tensorgrad.viz.layout.theme import SHAPES
from tensorgrad.viz.recording import Box, Detail, Recording, Summary, labels

PADDING = 9.0
HEADER = 24.0
ROW = 15.0
LABEL_COLUMN = 37.0
TITLE_SIZE = 12.5
TEXT_SIZE = 11.0
SMALLEST = 64.0
SUBSCRIPTS = dict.fromkeys("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹⁽⁾", 0.61)
WIDE = SUBSCRIPTS | {
    "\u00a0": 0.61,
    "·": 0.5,
    "–": 0.7,
    "±": 0.88,
    "×": 0.88,
    "∂": 0.7,
    "…": 1.05,
    "‱": 2.0,
    "₧": 1.6,
    "⸺": 2.4,
    "⸻": 3.6,
}
"""The widths of characters that occur often, or are wider than any other."""
BETWEEN_LABELS = 14.0
HEATMAP_WIDTH, HEATMAP_HEIGHT, HEATMAP_CELL = 110.0, 64.0, 9.0
"""Maximum size of the image of an array and of a cell in it, in pixels."""


@dataclass(frozen=True)
class Text:
    """Line of text; `x` and `baseline` are relative to the card's top left corner.

    Attributes:
        role: "title", "options", "label", "shape", "value" or "gradient".
    """

    x: float
    baseline: float
    text: str
    role: str

    @property
    def bold(self) -> bool:
        """Whether the text is bold and larger, as titles are."""
        return self.role == "title"

    @property
    def mono(self) -> bool:
        """Whether the text is monospaced, as numbers and shapes are."""
        return self.role not in ("title", "label")


@dataclass(frozen=True)
class Heatmap:
    """Image of an array; `x` and `y` are relative to the card's top left corner."""

    x: float
    y: float
    width: float
    height: float
    detail: Detail


@dataclass(frozen=True)
class Card:
    """One box, ready to be placed. Lengths are in pixels.

    Attributes:
        style: "leaf", "input", "constant", "operation", "folded" or "output".
        header: the height of the coloured band that holds the title; the whole card if there is only a title.
        operands: the edge label of each operand.
        lines: for pictures from top to bottom, the height of the labels, in lines of text.
        heatmaps: images of arrays.
    """

    style: str
    width: float
    height: float
    header: float
    texts: tuple[Text, ...]
    tooltip: str
    operands: tuple[str, ...]
    lines: int = 1
    heatmaps: tuple[Heatmap, ...] = ()


def cards(recording: Recording, *, compact: bool = False, heatmaps: bool = False) -> list[Card]:
    """Return the cards of all boxes.

    Args:
        recording: the graph.
        compact: show fewer lines.
        heatmaps: show the heatmaps of arrays, if they are recorded.
    """
    names = labels.names(recording)
    return [card(recording, box, names, compact=compact, heatmaps=heatmaps) for box in recording.boxes]


def card(
    recording: Recording, box: Box, names: Mapping[str, int], *, compact: bool = False, heatmaps: bool = False
) -> Card:
    """Return the card of a box, as small as its text allows."""
    rows = list(_rows(box, compact=compact))
    style = labels.style(recording, box)
    room = SHAPES[style].room
    left, right = PADDING + room.left, PADDING + room.right
    header = HEADER + room.top
    title = labels.title(box)
    texts = [Text(left, header - 7.0, title, "title")]
    width = max(SMALLEST if rows else 0.0, left + text_width(title, TITLE_SIZE) + right)
    baseline = header + 2.0
    images = []
    for name, line, role in rows:
        baseline += ROW
        indent = 0.0 if role == "options" else LABEL_COLUMN
        if name:
            texts.append(Text(left, baseline, name, "label"))
        texts.append(Text(left + indent, baseline, line, role))
        width = max(width, left + indent + text_width(line, TEXT_SIZE, mono=True) + right)
        detail = _detail(box, role) if heatmaps else None
        if detail is not None:
            size = _heatmap_size(detail)
            images.append(Heatmap(left + indent, baseline + 5.0, *size, detail))
            baseline += size[1] + 4.0
            width = max(width, left + indent + size[0] + right)
    return Card(
        style=style,
        width=round(width),
        height=baseline + 8.0 + room.bottom if rows else header,
        header=header,
        texts=tuple(texts),
        tooltip=labels.tooltip(box),
        operands=tuple(labels.operand_labels(box, names)),
        heatmaps=tuple(images),
    )


def _detail(box: Box, role: str) -> Detail | None:
    """Return the heatmap of a value or a gradient that is not shown as numbers."""
    reading = {"value": box.value, "gradient": box.gradient}.get(role)
    return reading.detail if isinstance(reading, Summary) and not labels.shows_numbers(reading, box) else None


def _heatmap_size(detail: Detail) -> tuple[float, float]:
    """Return the width and height, with square cells that are as large as possible."""
    cell = min(HEATMAP_WIDTH / detail.columns, HEATMAP_HEIGHT / detail.rows, HEATMAP_CELL)
    return round(cell * detail.columns, 1), round(cell * detail.rows, 1)


def _rows(box: Box, *, compact: bool) -> Iterator[tuple[str, str, str]]:
    """Return the lines below the title: label, text and role."""
    if box.kind == "folded":
        yield "", labels.many(box), "options"
    if box.options:
        yield "", labels.shortened(labels.options(box)), "options"
    if labels.is_number(box):
        return
    if labels.shows_shape(box, compact=compact):
        yield "shape", labels.shape(box), "shape"
    for name, role, reading in (("value", "value", box.value), ("grad", "gradient", box.gradient)):
        for at, line in enumerate(labels.lines(reading, box)):
            yield name if at == 0 else "", line, role
    if box.check is not None:
        yield "check", box.check.verdict, "shape"


def with_room(card: Card, *, left_to_right: bool) -> Card:
    """Return the card, large enough to separate the ends of its edges and fit their labels."""
    if not any(card.operands):
        return card
    places = len(card.operands) + 1
    if left_to_right:
        return replace(card, height=max(card.height, places * BETWEEN_LABELS))
    apart = max(map(label_width, card.operands)) + BETWEEN_LABELS
    return replace(card, width=max(card.width, round(places * apart)))


def label_width(label: str) -> float:
    """Return the width needed for the name of an operand at its edge."""
    return text_width(label, TEXT_SIZE, mono=True)


def frame_label_width(label: str) -> float:
    """Return the width of the label of a frame."""
    return text_width(label, TEXT_SIZE)


def text_width(text: str, size: float, *, mono: bool = False) -> float:
    """Return an upper bound of the width of `text`, bold or not, in all common fonts.

    The result is the same on every machine and Python version. No font file is read, the Unicode data are those of
        version 3.2, which every Python has, and `math.fsum` rounds correctly (`sum` adds floats differently since
        Python 3.12).
    """
    return size * math.fsum(_advance(character, mono) for character in text)


def _advance(character: str, mono: bool) -> float:
    """Return an upper bound of the width of a character in DejaVu, the widest common font, as a fraction of the font
    size.
    """
    if mono and (character.isascii() or character in "–±…×"):
        return 0.61
    if unicodedata.combining(character):
        return 0.0
    if character.isascii():
        return _letter(character)
    base = unicodedata.normalize("NFD", character)[0]
    width = _letter(base) + 0.06 if base.isascii() else WIDE.get(character) or _foreign(character)
    return max(width, 0.61) if mono else width


def _letter(character: str) -> float:
    if character in "mwMW@%":
        return 1.11
    if character in "ijlfIJt.,:;'|!/\\()[]-":
        return 0.5
    return 0.88 if character.isupper() or character in "#+<=>^~&" else 0.73


def _foreign(character: str) -> float:
    if unicodedata.category(character) == "Cn":  # newer than Unicode 3.2, as most emoji are
        return 1.6
    if unicodedata.east_asian_width(character) in "WF":
        return 1.6 if unicodedata.category(character) == "So" else 1.1
    if "\u1400" <= character <= "\u169f":  # syllabics and ogham
        return 2.1
    return max(1.45, 0.9 * len(unicodedata.normalize("NFKD", character)))
