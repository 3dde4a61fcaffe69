"""Line search with the strong Wolfe conditions."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

DECREASE, CURVATURE = 1e-4, 0.9
"""The constants of the Wolfe conditions: c₁ and c₂."""


@dataclass(frozen=True, slots=True)
class Point:
    """A point on the line.

    Attributes:
        length: Its distance from the start, in units of the direction.
        loss: The loss there; infinite where it is NaN.
        gradient: The gradient there, as one flat array.
        slope: The derivative of the loss along the direction.
    """

    length: float
    loss: float
    gradient: NDArray[Any]
    slope: float


def strong_wolfe(
    evaluate: Callable[[float], Point], start: Point, length: float, *, evaluations: int, smallest: float
) -> tuple[Point, int]:
    """Return a point on the line that satisfies the strong Wolfe conditions, and the number of evaluations.

    These are f(t) ≤ f(0) + c₁·t·f'(0) and |f'(t)| ≤ −c₂·f'(0) for the loss f and the length t. Nocedal and Wright,
    *Numerical Optimization* (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc, which PyTorch
    also uses.

    Args:
        evaluate: Returns the point at a length.
        start: The point at length 0, where the slope is negative.
        length: The first length to try.
        evaluations: The number of evaluations after which the best point so far is returned, at least 1.
        smallest: The difference of two lengths below which the search ends.
    """
    bracket, count = _bracket(evaluate, start, length, evaluations)
    if len(bracket) == 1:
        return bracket[0], count
    low = 0 if bracket[0].loss <= bracket[1].loss else 1
    was_close = False
    while count <= evaluations:
        width = abs(bracket[1].length - bracket[0].length)
        if width < smallest or not width:
            break
        length, was_close = _inside(bracket, was_close)
        new, count = evaluate(length), count + 1
        if _too_high(new, start) or new.loss >= bracket[low].loss:
            bracket[1 - low] = new
            low = 0 if bracket[0].loss <= bracket[1].loss else 1
            continue
        if abs(new.slope) <= -CURVATURE * start.slope:
            return new, count
        if new.slope * (bracket[1 - low].length - bracket[low].length) >= 0:
            bracket[1 - low] = bracket[low]
        bracket[low] = new
    return bracket[low], count


def _bracket(
    evaluate: Callable[[float], Point], start: Point, length: float, evaluations: int
) -> tuple[list[Point], int]:
    """Return two points with a solution between them, or only a solution; and the number of evaluations."""
    before, new = start, evaluate(length)
    for count in range(1, evaluations + 1):
        if _too_high(new, start) or (count > 2 and new.loss >= before.loss):
            return [before, new], count
        if abs(new.slope) <= -CURVATURE * start.slope:
            return [new], count
        if new.slope >= 0:
            return [before, new], count
        lowest, highest = new.length + 0.01 * (new.length - before.length), 10 * new.length
        length = _minimum(before, new, lowest, highest)
        before, new = new, evaluate(length)
    return [start, new], evaluations + 1


def _too_high(point: Point, start: Point) -> bool:
    return point.loss > start.loss + DECREASE * point.length * start.slope


def _inside(bracket: list[Point], was_close: bool) -> tuple[float, bool]:
    """Return the length to try next, and whether it is close to an end of the bracket.

    A length that is close to an end twice, or at it, makes too little progress. It is moved inwards.
    """
    lowest, highest = sorted(point.length for point in bracket)
    length, margin = _minimum(bracket[0], bracket[1], lowest, highest), 0.1 * (highest - lowest)
    if min(highest - length, length - lowest) >= margin:
        return length, False
    if not was_close and lowest < length < highest:
        return length, True
    return (highest - margin if highest - length < length - lowest else lowest + margin), False


def _minimum(first: Point, second: Point, lowest: float, highest: float) -> float:
    """Return the minimum of the cubic through two points with their slopes, clipped to `lowest` and `highest`.

    If the cubic has no minimum, return the midpoint. Nocedal and Wright, equation 3.59.
    """
    a, b = sorted((first, second), key=lambda point: point.length)
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
    square = d1 * d1 - a.slope * b.slope
    if 0 <= square < math.inf:
        d2 = math.sqrt(square)
        if divisor := b.slope - a.slope + 2 * d2:
            return min(max(b.length - (b.length - a.length) * ((b.slope + d2 - d1) / divisor), lowest), highest)
    return (lowest + highest) / 2
