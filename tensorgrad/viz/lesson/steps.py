"""What a walkthrough is made of: steps, each of which says what happens and writes numbers on boxes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tensorgrad.viz.lesson.equations import Equation
from tensorgrad.viz.recording import Reading, Summary

StepKind = Literal["value", "seed", "ready", "early", "rule", "sum down", "end"]


@dataclass(frozen=True)
class Change:
    """What a step writes on a box.

    Attributes:
        box: the id of the box.
        what: which of its numbers.
        reading: what it is from now on.
        final: whether it stays so to the end of the pass.
        right: what it should be in the end, if it ends wrong.
    """

    box: int
    what: Literal["value", "gradient"]
    reading: Reading
    final: bool = True
    right: Reading = None


@dataclass(frozen=True)
class Question:
    """What a learner may be asked before the step is shown: a number, or a shape."""

    prompt: str
    answer: float | tuple[int, ...]


@dataclass(frozen=True)
class Step:
    """One thing that happens.

    Attributes:
        kind: what sort of thing: a "value" is computed; the backward pass begins with its "seed"; a box is "ready" to
            hand its gradient on, or does so too "early"; a "rule" runs; what it gave is summed down to the shape
            of the operand; "end" looks back.
        box: the box that it happens at: its value is computed, its rule runs.
        operand: which of its operands receives a gradient, if one does.
        line: what happens, in symbols and numbers.
        words: the same in words, and why.
        equations: the pieces of `line`. The first of each is its result.
        changes: what is known after it.
        question: what could be predicted, if anything.
        moved: what went back along the operand's edge, if something did.
    """

    kind: StepKind
    box: int
    operand: int | None
    line: str
    words: str
    equations: tuple[Equation, ...] = ()
    changes: tuple[Change, ...] = ()
    question: Question | None = None
    moved: Reading = None


def same(one: Reading, other: Reading) -> bool:
    """Whether two readings are of the same numbers, but for rounding."""
    if not (isinstance(one, Summary) and isinstance(other, Summary)):
        return one == other
    numbers = zip((*one.numbers, one.mean, one.std), (*other.numbers, other.mean, other.std))
    scale = max(abs(other.min), abs(other.max))
    return all(abs(a - b) <= 1e-6 * scale or a == b or (a != a and b != b) for a, b in numbers)
