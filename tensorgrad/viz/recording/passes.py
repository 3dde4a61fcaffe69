"""Backward passes step by step: the correct one, as run by the engine, and incorrect ones with common mistakes.

The correct pass is recorded while the engine runs it. The incorrect passes call the same rules, but accumulate
gradients or visit the nodes in a way that is a common mistake.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.backward import backpropagate, call_rules, topological_order, unbroadcast
from tensorgrad.node import Node, Result
from tensorgrad.viz.formulas import Formulas
from tensorgrad.viz.recording import Contribution, Event, Pass, PassKind
from tensorgrad.viz.recording.replay import is_given
from tensorgrad.viz.recording.summaries import summary

MOST = 150
"""The wrong passes are for graphs of at most this many boxes: in larger ones nobody would find the mistake."""

ORDERS = ("depth first", "depth first, from the last operand", "breadth first")
"""In which one might go through a graph, each a mistake in some graph."""

Gradients = dict[Node, NDArray[Any]]


@dataclass(frozen=True)
class Lesson:
    """Starting point of a backward pass.

    Attributes:
        root: the output's node, in a graph without hooks whose saved arrays are all available.
        seed: the initial gradient.
        ids: the box of each node.
        formulas: the formulas of those boxes.
        side: side length of the heatmaps of the correct gradients, if any.
    """

    root: Node
    seed: NDArray[Any]
    ids: Mapping[Node, int]
    formulas: Formulas
    side: int = 0


def passes(lesson: Lesson) -> tuple[Pass, ...]:
    """Return the correct pass, and those incorrect passes whose result differs from it."""
    with np.errstate(all="ignore"):
        right = _right(lesson, {})
        found = [right.told("right", lesson.side)]
        if len(lesson.formulas.boxes) <= MOST:
            hasty = (_hasty(lesson, order) for order in ORDERS)
            wrong = next((story for story in hasty if story.early and story.differs_from(right)), None)
            if wrong is not None:
                found.append(wrong.told("naive order"))
            overwritten = _overwriting(lesson)
            if overwritten.differs_from(right):
                found.append(overwritten.told("overwritten"))
            first = {node: gradient for node, gradient in right.totals.items() if node.operation is None}
            if first:
                found.append(_right(lesson, first).told("not zeroed"))
    return tuple(found)


class _Story:
    """Record of one pass.

    Attributes:
        totals: what has arrived at each node so far.
        before: the gradients of leaves before the pass began; they are included in the totals.
        early: the boxes whose rules ran before all contributions had arrived.
    """

    def __init__(self, lesson: Lesson, before: Gradients) -> None:
        self.totals: Gradients = {lesson.root: lesson.seed}
        self.before = before
        self.ids = lesson.ids
        self.formulas = lesson.formulas
        self.early: list[int] = []
        self.events: list[tuple[int, Any, list[Contribution]]] = []
        self.results: dict[Node, list[Result]] = {}
        for node in self.ids:
            if isinstance(node, Result):
                self.results.setdefault(node.inputs[0], []).append(node)

    def observe(self, node: Node, gradient: Any, wanted: Container[Node] | None) -> Iterator[tuple[int, Any]]:
        """Yield what the rules of `node` contribute, and record it."""
        for result in self.results.get(node, []):
            if result in self.totals:
                self.begin(result, self.totals[result])
        self.begin(node, gradient)
        for position, contribution in node.operation.call(node, gradient, wanted):
            yield position, contribution
            parent = node.inputs[position]
            fitted = _fitted(contribution, parent, node)
            total = self.totals[parent] + fitted if parent in self.totals else fitted
            self.add(node, position, contribution, fitted, total)

    def arrived(self, node: Node) -> Any:
        """Return the gradient that has arrived at a node, or None. For a call with several results it is a list."""
        if node not in self.results:
            return self.totals.get(node)
        gradients: list[Any] = [None] * len(node.shape)
        for result in self.results[node]:
            total, before = self.totals.get(result), gradients[result.index]
            gradients[result.index] = before if total is None else total if before is None else before + total
        return None if all(each is None for each in gradients) else gradients

    def begin(self, node: Node, gradient: Any) -> None:
        """Record that the rules of `node` are about to be called with the gradient that has arrived there."""
        self.events.append((self.ids[node], None if isinstance(gradient, list) else summary(gradient), []))

    def add(self, node: Node, position: int, given: Any, contribution: Any, total: Any) -> None:
        """Record a contribution: the rule's result, its value in the operand's shape, and the operand's new total."""
        parent = node.inputs[position]
        self.totals[parent] = total
        formula = self.formulas.of(self.ids[node], position)
        shape = np.shape(given)
        self.events[-1][2].append(
            Contribution(
                operand=sum(is_given(node, earlier) for earlier in range(position)),
                rule=formula.rule,
                formula=formula.formula,
                local=formula.local,
                slope=_slope(node, position),
                given_shape=shape,
                given=summary(given) if shape != parent.shape else None,
                value=summary(contribution),
                total=summary(self._shown(parent)),
            )
        )

    def told(self, kind: PassKind, side: int = 0) -> Pass:
        """Return the recorded pass; with heatmaps of the gradients if `side` is given."""
        nodes = {id: node for node, id in self.ids.items()}
        return Pass(
            kind=kind,
            events=tuple(Event(box, upstream, tuple(given)) for box, upstream, given in self.events),
            early=tuple(self.early),
            gradients=tuple(
                summary(self._shown(nodes[box.id]), side) if nodes.get(box.id) in self.totals else None
                for box in self.formulas.boxes
            ),
        )

    def differs_from(self, other: _Story) -> bool:
        """Return whether any gradient differs by more than rounding."""
        return any(
            not np.allclose(self.totals[node], gradient, rtol=1e-5, atol=0, equal_nan=True)
            for node, gradient in other.totals.items()
        )

    def _shown(self, node: Node) -> Any:
        return self.totals[node] + self.before[node] if node in self.before else self.totals[node]


def _right(lesson: Lesson, before: Gradients) -> _Story:
    story = _Story(lesson, before)
    backpropagate({lesson.root: lesson.seed}, release=False, call=story.observe)
    return story


def _hasty(lesson: Lesson, order: str) -> _Story:
    """Process each node once, with its gradient at that point. Later contributions are added but not propagated."""
    story = _Story(lesson, {})
    awaited = Counter(parent for node in lesson.ids for parent in _receivers(node))
    waiting = deque([lesson.root])
    seen = {lesson.root}
    while waiting:
        node = waiting.popleft() if order == "breadth first" else waiting.pop()
        if node.operation is None:
            continue
        if awaited[node]:
            story.early.append(lesson.ids[node])
        reached = [parent for parent in dict.fromkeys(_receivers(node)) if parent not in seen]
        seen.update(reached)
        waiting.extend(reached[::-1] if order == "depth first" else reached)
        gradient = story.arrived(node)
        story.begin(node, gradient)
        if isinstance(node, Result):
            awaited[node.inputs[0]] -= 1
            continue
        for position, given in call_rules(node, gradient):
            parent = node.inputs[position]
            awaited[parent] -= 1
            fitted = _fitted(given, parent, node)
            story.add(
                node, position, given, fitted, story.totals[parent] + fitted if parent in story.totals else fitted
            )
    return story


def _overwriting(lesson: Lesson) -> _Story:
    """Visit nodes in the correct order, but let each contribution replace the previous gradient."""
    story = _Story(lesson, {})
    for node in topological_order([lesson.root]):
        gradient = story.arrived(node)
        if node.operation is not None and gradient is not None:
            story.begin(node, gradient)
            for position, given in () if isinstance(node, Result) else call_rules(node, gradient):
                fitted = _fitted(given, node.inputs[position], node)
                story.add(node, position, given, fitted, fitted)
    return story


def _receivers(node: Node) -> list[Node]:
    """Return the operands that `node` contributes to, in order; an operand that is used twice appears twice."""
    if node.operation is None:
        return []
    if isinstance(node, Result):
        return list(node.inputs)
    return [
        e
        for position, e in enumerate(node.inputs)
        if isinstance(e, Node) and node.operation.saved_for(position) is not None
    ]


def _fitted(given: Any, parent: Node, node: Node) -> Any:
    """Return the result of a rule in the shape and dtype of the operand, as the engine adds it."""
    fitted = given if given.shape == parent.shape else unbroadcast(given, parent.shape, node)
    return np.asarray(fitted, dtype=parent.dtype)


def _slope(node: Node, position: int) -> float | None:
    """Return ∂result/∂operand if both are scalars: the result of the rule for a gradient of 1."""
    parent = node.inputs[position]
    if node.shape != () or parent.shape != () or isinstance(node.dtype, tuple):
        return None
    given = dict(call_rules(node, np.ones((), node.dtype), {parent}))[position]
    return float(_fitted(given, parent, node))
