"""Collect the derivative rules of a recorded graph as formulas in the graph's names."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tensorgrad.node import Node, Result
from tensorgrad.op import Operation
from tensorgrad.viz.formulas.algebra import constant, divided, is_simple, several, symbol, times
from tensorgrad.viz.formulas.pretty import mathematics
from tensorgrad.viz.formulas.rules import as_declared
from tensorgrad.viz.formulas.substitute import worked_out
from tensorgrad.viz.recording import Box, Recording
from tensorgrad.viz.recording.replay import declared, is_given, operand_name
from tensorgrad.viz.recording.symbols import gradient_symbols, symbols


@dataclass(frozen=True)
class Formula:
    """Gradient of one operand as a formula; fields are "" if not known.

    Attributes:
        rule: the rule as declared by the operation, such as `g * y`.
        formula: the rule with the names of the graph, such as `∂L/∂c · b`.
        local: ∂result/∂operand, such as `b`; "" unless both are scalars.
    """

    rule: str
    formula: str
    local: str


class Formulas:
    """Formulas of a graph, created on first use.

    Args:
        recording: the graph, whose names are used.
        nodes: the node that created each box, by the box's id.
    """

    def __init__(self, recording: Recording, nodes: Mapping[int, Node]) -> None:
        self.boxes = recording.boxes
        self.nodes = nodes
        self.symbols = symbols(recording)
        self.gradients = gradient_symbols(recording)
        self.known: dict[tuple[int, int], Formula] = {}

    def of(self, box: int, position: int) -> Formula:
        """Return the formula for the operand at `position` of the node of a box."""
        if (box, position) not in self.known:
            self.known[box, position] = self._made(self.boxes[box], self.nodes[box], position)
        return self.known[box, position]

    def _made(self, box: Box, node: Node, position: int) -> Formula:
        operation = declared(node)
        if operation is None or isinstance(node, Result):
            return Formula("", "", "")
        if operation.joint is not None:
            return self._joint(box, node, operation, position)
        rule: Any = operation.rules[position]
        g = self.gradients[box.id]
        names = self._names(box, node, operation, position)
        whole = worked_out(rule, names)
        if whole is None:
            arguments = ["g", *(operation.saves[min(position, len(operation.inputs) - 1)] or ())]
            known = ", ".join(mathematics(names[name]) for name in arguments if name in names)
            return Formula(as_declared(rule), _called(rule, known), "")
        slope = divided(whole, g)
        together = times(names["g"], slope) if slope is not None and not isinstance(whole, ast.Call) else whole
        scalar = box.shape == () and isinstance(node.inputs[position], Node) and node.inputs[position].shape == ()
        local = mathematics(slope) if slope is not None and scalar else ""
        return Formula(as_declared(rule), mathematics(together), local)

    def _joint(self, box: Box, node: Node, operation: Operation, position: int) -> Formula:
        """Return the call of a rule that has one result for each of several operands, including this one.

        Options and operands that were left out are omitted.
        """
        rule: Any = operation.joint
        if rule.__name__ == "<lambda>":
            return Formula("", "", "")
        names = self._names(box, node, operation, position)
        given = (names[name] for name in ("g", *(operation.saved_for(position) or ())))
        known = ", ".join(mathematics(each) for each in given if not isinstance(each, ast.Constant))
        return Formula(as_declared(rule), f"{_called(rule, known)}[{position}]", "")

    def _several(self, box: Box, symbols: Sequence[str], absent: Callable[[str], ast.expr]) -> ast.expr:
        """Return the formula of the results of a call, or of their gradients; `absent` creates those without a box."""
        parts = {name: absent(name) for name in box.results}
        for each in self.boxes:
            if each.operands and each.operands[0].box == box.id:
                parts[each.operands[0].name] = symbol(symbols[each.id], each.shape)
        return several(parts, f"({', '.join(map(mathematics, parts.values()))})")

    def _names(self, box: Box, node: Node, operation: Operation, position: int) -> dict[str, ast.expr]:
        """Return the formula for each name that a rule may use."""
        texts = dict(box.options)
        names: dict[str, ast.expr] = {
            name: constant(value) if is_simple(value) else symbol(texts.get(name, name), None)
            for name, value in node.options.items()
        }
        names["g"] = symbol(self.gradients[box.id], box.shape)
        names["out"] = symbol(self.symbols[box.id], box.shape)
        for name in operation.keep:
            names[name] = symbol(f"{box.op}.{name}" if name in self.symbols else name, None)
        if box.results:
            names["g"] = self._several(box, self.gradients, lambda _: constant(0))
            names["out"] = self._several(box, self.symbols, lambda name: symbol(f"{box.op}.{name}", None))
        if operation.sequence is not None:
            names["index"] = constant(position - len(operation.inputs) + 1)
        operands = iter(box.operands)
        items: list[ast.expr] = []
        for place in range(len(node.inputs)):
            operand = self._operand(self.boxes[next(operands).box]) if is_given(node, place) else constant(None)
            name = operand_name(node, place)
            if name == operation.sequence:
                items.append(operand)
            else:
                names[name] = operand
        if operation.sequence is not None:
            names[operation.sequence] = ast.List(items, ast.Load())
        for name in operation.inputs:
            shape = [_shape(item) for item in items] if name == operation.sequence else _shape(names[name])
            names.setdefault(f"{name}_shape", constant(shape))
        return names

    def _operand(self, box: Box) -> ast.expr:
        """Return a Python number as a constant, so that it can be computed with; other operands as their symbol."""
        if box.dtype == "" and box.value is not None and not isinstance(box.value, str):
            return constant(_plain(box.value.numbers[0]))
        return symbol(self.symbols[box.id], box.shape)


def _called(rule: Any, arguments: str) -> str:
    return "" if rule.__name__ == "<lambda>" else f"{rule.__name__.strip('_')}({arguments})"


def _plain(number: float) -> float:
    """Return integral floats as integers: 2.0 is written as 2."""
    return int(number) if not isinstance(number, bool) and number == int(number) else number


def _shape(operand: ast.expr) -> Any:
    return getattr(operand, "shape", ())
