"""Backward passes step by step: the right one as the engine does it, and those that go wrong.

The right pass is the engine's own, watched. The wrong ones call the same rules, but add up or take turns as a learner's
first attempt might.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.graph import Node, backpropagate, topological_order, unbroadcast
from tensorgrad.viz.formulas import Formulas
from tensorgrad.viz.record import Contribution, Event, Pass, PassKind
from tensorgrad.viz.record.replay import is_given
from tensorgrad.viz.record.summaries import summary

MOST = 150
"""The wrong passes are for graphs of at most this many boxes: in larger ones nobody would find the mistake."""

ORDERS = ("depth first", "depth first, from the last operand", "breadth first")
"""In which one might go through a graph, each a mistake in some graph."""

Gradients = dict[Node, NDArray[Any]]


@dataclass(frozen=True)
class Lesson:
    """What a backward pass starts from.

    Attributes:
        root: the output's node, in a graph without hooks whose saved arrays are all there.
        seed: the gradient to start from.
        ids: the box of each node.
        formulas: of those boxes.
        side: of the heatmaps of the right gradients, if there are to be any.
    """

    root: Node
    seed: NDArray[Any]
    ids: Mapping[Node, int]
    formulas: Formulas
    side: int = 0


def passes(lesson: Lesson) -> tuple[Pass, ...]:
    """The right pass, and those wrong ones that give something else."""
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
    """What happens in one pass.

    Attributes:
        totals: what has arrived at each node so far.
        before: what leaves had before the pass began; it shows in their totals.
        early: the boxes that did not wait.
    """

    def __init__(self, lesson: Lesson, before: Gradients) -> None:
        self.totals: Gradients = {lesson.root: lesson.seed}
        self.before = before
        self.ids = lesson.ids
        self.formulas = lesson.formulas
        self.early: list[int] = []
        self.events: list[tuple[int, Any, list[Contribution]]] = []
        self.given: Any = None

    def before_rules(self, node: Node) -> None:
        """A box is about to hand on what it has."""
        self.events.append((self.ids[node], summary(self.totals[node]), []))

    def after_rule(self, node: Node, position: int, contribution: Any) -> None:
        """A rule gave this, before unbroadcasting."""
        self.given = contribution

    def after_adding(self, node: Node, position: int, contribution: Any, total: Any) -> None:
        """An operand received a contribution."""
        parent = node.inputs[position]
        self.totals[parent] = total
        formula = self.formulas.of(self.ids[node], position)
        shape = np.shape(self.given)
        self.events[-1][2].append(
            Contribution(
                operand=sum(is_given(node, earlier) for earlier in range(position)),
                rule=formula.rule,
                formula=formula.formula,
                local=formula.local,
                slope=_slope(node, position),
                given_shape=shape,
                given=summary(self.given) if shape != parent.shape else None,
                value=summary(contribution),
                total=summary(self._shown(parent)),
            )
        )

    def told(self, kind: PassKind, side: int = 0) -> Pass:
        """The pass as it is recorded; with heatmaps of the gradients if `side` says how large."""
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
        """Whether some gradient is another number; rounding is none."""
        return any(
            not np.allclose(self.totals[node], gradient, rtol=1e-5, atol=0, equal_nan=True)
            for node, gradient in other.totals.items()
        )

    def _shown(self, node: Node) -> Any:
        return self.totals[node] + self.before[node] if node in self.before else self.totals[node]


def _right(lesson: Lesson, before: Gradients) -> _Story:
    story = _Story(lesson, before)
    backpropagate({lesson.root: lesson.seed}, release=False, examiner=story)
    return story


def _hasty(lesson: Lesson, order: str) -> _Story:
    """Every node hands on what it has at its turn, and never again; what comes later is added but stays there."""
    story = _Story(lesson, {})
    awaited = Counter(parent for node in lesson.ids for parent in _receivers(node))
    waiting = deque([lesson.root])
    while waiting:
        node = waiting.popleft() if order == "breadth first" else waiting.pop()
        if node.operation is None:
            continue
        if awaited[node]:
            story.early.append(lesson.ids[node])
        reached = [parent for parent in dict.fromkeys(_receivers(node)) if parent not in story.totals]
        story.before_rules(node)
        for position, contribution in _contributions(node, story):
            parent = node.inputs[position]
            awaited[parent] -= 1
            total = story.totals[parent] + contribution if parent in story.totals else contribution
            story.after_adding(node, position, contribution, total)
        waiting.extend(reached[::-1] if order == "depth first" else reached)
    return story


def _overwriting(lesson: Lesson) -> _Story:
    """In the right order, but each contribution takes the place of what had arrived before."""
    story = _Story(lesson, {})
    for node in topological_order([lesson.root]):
        if node.operation is not None and node in story.totals:
            story.before_rules(node)
            for position, contribution in _contributions(node, story):
                story.after_adding(node, position, contribution, contribution)
    return story


def _receivers(node: Node) -> list[Node]:
    """The operands that a node gives something, in order; one that is used twice is there twice."""
    if node.operation is None:
        return []
    return [node.inputs[position] for position, saved in enumerate(node.saved or ()) if saved is not None]


def _contributions(node: Node, story: _Story) -> Iterator[tuple[int, NDArray[Any]]]:
    """What the rules of a node give its operands of what it has when they begin, in their shape and dtype."""
    upstream = story.totals[node]
    for position, saved in enumerate(node.saved or ()):
        if saved is not None:
            given = _rule(node, position)(upstream, *saved)
            story.after_rule(node, position, given)
            parent = node.inputs[position]
            fitted = given if given.shape == parent.shape else unbroadcast(given, parent.shape, node)
            yield position, np.asarray(fitted, dtype=parent.dtype)


def _slope(node: Node, position: int) -> float | None:
    """∂result/∂operand, if both are scalars: what the rule gives for a gradient of 1."""
    saved = (node.saved or ())[position]
    if node.shape != () or node.inputs[position].shape != () or saved is None:
        return None
    return float(_rule(node, position)(np.ones((), node.dtype), *saved))


def _rule(node: Node, position: int) -> Callable[..., Any]:
    assert node.operation is not None
    rule: Callable[..., Any] = node.operation.rules[position]
    return rule
