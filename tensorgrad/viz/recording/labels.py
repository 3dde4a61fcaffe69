"""Text and numbers of a box, the same in every output format."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

from tensorgrad.viz.recording import Box, Group, Missing, Reading, Recording, Summary
from tensorgrad.viz.recording.grids import Block, blocks, is_plain

LONGEST = 32
"""Titles and options are cut after this many characters; the tooltip has them whole."""

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "+", "×"})
"""Operations whose operands need no label: it does not matter which is which."""

SIDES, POWER = ["left", "right"], ["base", "exponent"]
"""Labels of the operands x and y of an operation, if a box of the graph has one of these names."""

NOTES: dict[Missing, str] = {
    "not computed": "– not computed yet",
    "released": "? depends on an array that backward released",
    "dropped": "? depends on an array that no longer exists",
    "changed": "? changed since",
    "unrepeatable": "? cannot be computed again",
}
"""The sign in place of a number, and what it means."""

GONE = {
    "released": "was released by backward(). Assign it to a variable, or call backward(retain_graph=True).",
    "dropped": "no longer exists. Assign it to a variable before the operation, such as y = np.array(...).",
}
"""How an array was lost, and what brings it back, as the end of a sentence."""

LINE, COLUMNS = 6, 4
"""Maximum number of elements on the only line of a small array, and on each line of a larger one."""

SPACE = "\u00a0"
"""Space that is kept where it is repeated; plain spaces would collapse in SVG."""

MOST_REMEDIES = 3
"""How many lost arrays are named below a picture."""

LEGEND = {
    "leaf": "parameter: a leaf that requires a gradient",
    "input": "input",
    "constant": "constant",
    "operation": "operation",
    "folded": "boxes folded into one",
    "output": "output",
}
"""What the styles of boxes mean."""


def printable(text: str) -> str:
    r"""`text` on one line, with what cannot be seen written as an escape.

    >>> print(printable("a\nb\x00"))
    a\nb\x00
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def shortened(text: str) -> str:
    """Return `text`, cut to `LONGEST` characters."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def number(value: float) -> str:
    """Format a number with four significant digits; booleans as True or False.

    >>> number(-0.0), number(2 / 3), number(1e-9), number(True)
    ('0', '0.6667', '1e-09', 'True')
    """
    return str(value) if isinstance(value, bool) else f"{value + 0.0:.4g}"


def name(box: Box) -> str:
    """Return the name of a box, or "" if it has no visible name."""
    text = printable(box.name or "")
    return text if text.strip() else ""


def full_title(box: Box) -> str:
    """Return the title of a box: its name, its operation, or its number.

    A Python number has no name, so it is its own title.
    """
    if box.op is not None:
        return f"{name(box)} = {printable(box.op)}" if name(box) else printable(box.op)
    if is_number(box) and isinstance(box.value, Summary):
        return number(box.value.numbers[0])
    return name(box) or kind(box)


def title(box: Box) -> str:
    """Return `full_title`, cut to fit a box."""
    return shortened(full_title(box))


def requires_gradient(box: Box) -> bool:
    """Return whether a gradient arrives at a box of a recording with values: not at constants, nor at what depends on
    constants alone.
    """
    return box.kind != "constant" and (box.gradient is not None or bool(box.results))


def is_number(box: Box) -> bool:
    """Return whether a box is a Python number. Its title is then its value."""
    return box.dtype == ""


def kind(box: Box) -> str:
    """Return the kind of a box. A constant that was passed as an array or has a name is an "input"."""
    given = box.kind == "constant" and not is_number(box) and (name(box) != "" or box.shape != ())
    return "input" if given else box.kind


def many(box: Box) -> str:
    """Return how many boxes are folded into a box, as text."""
    return "1 box" if box.stands_for == 1 else f"{box.stands_for:,} boxes in one"


def group(group: Group) -> str:
    """Return the label of a group: its name, its kind, and how often it occurs.

    >>> group(Group(0, None, "encoder", "Block", times=12)), group(Group(1, 0, "", "", times=3))
    ('encoder · Block ×12', '×3')
    """
    parts = [printable(part) for part in (group.name, group.kind) if part.strip()]
    times = [f"×{group.times}"] if group.times > 1 else []
    return " ".join([shortened(" · ".join(parts)), *times]).strip()


def options(box: Box) -> str:
    """Return the options of an operation, as they would be written in a call."""
    return printable(", ".join(f"{name}={text}" for name, text in box.options))


def result(call: str, which: str) -> str:
    """Return one of several results as Python would access it.

    >>> result("svd", "S"), result("checkpoint", "[0]")
    ('svd.S', 'checkpoint[0]')
    """
    return f"{call}{which}" if which.startswith("[") else f"{call}.{which}"


def has_shape(box: Box) -> bool:
    """Return whether a box has one shape, which may be unknown: calls with several results have several, and folded
    boxes may have none.
    """
    return not is_number(box) and not box.results and (box.kind != "folded" or box.shape is not None)


def shows_shape(box: Box, *, compact: bool = False) -> bool:
    """Return whether a box shows its shape. The shape of a scalar is omitted, and, in compact form, that of a vector or
    matrix whose numbers are shown as such.
    """
    if not has_shape(box) or (box.shape == () and (compact or box.dtype == "float64")):
        return False
    if not compact or not isinstance(box.value, Summary) or not shows_numbers(box.value, box):
        return True
    return not is_plain(box.shape or (), LINE if len(box.value.numbers) <= LINE else COLUMNS)


def shape(box: Box) -> str:
    """Return shape and dtype. float64 is the default and is omitted."""
    if box.shape is None:
        return "?"
    return f"{box.shape} {box.dtype}" if box.dtype not in ("float64", "") else str(box.shape)


def lines(reading: Reading, box: Box) -> list[str]:
    """Return the value or the gradient of `box`: its numbers if there are few; otherwise mean and spread.

    There is one line per row. With more than two axes, each block of rows begins with its leading indices.
    """
    if reading is None:
        return []
    if not isinstance(reading, Summary):
        return [NOTES[reading][0]]
    if not shows_numbers(reading, box):
        return [_spread(reading, box)]
    texts = [number(each) for each in reading.numbers]
    if len(texts) > LINE:
        longest = max(map(len, texts))
        texts = [text.rjust(longest, SPACE) for text in texts]
    found = []
    for block in _blocks(box.shape, len(texts)):
        heads = [block.index, *[SPACE * len(block.index)] * (len(block.lines) - 1)]
        rows = (", ".join(texts[each] for each in line) for line in block.lines)
        found += [f"{head}{SPACE}{row}" if block.index else row for head, row in zip(heads, rows)]
    return found


def shows_numbers(reading: Reading, box: Box) -> bool:
    """Return whether all numbers are shown: those of a small array, unless all of many are equal."""
    if not isinstance(reading, Summary) or not reading.numbers:
        return False
    return len(reading.numbers) <= LINE or reading.min != reading.max  # "all 0" is equivalent


def _blocks(shape: tuple[int, ...] | None, count: int) -> tuple[Block, ...]:
    return blocks((count,) if shape is None else shape, LINE if count <= LINE else COLUMNS)


def row_length(shape: tuple[int, ...]) -> int:
    """Return how many elements of an array are in a row: those along the last axis, or, for images and sequences with a
    single channel, along the axis before it.

    >>> row_length((2, 3)), row_length((1, 28, 28, 1)), row_length((5, 1))
    (3, 28, 1)
    """
    if len(shape) > 2 and shape[-1] == 1:
        return shape[-2]
    return shape[-1] if shape else 1


def _spread(reading: Summary, box: Box) -> str:
    """Return mean ± standard deviation. A mean that is only rounding error is omitted: "0 ± 1e-4" reads as a zero."""
    if box.shape is not None and 0 in box.shape:
        return "empty"
    if box.dtype is not None and box.dtype.startswith(("int", "uint")):
        return f"{number(reading.min)} … {number(reading.max)}"
    if box.dtype == "bool":
        return f"{number(100 * reading.mean)}% True"
    if reading.min == reading.max:
        return f"all {number(reading.mean)}"
    mean, deviation = _mean(reading), number(reading.std)
    return f"{number(mean)} ± {deviation}" if mean else f"±{deviation}"


def _mean(reading: Summary) -> float:
    """Return the mean without the digits that are small compared with the standard deviation."""
    largest = max(reading.std, abs(reading.mean))
    return round(reading.mean, 3 - math.floor(math.log10(largest))) if 0 < largest < math.inf else reading.mean


def one_line(reading: Reading, box: Box) -> str:
    """Return a value or a gradient on one line."""
    if not isinstance(reading, Summary) or not shows_numbers(reading, box):
        return "; ".join(lines(reading, box))
    texts = [number(each) for each in reading.numbers]
    found = []
    for block in _blocks(box.shape, len(texts)):
        rows = (", ".join(texts[each] for each in line) for line in block.lines)
        found.append(f"{block.index} {(', ' if block.wrapped else '; ').join(rows)}".lstrip())
    return "; ".join(found)


def tooltip(box: Box) -> str:
    """Return everything that is known about a box, for tooltips and screen readers."""
    parts = [full_title(box) + (f"({options(box)})" if box.options else "")]
    if not is_number(box):
        what = many(box) if box.kind == "folded" else kind(box)
        parts.append(f"{what}, shape {shape(box)}" if has_shape(box) else what)
        parts += [f"returns {', '.join(map(printable, box.results))}"] * bool(box.results)
        parts += [
            f"{what} {_details(reading, box)}"
            for what, reading in (("value", box.value), ("gradient", box.gradient))
            if reading is not None
        ]
    if box.check is not None:
        parts.append(f"finite differences: {box.check.verdict}, {printable(box.check.reason)}")
    return "\n".join(parts)


def operand_labels(box: Box, names: Mapping[str, int] = MappingProxyType({})) -> list[str]:
    """Return the label of each operand's edge: its parameter name or position, if the order matters.

    Several uses of one box by a folded box are labelled with their number.

    Args:
        box: the box that uses the operands.
        names: the box of each name in the graph. A label that is the name of another box would mislead, and one that
            is the name of the operand itself is redundant.
    """
    if box.kind != "folded" and (len(box.operands) < 2 or box.op in COMMUTATIVE):
        return [""] * len(box.operands)
    found = [printable(operand.name[max(operand.name.find("["), 0) :]) for operand in box.operands]
    misleads = any(names.get(label, operand.box) != operand.box for label, operand in zip(found, box.operands))
    if misleads and found == ["x", "y"]:
        return POWER if box.op in ("power", "^") else SIDES
    return [label if label not in names else "" for label in found]


def names(recording: Recording) -> dict[str, int]:
    """Return the box of each name; -1 for a name of several boxes."""
    found: dict[str, int] = {}
    for box in recording.boxes:
        if name(box):
            found[name(box)] = -1 if name(box) in found else box.id
    return found


def style(recording: Recording, box: Box) -> str:
    """Return how to draw a box: by its kind, or as "output" for the operation that computed the output."""
    return "output" if box.kind == "operation" and recording.is_output(box) else kind(box)


def notes(recording: Recording) -> list[str]:
    """Explain the symbols that appear among or instead of the numbers, if there are any."""
    readings = [(reading, box) for box in recording.boxes for reading in (box.value, box.gradient)]
    spread = any("±" in line for reading, box in readings for line in lines(reading, box))
    missing = {reading for reading, _ in readings if isinstance(reading, str)}
    return ["mean ± standard deviation"] * spread + [note for why, note in NOTES.items() if why in missing]


def remedies(recording: Recording) -> list[str]:
    """Return sentences that name the missing arrays and say how to make each available.

    Only arrays that the user passed are named, as everything else can be recomputed from them.
    """
    users: dict[int, tuple[Box, str]] = {}
    for box in recording.boxes:
        for operand in box.operands:
            users.setdefault(operand.box, (box, operand.name))
    lost = [(box, reason) for box in recording.boxes if box.op is None and (reason := GONE.get(_missing(box)))]
    sentences = [f"? {_source(recording, box, *users[box.id])} {reason}" for box, reason in lost if box.id in users]
    more = len(sentences) - MOST_REMEDIES
    return sentences if more <= 0 else [*sentences[:MOST_REMEDIES], f"{more} more arrays are gone in the same way."]


def _missing(box: Box) -> str:
    return box.value if isinstance(box.value, str) else ""


def _source(recording: Recording, box: Box, user: Box, argument: str) -> str:
    """Return how to refer to a missing array or leaf: its name, or where it was passed."""
    if name(box):
        return f"{shortened(name(box))}, passed to {full_title(user)},"
    around: list[str] = []
    at = user.group
    while at is not None:
        around.insert(0, group(recording.groups[at]))
        at = recording.groups[at].parent
    within = f" (in {' / '.join(around)})" if around else ""
    return f"The {kind(box)} {printable(argument)} of {full_title(user)}{within}"


def _details(reading: Reading, box: Box) -> str:
    if isinstance(reading, str):
        return NOTES[reading].lstrip("–? ")
    text = one_line(reading, box)
    if isinstance(reading, Summary) and "±" in text:
        text += f" (mean ± standard deviation), from {number(reading.min)} to {number(reading.max)}"
        text += f", {number(100 * reading.zeros)}% zeros" if reading.zeros > 0 else ""
        text += f", {reading.nans} NaN" if reading.nans else ""
    return text
