"""Plausible wrong answers to a question, and what each of them overlooks."""

from __future__ import annotations

from collections.abc import Iterable

from tensorgrad.viz.lesson.equations import SIGNS, Notation
from tensorgrad.viz.recording import Box, Contribution, Event, Reading, Summary, labels

Guess = tuple[float | tuple[int, ...], str]
"""A wrong answer, and what it overlooks."""


def forward_guesses(notation: Notation, box: Box) -> tuple[Guess, ...]:
    """Return wrong values of an operation on scalars: those of other operations, and one with the wrong sign."""
    boxes = notation.recording.boxes
    operands = [_number(boxes[operand.box].value) for operand in box.operands]
    found: list[Guess] = []
    known = [value for value in operands if value is not None]
    if box.op in SIGNS and len(known) == len(operands) == 2:
        x, y = known
        others = {"+": x + y, "-": x - y, "*": x * y, "/": x / y if y else None}
        call, _ = notation.call(box)
        a, b = (notation.symbols[operand.box] for operand in box.operands)
        found += [
            (value, f"That is {a} {sign} {b}, but the operation is {call}.")
            for sign, value in others.items()
            if value is not None and sign != SIGNS[box.op]
        ]
    elif len(known) == 1:
        found.append((known[0], f"That is the operand itself, before {box.op}."))
    return _wrong(found, box.value)


def rule_guesses(
    notation: Notation, event: Event, given: Contribution, before: Reading, *, overwritten: bool
) -> tuple[Guess, ...]:
    """Return wrong totals of a scalar: factors left out, added instead of multiplied, or a contribution forgotten.

    Args:
        notation: the names of the boxes.
        event, given: the rule's call, and what it contributes.
        before: the gradient before this contribution.
        overwritten: whether the pass replaces that gradient by mistake.
    """
    symbol, partial = notation.gradients[event.box], notation.partial(event, given)
    up, slope, value, earlier = _number(event.upstream), given.slope, _number(given.value), _number(before)
    found: list[Guess] = []
    if earlier is not None and value is not None:
        if overwritten:
            found.append((earlier + value, "That is the right sum, but this pass overwrites what had arrived."))
        else:
            found.append(
                (value, f"That is this contribution alone. {labels.number(earlier)} had arrived before: add it.")
            )
            found.append((earlier, "That is what had arrived before. Add the contribution of this step."))
    if up is not None and slope is not None:
        base = 0.0 if earlier is None or overwritten else earlier
        found += [
            (base + up, f"That leaves out {partial}: multiply {symbol} by it."),
            (base + slope, f"That leaves out {symbol}: multiply {partial} by it."),
            (base + up + slope, f"The chain rule multiplies {symbol} and {partial}; that is their sum."),
        ]
    return _wrong(found, given.total)


def shape_guesses(shape: tuple[int, ...], others: Iterable[tuple[tuple[int, ...] | None, str]]) -> tuple[Guess, ...]:
    """Return wrong shapes: the axes reversed, and the shapes of other arrays in the same step.

    Args:
        shape: the right shape.
        others: the shapes of other arrays, and their names.
    """
    found: list[Guess] = [
        (other, f"That is the shape of {name}.") for other, name in others if other is not None and other != shape
    ]
    if shape[::-1] != shape:
        found.insert(0, (shape[::-1], "The axes are in the wrong order."))
    return tuple(found)


def _wrong(guesses: list[Guess], right: Reading) -> tuple[Guess, ...]:
    """Return the guesses that differ from the right value, and, last, that value with the wrong sign."""
    value = _number(right)
    if value is None:
        return ()
    guesses = [*guesses, (-value, "The sign is wrong.")]
    scale = max(abs(value), 1e-300)
    return tuple(
        (guess, why) for guess, why in guesses if isinstance(guess, float) and abs(guess - value) > 0.01 * scale
    )


def _number(reading: Reading) -> float | None:
    return float(reading.numbers[0]) if isinstance(reading, Summary) and len(reading.numbers) == 1 else None
