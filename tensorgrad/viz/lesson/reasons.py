"""Explain the rule of an operation in the symbols of a graph."""

from __future__ import annotations

import math

from tensorgrad.viz.lesson.equations import Notation
from tensorgrad.viz.lesson.sentences import sentence
from tensorgrad.viz.recording import Contribution, Event, Summary, labels


class _Symbols(dict[str, str]):
    """Symbols by name. An argument that is not a box of the graph, such as an option, keeps its name."""

    def __missing__(self, name: str) -> str:
        return name


def reason(notation: Notation, event: Event, given: Contribution) -> str:
    """Return a sentence that explains a rule. For an operation that a user declared, it quotes the rule."""
    boxes = notation.recording.boxes
    box = boxes[event.box]
    op, operand = box.op or "", box.operands[given.operand]
    target = boxes[operand.box]
    if op == "relu":
        return _relu(notation, event, given)
    text = sentence(op, operand.name)
    if text is None:
        if given.rule and not given.rule.startswith("_"):
            return f"{op} declares this rule for its argument {operand.name}: {given.rule}."
        return f"{op} computes the gradient of its argument {operand.name} in {given.rule or 'a separate function'}."
    count = math.prod(target.shape or ()) // max(math.prod(box.shape or ()), 1)
    if op in ("sum", "mean") and count == 1:
        return (
            f"There is only one element, so the gradient passes unchanged: {notation.symbols[target.id]} receives it."
        )
    symbols = _Symbols({each.name: notation.symbols[each.box] for each in box.operands})
    symbols |= {
        "target": notation.symbols[target.id],
        "result": notation.symbols[box.id],
        "up": notation.upstream(box),
        "count": str(count),
    }
    return text.format_map(symbols)


def _relu(notation: Notation, event: Event, given: Contribution) -> str:
    box = notation.recording.boxes[event.box]
    target = notation.recording.boxes[box.operands[given.operand].box]
    words = f"relu passes the gradient on where {notation.symbols[target.id]} was positive, and 0 elsewhere"
    if not isinstance(box.value, Summary) or not target.shape:
        return f"{words}."
    count = math.prod(target.shape)
    passing = round((1 - box.value.zeros) * count)
    return f"{words}: here {labels.number(passing)} of {labels.number(count)} elements pass."
