"""Legend below a picture: the meaning of outlines and symbols, and what is not drawn."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

from tensorgrad.viz.recording import Recording, labels

SIZE = 11.0
LETTER = 0.54 * SIZE
"""The average width of a letter. Nothing is next to these texts, so an average suffices."""
LINE = 18.0
SWATCH = 19.0
SWATCH_HEIGHT = 13.0
BETWEEN = 18.0
NARROWEST = 300.0
"""Sentences are not wrapped to less than this, in pixels."""


@dataclass(frozen=True)
class Entry:
    """Entry of the legend: an outline (style "" for none) at `x`, followed by text."""

    style: str
    text: str
    x: float
    baseline: float

    @property
    def text_x(self) -> float:
        """Left end of the text."""
        return self.x + (SWATCH + 6 if self.style else 0.0)

    @property
    def swatch_top(self) -> float:
        """Top of the outline."""
        return self.baseline - 10.0


def legend(recording: Recording, width: float, height: float, margin: float) -> tuple[tuple[Entry, ...], float, float]:
    """Return the entries below a picture of the given size, and the size including them."""
    present = {labels.style(recording, box) for box in recording.boxes}
    items = [(style, text) for style, text in labels.LEGEND.items() if style in present]
    items += [("", text) for text in labels.notes(recording)]
    entries: list[Entry] = []
    x, baseline = margin, height + 6.0
    for style, text in items:
        entry = Entry(style, text, x, baseline)
        if _end(entry) > width - margin and x > margin:
            baseline += LINE
            entry = Entry(style, text, margin, baseline)
        entries.append(entry)
        x = _end(entry) + BETWEEN
    letters = int(max(width - 2 * margin, NARROWEST) / LETTER)
    for sentence in (*labels.remedies(recording), *recording.folded):
        for line in textwrap.wrap(labels.printable(sentence), letters):
            baseline += LINE
            entries.append(Entry("", line, margin, baseline))
    width = max([width, *(_end(entry) + margin for entry in entries)])
    return tuple(entries), float(math.ceil(width)), baseline + margin


def _end(entry: Entry) -> float:
    return entry.text_x + LETTER * len(entry.text)
