"""Compact form of a recording: operations as symbols, with Python numbers written into them."""

from __future__ import annotations

from dataclasses import replace

from tensorgrad.viz.folding.contract import rebuilt
from tensorgrad.viz.recording import Box, Operand, Recording, Summary, labels

SYMBOLS = {
    "add": "+",
    "subtract": "−",
    "multiply": "×",
    "divide": "÷",
    "power": "^",
    "matmul": "@",
    "negative": "−( )",
    "square": "( )²",
    "reciprocal": "1 ÷ ( )",
    "sqrt": "√",
    "sum": "Σ",
    "prod": "Π",
    "absolute": "|( )|",
    "transpose": "( )ᵀ",
}
"""Symbols of operations. Parentheses mark the position of the operand."""

BETWEEN = "+−×÷^@"
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def is_scalar(recording: Recording) -> bool:
    """Return whether every value of the graph is a single number without axes."""
    return all(box.shape == () for box in recording.boxes)


def compact(recording: Recording) -> Recording:
    """Return the recording with symbols for operations, and Python numbers in the operations that use them.

    >>> import tensorgrad as tg
    >>> from tensorgrad.viz.recording.capture import capture
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> [labels.full_title(box) for box in compact(capture((2 * x - 1) ** 2)).boxes]
    ['x', '2 ×', '− 1', '( )²']
    """
    boxes = [_compact(recording, box) for box in recording.boxes]
    used = {operand.box for box in boxes for operand in box.operands}
    kept = [box for box in boxes if not labels.is_number(box) or box.id in used or recording.is_output(box)]
    if all(new is old for new, old in zip(boxes, recording.boxes)):
        return recording
    groups = {group.id: group for group in recording.groups}
    return rebuilt(recording, kept, range(len(boxes)), groups)


def _compact(recording: Recording, box: Box) -> Box:
    if box.op == "getitem" and [name for name, _ in box.options] == ["index"]:
        return replace(box, op=f"[{box.options[0][1].removeprefix('(').removesuffix(')')}]", options=())
    if box.op not in SYMBOLS or (box.op == "transpose" and box.options):
        return box
    symbol = SYMBOLS[box.op]
    if symbol not in BETWEEN or len(box.operands) != 2:
        return replace(box, op=symbol)
    return _with_numbers(recording, replace(box, op=symbol), symbol)


def _with_numbers(recording: Recording, box: Box, sign: str) -> Box:
    """Return an operation on two operands with a Python number among them moved into its symbol."""
    left, right = (_number(recording, operand) for operand in box.operands)
    if (left is None) == (right is None):
        return box
    if left is not None:
        symbol = f"{left} {sign}" if sign in "+×" else f"{left} {sign} ( )"
        return replace(box, op=symbol, operands=box.operands[1:])
    assert right is not None
    symbol = f"{sign} {right}"
    if sign == "^":
        exponent = right.translate(SUPERSCRIPTS) if right.lstrip("-").isdecimal() else f"^{right}"
        symbol = f"( ){exponent}"
    return replace(box, op=symbol, operands=box.operands[:1])


def _number(recording: Recording, operand: Operand) -> str | None:
    source = recording.boxes[operand.box]
    if not labels.is_number(source) or not isinstance(source.value, Summary):
        return None
    return labels.number(source.value.numbers[0])
