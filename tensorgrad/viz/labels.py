"""The words and numbers of a box, the same in every kind of output."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tensorgrad.viz.recording import Box, Reading, Recording, Summary

LONGEST = 32
"""Titles and options are cut after this many characters; the tooltip has them whole."""

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum"})
"""Operations whose operands need no label: it does not matter which is which."""

MISSING = {"unknown": "?", "not computed": "–"}

LEGEND = {
    "leaf": "leaf, wants a gradient",
    "constant": "constant",
    "operation": "operation",
    "output": "output",
}


def printable(text: str) -> str:
    r"""`text` on one line, with what cannot be seen written as an escape.

    >>> print(printable("a\nb\x00"))
    a\nb\x00
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shortened(text: str) -> str:
    """`text`, cut to `LONGEST` characters."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def number(value: float) -> str:
    """Four significant digits.

    >>> number(-0.0), number(2 / 3), number(1e-9)
    ('0', '0.6667', '1e-09')
    """
    return f"{value + 0.0:.4g}"


def full_title(box: Box) -> str:
    """What a box is: its name, its operation, or its number.

    A Python number has no name, so it is its own title.
    """
    if box.op is not None:
        return printable(f"{box.name} = {box.op}" if box.name is not None else box.op)
    if box.name is not None:
        return printable(box.name)
    return number(box.value.mean) if is_number(box) and isinstance(box.value, Summary) else box.kind


def title(box: Box) -> str:
    """`full_title`, cut to fit a box."""
    return shortened(full_title(box))


def is_number(box: Box) -> bool:
    """Whether a box is a Python number, for which its title says everything."""
    return box.dtype == ""


def options(box: Box) -> str:
    """The options of an operation, as they would be written in a call."""
    return printable(", ".join(f"{name}={text}" for name, text in box.options))


def shape(box: Box) -> str:
    """Shape and dtype; float64 is what one expects and is not said."""
    if box.shape is None:
        return "?"
    return f"{box.shape} {box.dtype}" if box.dtype not in ("float64", "") else str(box.shape)


def lines(reading: Reading, of_shape: Sequence[int] | None) -> list[str]:
    """A value or a gradient: its numbers if they are few, a line per row; else mean ± standard deviation."""
    if reading is None:
        return []
    if not isinstance(reading, Summary):
        return [MISSING[reading]]
    if of_shape is not None and 0 in of_shape:
        return ["empty"]
    if not reading.numbers:
        return [_spread(reading)]
    row = of_shape[-1] if of_shape is not None and len(of_shape) > 1 else 3
    texts = [number(each) for each in reading.numbers]
    return [", ".join(texts[start : start + row]) for start in range(0, len(texts), row)]


def _spread(reading: Summary) -> str:
    """Mean ± standard deviation; digits of the mean that are small beside the deviation are noise."""
    mean = reading.mean
    if math.isfinite(mean) and math.isfinite(reading.std) and reading.std > 0:
        mean = round(mean, 3 - math.floor(math.log10(max(reading.std, abs(mean)))))
    return f"{number(mean)} ± {number(reading.std)}"


def one_line(reading: Reading, of_shape: Sequence[int] | None) -> str:
    """A value or a gradient on one line."""
    return "; ".join(lines(reading, of_shape))


def tooltip(box: Box) -> str:
    """Everything that is known of a box, for the pointer that rests on it and for screen readers."""
    parts = [full_title(box) + (f"({options(box)})" if box.options else "")]
    if not is_number(box):
        parts.append(f"{box.kind}, shape {shape(box)}")
        parts += [
            f"{name} {_details(reading, box.shape)}"
            for name, reading in (("value", box.value), ("gradient", box.gradient))
            if reading is not None
        ]
    return "\n".join(parts)


def operand_labels(box: Box) -> list[str]:
    """For each operand what to write at its edge: its parameter's name, or place, where it matters which is which."""
    if len(box.operands) < 2 or box.op in COMMUTATIVE:
        return [""] * len(box.operands)
    return [printable(operand.name[max(operand.name.find("["), 0) :]) for operand in box.operands]


def style(recording: Recording, box: Box) -> str:
    """How to draw a box: as its kind, or, for the operation that made the output, as "output"."""
    return "output" if box.kind == "operation" and box is recording.boxes[-1] else box.kind


def notes(recording: Recording) -> list[str]:
    """What the signs in place of a number mean, where there are any."""
    readings = {reading for box in recording.boxes for reading in (box.value, box.gradient) if isinstance(reading, str)}
    meanings = {"not computed": "– not computed yet", "unknown": "? no longer known"}
    return [text for reading, text in meanings.items() if reading in readings]


def _details(reading: Reading, of_shape: Sequence[int] | None) -> str:
    if isinstance(reading, Summary) and not reading.numbers and of_shape is not None and 0 not in of_shape:
        return f"{one_line(reading, of_shape)} (mean ± std), from {number(reading.min)} to {number(reading.max)}"
    return reading if isinstance(reading, str) else one_line(reading, of_shape)
