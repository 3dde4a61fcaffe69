"""Chain rule at one operand of a recorded graph, in symbols, numbers and shapes."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Literal

from tensorgrad.viz.recording import Box, Contribution, Event, Reading, Recording, labels
from tensorgrad.viz.recording.symbols import gradient_symbols, symbols

SIGNS = {"add": "+", "subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}
"""Operations that are written between their operands."""

Equation = tuple[tuple[str, str], ...]
"""Pieces of an equation, each with its number or shape. The first is the result, as in `("∂L/∂a", "6")`, and the second
the sign."""


class Notation:
    """Notation for the boxes of a recording.

    Attributes:
        symbols: the symbol of each box, by id.
        gradients: the symbol of the gradient of the output with respect to each box: `∂L/∂a`, or `dW` for arrays.
    """

    def __init__(self, recording: Recording) -> None:
        self.recording = recording
        self.symbols = symbols(recording)
        self.gradients = gradient_symbols(recording)
        self.shapes = self._shapes()
        self.boxes_by_name = self._boxes_by_name()
        longest_first = sorted(self.shapes, key=len, reverse=True)
        self.words = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, longest_first)) + r")(?![^\Wᵀ²³])")

    def _shapes(self) -> dict[str, str]:
        """Return the shape of each symbol in an equation of shapes."""
        shapes = {}
        for box in self.recording.boxes:
            if not labels.is_number(box) and not box.results:
                shape = "?" if box.shape is None else str(box.shape)
                shapes[self.symbols[box.id]] = shapes[self.gradients[box.id]] = shape
        return shapes

    def _boxes_by_name(self) -> dict[str, tuple[Box, Literal["value", "gradient"]]]:
        """Return for each name in a formula the box it belongs to, and whether it is the name of its gradient."""
        found: dict[str, tuple[Box, Literal["value", "gradient"]]] = {}
        for box in self.recording.boxes:
            found[self.gradients[box.id]] = box, "gradient"
            found[self.symbols[box.id]] = box, "value"
        return found

    def results(self, box: Box) -> list[int]:
        """Return the boxes of the results of a call with several results, as far as they are used."""
        if not box.results:
            return []
        return [each.id for each in self.recording.boxes if each.operands and each.operands[0].box == box.id]

    def upstream(self, box: Box) -> str:
        """Return the gradient that the rules of a box are called with; for several results, all their gradients."""
        return ", ".join(self.gradients[id] for id in self.results(box)) or self.gradients[box.id]

    def is_scalar(self, id: int) -> bool:
        """Return whether a box holds a single number and has no axes."""
        return self.recording.boxes[id].shape == ()

    def held(self, id: int) -> str:
        """Return where a gradient is stored: `a.grad` for leaves, as in Python. Interior gradients are not stored."""
        return f"{self.symbols[id]}.grad" if self.recording.boxes[id].kind == "leaf" else self.gradients[id]

    def call(self, box: Box) -> tuple[str, str]:
        """Return an operation as it would be written, with the symbols of its operands and their numbers or shapes."""
        source = self.recording.boxes[box.operands[0].box] if box.operands else box
        if source.results and source is not box:
            written = labels.result(self.symbols[source.id], box.operands[0].name)
            return written, written
        scalar = self.is_scalar(box.id)
        operands = [self.symbols[operand.box] for operand in box.operands]
        inserted = [self._number(operand.box) if scalar else self._shape(operand.box) for operand in box.operands]
        return self._written(box, operands), self._written(box, inserted)

    def _written(self, box: Box, operands: list[str]) -> str:
        if box.op in SIGNS and len(operands) == 2:
            return f"{operands[0]} {SIGNS[box.op]} {operands[1]}"
        return f"{box.op}({', '.join([*operands, *[labels.options(box)] * bool(box.options)])})"

    def _number(self, id: int) -> str:
        """Return the value of a box, in brackets if it consists of several numbers."""
        text = labels.one_line(self.recording.boxes[id].value, self.recording.boxes[id])
        return f"[{text}]" if "," in text or ";" in text else text

    def _shape(self, id: int) -> str:
        box = self.recording.boxes[id]
        return self._number(id) if labels.is_number(box) else str(box.shape)

    def partial(self, event: Event, given: Contribution) -> str:
        """Return the symbol of the local derivative: `∂c/∂a`, or `∂c/∂a⁽¹⁾` for one of several uses, which add up to
        ∂c/∂a.
        """
        box = self.recording.boxes[event.box]
        target = box.operands[given.operand].box
        uses = [place for place, operand in enumerate(box.operands) if operand.box == target]
        one = f"⁽{str(uses.index(given.operand) + 1).translate(_SUPERSCRIPTS)}⁾" if len(uses) > 1 else ""
        whole = self.symbols[box.id]
        if box is self.recording.boxes[-1] and not one and self._is_used_elsewhere(target, box):
            whole = f"({self.call(box)[0]})"  # ∂L/∂a is the sum over all uses
        return f"∂{whole}/∂{self.symbols[target]}{one}"

    def _is_used_elsewhere(self, target: int, box: Box) -> bool:
        others = (each for each in self.recording.boxes if each is not box)
        return any(operand.box == target for each in others for operand in each.operands)

    def chain(self, event: Event, given: Contribution, sign: str = "+=") -> Equation:
        """Return what a scalar receives: upstream times slope. `sign` is "=" if it replaces the previous value."""
        target = self.recording.boxes[event.box].operands[given.operand].box
        upstream = labels.one_line(event.upstream, self.recording.boxes[event.box])
        value = labels.one_line(given.value, self.recording.boxes[target])
        return (
            (self.gradients[target], value),
            (sign, "="),
            (self.gradients[event.box], upstream),
            ("·", "×"),
            (self.partial(event, given), labels.number(given.slope) if given.slope is not None else "?"),
        )

    def slope_words(self, event: Event, given: Contribution) -> str:
        """Explain where the local derivative comes from."""
        symbol = self.symbols[event.box]
        call, _ = self.call(self.recording.boxes[event.box])
        slope = labels.number(given.slope) if given.slope is not None else "?"
        partial = self.partial(event, given)
        middle = f" = {given.local}" if given.local and given.local != slope else ""
        return f"{symbol} = {call}, so {partial}{middle} = {slope}."

    def vjp(self, event: Event, given: Contribution, arrived: Mapping[int, Reading], sign: str = "+=") -> Equation:
        """Return what the rule computes for an operand, with shapes; for scalars, with numbers.

        Args:
            event, given: the rule's call, and what it contributes.
            arrived: the gradients so far, by the ids of the boxes.
            sign: "=" if the contribution replaces the previous value.
        """
        box = self.recording.boxes[event.box]
        target = box.operands[given.operand].box
        formula = self.formula(event, given)
        if given.formula and self._all_scalars(box):
            value = labels.one_line(given.value, self.recording.boxes[target])
            return (self.gradients[target], value), (sign, "="), (formula, self.in_numbers(formula, arrived))
        if given.given_shape != self.recording.boxes[target].shape:
            return ("the rule's result", str(given.given_shape)), ("=", "←"), (formula, self.in_shapes(formula))
        return (self.gradients[target], str(given.given_shape)), (sign, "←"), (formula, self.in_shapes(formula))

    def formula(self, event: Event, given: Contribution) -> str:
        """Return the rule in this graph's names; if its source is not available, the name of the operation."""
        box = self.recording.boxes[event.box]
        return given.formula or f"{box.op} rule({self.upstream(box)})"

    def in_shapes(self, formula: str) -> str:
        """Return `formula` with shapes in place of names."""
        return self.words.sub(lambda found: self.shapes[found[1]], formula)

    def _all_scalars(self, box: Box) -> bool:
        ids = [*(operand.box for operand in box.operands), *(self.results(box) or [box.id])]
        return all(map(self.is_scalar, ids))

    def in_numbers(self, formula: str, arrived: Mapping[int, Reading]) -> str:
        """Return `formula` with numbers in place of names, negative ones in parentheses."""
        numbers: dict[str, str] = {}
        for box in self.recording.boxes:
            for name, reading in ((self.symbols[box.id], box.value), (self.gradients[box.id], arrived.get(box.id))):
                number = labels.one_line(reading, box)
                numbers[name] = f"({number})" if number.startswith("-") else number
        return self.words.sub(lambda found: numbers[found[1]] or "?", formula)

    def _summed_axes(self, target: int, given: Contribution) -> list[int]:
        """Return the axes along which the operand was broadcast."""
        shape = self.recording.boxes[target].shape or ()
        extra = len(given.given_shape) - len(shape)
        return [axis for axis, size in enumerate(given.given_shape) if axis < extra or size != shape[axis - extra]]

    def wide_words(self, target: int, given: Contribution) -> str:
        """Explain why the result of a rule is larger than the operand."""
        symbol, shape = self.symbols[target], self.recording.boxes[target].shape
        shown = labels.one_line(given.given, self._like(target, given))
        return f"{symbol} was broadcast from {shape} to {given.given_shape}: the rule returns that shape, {shown}."

    def _like(self, target: int, given: Contribution) -> Box:
        """Return a placeholder for the array that a rule returned, to format its numbers."""
        box = self.recording.boxes[target]
        return Box(target, box.kind, None, None, (), (), given.given_shape, box.dtype, given.given, None)

    def sum_words(self, target: int, given: Contribution) -> str:
        """Explain why the result of a rule is summed."""
        symbol, shape = self.symbols[target], self.recording.boxes[target].shape
        times = math.prod(given.given_shape[axis] for axis in self._summed_axes(target, given))
        if times == 1:
            return f"{symbol} has fewer axes: the extra axes of length 1 are removed."
        subject = symbol if shape is None or math.prod(shape) == 1 else f"Each element of {symbol}"
        return f"{subject} was used {times} times, so its {times} gradients are added up."

    def sum_down(self, target: int, given: Contribution, sign: str = "+=") -> Equation:
        """Describe unbroadcasting: the the rule's result is summed to the operand's shape."""
        axes = self._summed_axes(target, given)
        formula = f"sum over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}"
        return (
            (self.gradients[target], str(self.recording.boxes[target].shape)),
            (sign, "←"),
            (formula, str(given.given_shape)),
        )


def on_one_line(terms: Equation) -> str:
    """Return an equation as text, with numbers or shapes.

    >>> on_one_line((("∂L/∂a", "6"), ("+=", "="), ("∂L/∂c", "2"), ("·", "×"), ("∂c/∂a", "3")))
    '∂L/∂a += ∂L/∂c · ∂c/∂a = 2 × 3 = 6'
    >>> on_one_line((("dW", "(3, 2)"), ("+=", "←"), ("xᵀ @ dY", "(4, 3)ᵀ @ (4, 2)")))
    'dW += xᵀ @ dY   (4, 3)ᵀ @ (4, 2) → (3, 2)'
    """
    (left, result), (sign, arrow), *rest = terms
    symbols, numbers = (" ".join(each) for each in zip(*rest))
    if arrow == "←":
        return f"{left} {sign} {symbols}   {f'{numbers} ' * (numbers != symbols)}→ {result}"
    return f"{left} {sign} {symbols} = {f'{numbers} = ' * (numbers != symbols)}{result}"


def edge_label(partial: str, given: Contribution) -> tuple[str, str]:
    """Return the label at the edge of a scalar operand: the local derivative as a formula, and its value.

    >>> edge_label("∂c/∂a", Contribution(0, "g * y", "∂L/∂c · b", "b", 3.0, (), None, None, None))
    ('∂c/∂a = b', '= 3')
    """
    number = labels.number(given.slope) if given.slope is not None else "?"
    formula = f" = {given.local}" if given.local and given.local != number else ""
    return f"{partial}{formula}", f"= {number}"


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
