"""Create a `Recording` from a tensor: walk its graph and record every value that is available."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import Any
from weakref import ReferenceType, ref

import numpy as np
from numpy.typing import NDArray

from tensorgrad._operands import Constant
from tensorgrad._typing import ArrayLike
from tensorgrad.backward import backpropagate, topological_order
from tensorgrad.node import LIVE, Node, Result
from tensorgrad.tensor import Tensor
from tensorgrad.viz.formulas import Formulas
from tensorgrad.viz.recording import Box, Kind, Operand, Pass, Reading, Recording, labels
from tensorgrad.viz.recording.finite_differences import checks as checks_of
from tensorgrad.viz.recording.modules import grouping
from tensorgrad.viz.recording.options import options_of
from tensorgrad.viz.recording.passes import Lesson
from tensorgrad.viz.recording.passes import passes as told
from tensorgrad.viz.recording.replay import (
    WHY,
    Replay,
    constants,
    declared,
    identity,
    is_constant_leaf,
    is_given,
    operand_name,
    replay,
)  # fmt: skip
from tensorgrad.viz.recording.summaries import FEW, SIDE, side_for, summary

READINGS = 3
"""How many heatmaps a box may have: of its value, its gradient, and its gradient in the right pass."""


def capture(
    output: Tensor | Sequence[Tensor],
    *,
    values: bool = True,
    detail: bool | int = False,
    passes: bool = False,
    checks: bool = False,
    gradient: ArrayLike | None = None,
) -> Recording:
    """Record the graph of `output` as it is now.

    Args:
        output: the tensor to start from, or several. The tensors, their graph and every `.grad` are left unchanged.
        values: record values and gradients. This repeats the forward pass, and also the backward pass if one was
            started from `output`.
        detail: also record a histogram and a heatmap of each array with more than a few elements. The more arrays there
            are, the smaller the heatmaps; see `summaries.CELLS`. An integer is the largest number of rows and columns.
        passes: record a backward pass from `output` step by step, and the incorrect passes of `passes.py` if the graph
            is small. `backward` may have been called before, as long as the values, or the arrays saved for the rules,
            are still available. Hooks are not called; `folded` then says so.
        checks: check the gradient of every leaf against finite differences.
        gradient: for `passes` and `checks`, the initial gradient, with the shape of the output. Defaults to 1 for an
            output with a single element.

    Interior gradients are those of the last `backward` from `output`. A tensor that keeps its gradient (a leaf, or a
    tensor with a retained gradient) shows its accumulated `.grad`.

    Raises:
        RuntimeError: `passes` or `checks` is set and the tensor has no graph, or `passes` is set and the rules cannot
            be called again because an array was freed or changed.
        ValueError: `passes` or `checks` is set, and `output` has several elements without a `gradient`, or `gradient`
            has another shape.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> recording = capture(x * x, passes=True)
    >>> [(given.formula, given.total.numbers) for given in recording.passes[0].events[0].contributions]
    [('∂L/∂L · x', (3.0,)), ('∂L/∂L · x', (6.0,))]
    """
    outputs = (output,) if isinstance(output, Tensor) else tuple(output)
    seed = outputs[0].seed_gradient(gradient) if passes or checks else None
    side = SIDE if detail is True else int(detail)
    without_graph = [each for each in outputs if each.node is None]
    if len(without_graph) == len(outputs):
        boxes = (
            _constant_box(id, each.array, each.name, each.array if values else None, side=side)
            for id, each in enumerate(without_graph)
        )
        return Recording(tuple(boxes))
    capturing = _Capture(tuple(each for each in outputs if each.node is not None), values or seed is not None, side)
    recording = capturing.recording()
    if without_graph:
        first = len(recording.boxes)
        more = tuple(
            _constant_box(first + place, each.array, each.name, each.array if values else None, side=side)
            for place, each in enumerate(without_graph)
        )
        outputs_so_far = recording.outputs or (first - 1,)
        recording = replace(
            recording, boxes=recording.boxes + more, outputs=(*outputs_so_far, *(box.id for box in more))
        )
    if passes and seed is not None:
        recording = replace(recording, passes=capturing.passes(recording, seed), folded=capturing.hooks())
    if checks and seed is not None:
        recording = replace(recording, boxes=capturing.checked(seed))
    return recording


class _Capture:
    """Boxes recorded so far, and the box of each operand."""

    def __init__(self, outputs: tuple[Tensor, ...], values: bool, most: int) -> None:
        self.roots = list(dict.fromkeys(_node(output) for output in outputs))
        self.root = self.roots[0]
        self.values = values
        self.order = topological_order(self.roots)[::-1]
        self.replayed = replay(*outputs) if values else Replay()
        self.constants = constants(self.order)
        self.gradients = self._gradients_again()
        self.altered = _altered_by_hooks(self.order)
        self.grouping = grouping(self.order)
        many = sum(np.size(value) > FEW for value in self.replayed.values.values()) if most else 0
        self.side = min(most, side_for(READINGS * many))
        self.boxes: list[Box] = []
        self.ids: dict[Hashable, int] = {}
        self.sources: dict[int, ReferenceType[Any] | None] = {}

    def recording(self) -> Recording:
        for node in self.order:
            if is_constant_leaf(node):
                self.ids[node] = self.constant_leaf(node)
                continue
            given = [position for position in range(len(node.inputs)) if is_given(node, position)]
            operands = tuple(self.operand(node, position) for position in given)
            self.ids[node] = len(self.boxes)
            self.boxes.append(self.box(node, operands))
        outputs = tuple(self.ids[root] for root in self.roots) if len(self.roots) > 1 else ()
        return Recording(self._with_shared_groups(), self.grouping.groups, outputs=outputs)

    def operand(self, node: Node, position: int) -> Operand:
        """Return one use of a box. A constant is recorded when it is first used."""
        key = identity(node, position)
        if key not in self.ids:
            entry = node.inputs[position]
            source = entry() if isinstance(entry, ReferenceType) else entry
            name_of_source = source.name if isinstance(source, (Tensor, Constant)) else None
            source = source.array if isinstance(source, (Tensor, Constant)) else source
            self.ids[key] = len(self.boxes)
            kept = source if isinstance(source, np.ndarray) else None
            self.sources[len(self.boxes)] = entry if isinstance(entry, ReferenceType) or kept is None else ref(kept)
            value, missing = self.replayed.values.get(key), self.replayed.missing.get(key)
            self.boxes.append(_constant_box(len(self.boxes), source, name_of_source, value, missing, self.side))
        if isinstance(node, Result):
            return Operand(self.ids[key], _result_names(node.inputs[0])[node.index])
        operation, name = declared(node), operand_name(node, position)
        if operation is not None and name == operation.sequence:
            name = f"{name}[{position - len(operation.inputs) + 1}]"
        return Operand(self.ids[key], name)

    def constant_leaf(self, node: Node) -> int:
        """Return the box of a constant that has a node. Operations without this node have the same array as operand."""
        key = id(node.array)
        if key not in self.ids:
            self.ids[key] = len(self.boxes)
            self.sources[len(self.boxes)] = node.tensor
            value = node.array if self.values else None
            self.boxes.append(_constant_box(len(self.boxes), node.array, node.name, value, side=self.side))
        return self.ids[key]

    def box(self, node: Node, operands: tuple[Operand, ...]) -> Box:
        kind: Kind = "leaf" if node.operation is None else "operation"
        self.sources[len(self.boxes)] = node.tensor
        name = getattr(node, "name", None)
        return Box(
            id=len(self.boxes),
            kind=kind,
            op=None if node.operation is None else _title(node),
            name=None if name is None else str(name),
            options=() if node.operation is None or isinstance(node, Result) else options_of(node),
            operands=operands,
            shape=None if _has_several_results(node) else node.shape,
            dtype=None if _has_several_results(node) else str(node.dtype),
            value=self.value(node) if self.values and not _has_several_results(node) else None,
            gradient=self.gradient(node) if self.values and not _has_several_results(node) else None,
            group=self.grouping.of.get(node),
            results=_result_names(node) if _has_several_results(node) else (),
        )

    def value(self, node: Node) -> Reading:
        known = self.replayed.values.get(node)
        return self.replayed.missing[node] if known is None else summary(known, self.side)

    def gradient(self, node: Node) -> Reading:
        if node in self.constants:
            return None
        keeper = node.tensor() if node.collects and node.tensor is not None else None
        if keeper is not None:
            return "not computed" if keeper.grad is None else summary(keeper.grad, self.side)
        seeded = [root for root in self.roots if root.seed is not None]
        if not seeded:
            return "not computed"
        if node in self.altered:
            return "unrepeatable"
        if node in self.gradients:
            return summary(self.gradients[node], self.side)
        if node in seeded:
            return summary(node.seed, self.side)
        lost = [self.replayed.missing[root] for root in seeded if root in self.replayed.missing]
        return lost[0] if lost else "not computed"

    def checked(self, seed: NDArray[Any]) -> tuple[Box, ...]:
        """Return the boxes with the result of the finite-difference check on each leaf."""
        found = {self.ids[node]: check for node, check in checks_of(self.order, self.replayed, seed).items()}
        return tuple(replace(box, check=found[box.id]) if box.id in found else box for box in self.boxes)

    def passes(self, recording: Recording, seed: NDArray[Any]) -> tuple[Pass, ...]:
        """Run backward passes over the graph, replayed if possible.

        Raises:
            RuntimeError: the rules cannot be called again.
        """
        again = self._graph_again()
        ids = {again[node]: self.ids[node] for node in self.order if node in again}
        formulas = Formulas(recording, {id: node for node, id in ids.items()})
        return told(Lesson(again[self.root], seed, ids, formulas, self.side))

    def _graph_again(self) -> dict[Node, Node]:
        """Return for each node one whose rules may be called: the replayed node, or the node itself if the replay has
        gaps.
        """
        again = {node: tensor.node for node, tensor in self.replayed.tensors.items() if tensor.node is not None}
        again.update({node.inputs[0]: new.inputs[0] for node, new in again.items() if isinstance(node, Result)})
        lost = [node for node in self.order if node not in again and node not in self.constants]
        if not lost:
            return again
        kept = all(node.state is LIVE and not node.hooks for node in self.order)
        if kept and "changed" not in self.replayed.missing.values():
            return {node: node for node in self.order}
        missing, why = self.boxes[self.ids[lost[0]]], self.replayed.missing[lost[0]]
        reasons = [f"{missing.name or missing.op or missing.kind} {missing.shape} {WHY[why]}."]
        if why in labels.GONE:
            reasons = labels.remedies(Recording(tuple(self.boxes), self.grouping.groups)) or reasons
        raise RuntimeError(
            f"walkthrough: the backward pass cannot be shown. {' '.join(each.removeprefix('? ') for each in reasons)} "
            "Then compute the output again, and call walkthrough before backward()."
        )

    def hooks(self) -> tuple[str, ...]:
        """Return the note about hooks, if there are any."""
        count = sum(bool(node.hooks) for node in self.order)
        tensors = f"{count} tensor{'s' * (count > 1)}"
        return (f"The hooks of {tensors} are not called here, so backward() may give other gradients.",) * (count > 0)

    def _gradients_again(self) -> dict[Node, Any]:
        """Return the gradient of each node in the last backward passes from the outputs, as far as there were any and
        they are available.
        """
        tensors = self.replayed.tensors
        seeds = {_node(tensors[root]): root.seed for root in self.roots if root.seed is not None and root in tensors}
        if not seeds:
            return {}
        nodes = {tensor.node: node for node, tensor in tensors.items() if tensor.node is not None}
        with np.errstate(all="ignore"):
            found = backpropagate(seeds, release=False, towards=nodes)
        return {nodes[node]: gradient for node, gradient in found.items()}

    def _with_shared_groups(self) -> tuple[Box, ...]:
        """Return the boxes, with leaves and constants in the innermost group that contains all their uses.

        The arguments of a module call are placed outside its group.
        """
        groups: dict[int, int | None] = {}
        for box in self.boxes:
            for operand in box.operands:
                if self.boxes[operand.box].kind != "operation":
                    so_far = groups.get(operand.box, box.group)
                    groups[operand.box] = self.grouping.common(so_far, box.group)
        for id, group in groups.items():
            self.boxes[id] = replace(self.boxes[id], group=self.grouping.outside(group, self.sources.get(id)))
        return tuple(self.boxes)


def _altered_by_hooks(order: list[Node]) -> set[Node]:
    """Return the nodes whose gradient has passed through a hook. Hooks may have side effects and must not be called
    again.
    """
    altered = {node for node in order if node.hooks}
    for node in reversed(order):
        if node in altered:
            altered.update(node.parents)
    return altered


def _node(tensor: Tensor) -> Node:
    assert tensor.node is not None
    return tensor.node


def _has_several_results(node: Node) -> bool:
    """Return whether `node` is a call whose results have separate nodes."""
    return isinstance(node.dtype, tuple)


def _title(node: Node) -> str:
    """Return the name of an operation; for one of several results, followed by the result's name, as in `svd.S`."""
    name: str = node.operation.name
    return labels.result(name, _result_names(node.inputs[0])[node.index]) if isinstance(node, Result) else name


def _result_names(call: Node) -> tuple[str, ...]:
    """Return the names of the results of a call, or `[0]`, `[1]`, … if they have none."""
    fields: tuple[str, ...] | None = getattr(call.operation.results, "_fields", None)
    return fields or tuple(f"[{index}]" for index in range(len(call.shape)))


def _constant_box(id: int, source: Any, name: str | None, value: Any, missing: Reading = None, side: int = 0) -> Box:
    """Return the box of a value that requires no gradient.

    Args:
        id: index in the recording.
        source: the number or array that the user passed, if it still exists.
        name: name of the tensor.
        value: the value, if it is to be shown.
        missing: what to show if there is no value.
        side: side length of the heatmap, if any.
    """
    is_number = isinstance(source, (int, float)) and not isinstance(source, np.generic)
    if is_number:
        value = source
    known = value if value is not None else source
    return Box(
        id=id,
        kind="constant",
        op=None,
        name=None if name is None else str(name),
        options=(),
        operands=(),
        shape=None if known is None else np.shape(known),
        dtype=None if known is None else "" if is_number else str(known.dtype),
        value=missing if value is None else summary(value, side),
        gradient=None,
    )
