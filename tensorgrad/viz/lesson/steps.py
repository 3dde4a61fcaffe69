"""Steps of a walkthrough. Each describes what happens and changes numbers on boxes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tensorgrad.viz.lesson.board import Board
from tensorgrad.viz.lesson.equations import Equation
from tensorgrad.viz.lesson.guesses import Guess
from tensorgrad.viz.recording import Reading, Summary

StepKind = Literal["value", "seed", "ready", "early", "rule", "sum down", "end"]


@dataclass(frozen=True)
class Change:
    """Text that a step writes on a box.

    Attributes:
        box: the id of the box.
        what: the number that changes.
        reading: its new value.
        final: whether it is the value at the end of the pass.
        right: the correct final value, if the final value is wrong.
    """

    box: int
    what: Literal["value", "gradient"]
    reading: Reading
    final: bool = True
    right: Reading = None


@dataclass(frozen=True)
class Question:
    """Question to the reader before the step is shown, about a number or a shape.

    Attributes:
        prompt: what is asked for.
        answer: the right answer.
        hint: how to find it; "" for a shape that follows from the rule that a gradient has the shape of its array.
        guesses: wrong answers, and what each of them overlooks.
    """

    prompt: str
    answer: float | tuple[int, ...]
    hint: str = ""
    guesses: tuple[Guess, ...] = ()


@dataclass(frozen=True)
class Step:
    """One step of a walkthrough.

    Attributes:
        kind: a "value" is computed; the backward pass begins with its "seed"; a box is "ready" to pass its gradient on,
            or does so too "early"; a "rule" is called; its result is summed to the shape of the operand; "end" is the
            summary.
        box: the box whose value is computed or whose rule is called.
        operand: the operand that receives a gradient, if any.
        line: the step in symbols and numbers.
        words: the step in words, with the reason.
        equations: the parts of `line`. The first part of each is its result.
        boards: for arrays, formulas with the arrays themselves, which are shown instead of the equations.
        changes: the values that are known after the step.
        question: what the reader could predict, if anything.
        moved: the gradient that moved back along the operand's edge, if any.
    """

    kind: StepKind
    box: int
    operand: int | None
    line: str
    words: str
    equations: tuple[Equation, ...] = ()
    boards: tuple[Board, ...] = field(default=(), kw_only=True)
    changes: tuple[Change, ...] = ()
    question: Question | None = None
    moved: Reading = None


def same(one: Reading, other: Reading) -> bool:
    """Return whether two readings are equal up to rounding."""
    if not (isinstance(one, Summary) and isinstance(other, Summary)):
        return one == other
    numbers = zip((*one.numbers, one.mean, one.std), (*other.numbers, other.mean, other.std))
    scale = max(abs(other.min), abs(other.max))
    return all(abs(a - b) <= 1e-6 * scale or a == b or (a != a and b != b) for a, b in numbers)
