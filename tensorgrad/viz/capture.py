"""From a tensor to a `Recording`: walk its graph, and read what can be known of every value."""

from __future__ import annotations

import inspect
from collections.abc import Hashable, Mapping
from typing import Any
from weakref import ReferenceType

import numpy as np

from tensorgrad.graph import Node, topological_order
from tensorgrad.tensor import Tensor
from tensorgrad.viz.recording import Box, Kind, Operand, Reading, Recording, Summary
from tensorgrad.viz.replay import Replay, declared, identity, is_given, operand_name, replay

FEW = 6
"""Arrays of at most this many elements are recorded number by number."""


def capture(output: Tensor, *, values: bool = True) -> Recording:
    """The graph of `output` as it is now.

    Args:
        output: the tensor to start from. It, its graph and every `.grad` stay as they are.
        values: record values and gradients, for which the forward pass is computed once more (and the backward
            pass, if one was started from `output`).

    Interior gradients are those of the last `backward` from `output`. A tensor that keeps its gradient (a leaf, or
    one that was asked to retain it) shows its `.grad`, with all that has accumulated there.
    """
    if output.node is None:
        return Recording((_constant_box(0, output, output.array if values else None),))
    return _Capture(output, values).recording()


def summary(value: Any) -> Summary:
    """The `Summary` of an array or a number."""
    array = np.asarray(value)
    if array.size == 0:
        return Summary((), *[float("nan")] * 4)
    numbers = np.asarray(array, np.float64)
    with np.errstate(all="ignore"):
        few = tuple((array if array.dtype == bool else numbers).ravel().tolist()) if array.size <= FEW else ()
        return Summary(few, *(float(f(numbers)) for f in (np.mean, np.std, np.min, np.max)))


class _Capture:
    """The boxes recorded so far, and which operand has which box."""

    def __init__(self, output: Tensor, values: bool) -> None:
        assert output.node is not None
        self.output = output
        self.root: Node = output.node
        self.values = values
        self.order = topological_order([self.root])[::-1]
        self.replayed = replay(output) if values else Replay()
        self.altered = _altered_by_hooks(self.order)
        self.boxes: list[Box] = []
        self.ids: dict[Hashable, int] = {}

    def recording(self) -> Recording:
        for node in self.order:
            given = [position for position in range(len(node.inputs)) if is_given(node, position)]
            operands = tuple(self.operand(node, position) for position in given)
            self.ids[node] = len(self.boxes)
            self.boxes.append(self.box(node, operands))
        return Recording(tuple(self.boxes))

    def operand(self, node: Node, position: int) -> Operand:
        """One use; a constant is recorded where it is first used."""
        key = identity(node, position)
        if key not in self.ids:
            entry = node.inputs[position]
            source = entry() if isinstance(entry, ReferenceType) else entry
            self.ids[key] = len(self.boxes)
            value, missing = self.replayed.values.get(key), self.replayed.missing.get(key)
            self.boxes.append(_constant_box(len(self.boxes), source, value, missing))
        operation, name = declared(node), operand_name(node, position)
        if operation is not None and name == operation.sequence:
            name = f"{name}[{position - len(operation.inputs) + 1}]"
        return Operand(self.ids[key], name)

    def box(self, node: Node, operands: tuple[Operand, ...]) -> Box:
        kind: Kind = "leaf" if node.operation is None else "operation"
        tensor = self.output if node is self.root else node.tensor() if node.tensor is not None else None
        return Box(
            id=len(self.boxes),
            kind=kind,
            op=None if node.operation is None else node.operation.name,
            name=None if tensor is None or tensor.name is None else str(tensor.name),
            options=() if node.operation is None else _options(node),
            operands=operands,
            shape=node.shape,
            dtype=str(node.dtype),
            value=self.value(node) if self.values else None,
            gradient=self.gradient(node) if self.values else None,
        )

    def value(self, node: Node) -> Reading:
        return summary(self.replayed.values[node]) if node in self.replayed.values else self.replayed.missing[node]

    def gradient(self, node: Node) -> Reading:
        keeper = node.tensor() if node.collects and node.tensor is not None else None
        if keeper is not None:
            return "not computed" if keeper.grad is None else summary(keeper.grad)
        if self.root.seed is None:
            return "not computed"
        if node in self.altered:
            return "unrepeatable"
        if node is self.root:
            return summary(self.root.seed)
        if self.root in self.replayed.missing:
            return self.replayed.missing[self.root]
        return summary(self.replayed.gradients[node]) if node in self.replayed.gradients else "not computed"


def _altered_by_hooks(order: list[Node]) -> set[Node]:
    """The nodes whose gradient has been through a hook, which may do anything and must not be called again."""
    altered = {node for node in order if node.hooks}
    for node in reversed(order):
        if node in altered:
            altered.update(node.parents)
    return altered


def _constant_box(id: int, source: Any, value: Any, missing: Reading = None) -> Box:
    """The box of a value that wants no gradient.

    Args:
        id: its place in the recording.
        source: what the user gave, if it is still there.
        value: its numbers, if they are to be shown.
        missing: what to show instead, if there are none.
    """
    is_number = isinstance(source, (int, float)) and not isinstance(source, np.generic)
    if is_number:
        value = source
    known = value if value is not None else source
    return Box(
        id=id,
        kind="constant",
        op=None,
        name=str(source.name) if isinstance(source, Tensor) and source.name is not None else None,
        options=(),
        operands=(),
        shape=None if known is None else np.shape(known),
        dtype=None if known is None else "" if is_number else str(known.dtype),
        value=missing if value is None else summary(value),
        gradient=None,
    )


def _options(node: Node) -> tuple[tuple[str, str], ...]:
    operation = declared(node)
    if operation is None:
        return ()
    defaults: Mapping[str, inspect.Parameter] = inspect.signature(operation.forward).parameters
    return tuple(
        (name, _option_text(value))
        for name, value in node.options.items()
        if not (type(value) is type(defaults[name].default) and bool(np.all(value == defaults[name].default)))
    )


def _option_text(value: Any) -> str:
    """`value` as Python would write it, without what differs from run to run, such as addresses."""
    if isinstance(value, slice):
        ends = [_option_text(end) if end is not None else "" for end in (value.start, value.stop)]
        return ":".join([*ends, _option_text(value.step)] if value.step is not None else ends)
    if isinstance(value, tuple):
        return f"({', '.join(map(_option_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(_option_text, value))}]"
    if value is ...:
        return "..."
    if isinstance(value, np.ndarray):
        return f"{value.dtype} array {value.shape}"
    if isinstance(value, np.generic):
        return repr(value.item())
    if value is None or isinstance(value, (int, float, str)):
        return repr(value)
    return str(getattr(value, "__name__", None) or (value if isinstance(value, np.dtype) else type(value).__name__))
