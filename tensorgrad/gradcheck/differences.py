"""Derivatives from finite differences, with steps adapted to the point and the function.

A central difference with step h is off by about h²|f‴|/6 (truncation) and by ε|f|/h (rounding). Their sum is smallest
near h = ∛ε ≈ 6e-6 times the scale on which f changes (Press et al., *Numerical Recipes*, 3rd ed., section 5.7). That
scale is unknown: it is 1e-8 for log at 1e-8 and 1 for sin at 1e8. So `judge` tries three steps, and where none of them
is conclusive, a ladder of steps from a few roundings of x up to its own size.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

EPSILON = float(np.finfo(np.float64).eps)

STEP = float(np.cbrt(EPSILON))

_ROUNDING = 16 * EPSILON
"""Assumed relative error of the values of a function: a few dozen rounded operations."""

_CONCLUSIVE = 1e-3
"""A difference is conclusive if its own error is at most this fraction of the derivative."""

_NEGLIGIBLE = 1e-6
"""A derivative below this fraction of the others of the same output need not be resolved by the first step."""

_LEVEL = 8.0
"""The ratio of neighbouring steps on the ladder."""

_LEVELS = 48
"""Maximum number of steps on the ladder; 20 at a point near 1."""


@dataclass(frozen=True)
class Slopes:
    """Slopes of several outputs along one line, on either side of a point.

    Attributes:
        before, after: the one-sided differences.
        rounding: a bound on their rounding error.
    """

    before: NDArray[Any]
    after: NDArray[Any]
    rounding: NDArray[Any]

    @property
    def central(self) -> NDArray[Any]:
        """Return the central differences."""
        return np.asarray((self.before + self.after) / 2)

    def at(self, outputs: NDArray[np.intp]) -> Slopes:
        """Return the slopes of some of the outputs."""
        return Slopes(self.before[outputs], self.after[outputs], self.rounding[outputs])

    def weighted(self, weights: NDArray[Any]) -> Slopes:
        """Return the slopes of the weighted sum of the outputs, as the only output."""
        return Slopes(
            np.array([weights @ self.before]),
            np.array([weights @ self.after]),
            np.array([np.abs(weights) @ self.rounding]),
        )

    @property
    def jump(self) -> NDArray[Any]:
        """Return the difference between the two one-sided slopes."""
        return np.asarray(np.abs(self.after - self.before))


def slopes(values: Callable[[float], NDArray[Any]], here: NDArray[Any], step: float) -> Slopes:
    """Return the slopes at 0 of `values`, a function of one number with the 1-D result `here` at 0.

    >>> slopes(lambda t: np.array([abs(t)]), np.array([0.0]), 0.5)
    Slopes(before=array([-1.]), after=array([1.]), rounding=array([3.55271368e-15]))
    """
    above, below = values(step), values(-step)
    size = np.maximum(np.abs(above), np.abs(below))
    return Slopes((here - below) / step, (above - here) / step, _ROUNDING * size / step)


@dataclass(frozen=True)
class Steps:
    """Steps to try along one line.

    Attributes:
        first: suitable if the function changes on the scale of the point, or on a scale of 1.
        smallest, largest: the ends of the ladder.
        scale: the size of the point.
    """

    first: float
    smallest: float
    largest: float
    scale: float

    @classmethod
    def at(cls, size: float, *, typical: float = 0.0, eps: float = STEP) -> Steps:
        """Return the steps for an element.

        Args:
            size: its absolute value.
            typical: a typical absolute value of the elements beside it.
            eps: the first step at a point of size 1.
        """
        scale = max(size, typical) or 1.0
        smallest = 32 * float(np.spacing(size)) if size else 1e-14 * scale
        largest = min(0.3 * max(scale, 1.0), smallest * _LEVEL**_LEVELS)
        return cls(eps * min(scale, 1.0), smallest, largest, scale)

    def quick(self) -> tuple[float, float, float]:
        """Return the steps to try first: the usual one, one that reduces rounding, and one that reduces truncation."""
        return self.first, self.largest / 32, self.first / _LEVEL

    def ladder(self) -> NDArray[np.float64]:
        """Return steps from the smallest to the largest, in approximately equal ratios."""
        count = max(8, 1 + int(np.ceil(np.log(self.largest / self.smallest) / np.log(_LEVEL))))
        return np.geomspace(self.smallest, self.largest, count)


@dataclass(frozen=True)
class Verdict:
    """Result for each checked derivative.

    Attributes:
        expected: the value from finite differences. NaN if the function is finite on no more than one side.
        wrong: whether the derivative differs from it. At a kink: whether it lies outside the two slopes.
        kink: whether the point is at a kink.
    """

    expected: NDArray[Any]
    wrong: NDArray[np.bool_]
    kink: NDArray[np.bool_]


def judge(
    slopes_at: Callable[[float], Slopes],
    steps: Steps,
    got: NDArray[Any],
    *,
    rtol: float,
    atol: float,
    scale: NDArray[Any],
) -> Verdict:
    """Compare derivatives with finite differences.

    Args:
        slopes_at: returns the slopes for a step; NaN where the function is not finite.
        steps: the steps to try.
        got: the derivative of each output.
        rtol, atol: the tolerances. The error of the difference is added to them.
        scale: how large the derivatives of each output are. A derivative of 0 is confirmed at once if rounding could
            only hide one far below this; kinks far below this are ignored.
    """
    expected = np.full(got.shape, np.nan)
    wrong = np.ones(got.shape, np.bool_)
    kink = np.zeros(got.shape, np.bool_)
    negligible = _NEGLIGIBLE * scale
    undecided = np.arange(got.size)
    for step, may_hide in zip(steps.quick(), (negligible, np.full(got.shape, np.inf), negligible)):
        found = slopes_at(step)
        if step == steps.first:
            first = found
        right = _confirmed(found.at(undecided), got[undecided], rtol, atol, may_hide[undecided])
        # A longer step may not measure the local slope. It is used only where rounding dominates the first one.
        right &= ~(np.abs(found.central - first.central) > first.rounding + rtol * np.abs(first.central))[undecided]
        expected[undecided[right]] = found.central[undecided[right]]
        wrong[undecided[right]] = False
        undecided = undecided[~right]
        if not undecided.size:
            return Verdict(expected, wrong, kink)
    rungs = [slopes_at(float(step)).at(undecided) for step in steps.ladder()]
    expected[undecided], wrong[undecided], kink[undecided] = _decided(
        steps, rungs, got[undecided], rtol, atol, scale[undecided]
    )
    return Verdict(expected, wrong, kink)


def _confirmed(found: Slopes, got: NDArray[Any], rtol: float, atol: float, may_hide: NDArray[Any]) -> NDArray[np.bool_]:
    """Return whether the differences with one step suffice to confirm a derivative."""
    central, noise = found.central, found.rounding
    size = np.abs(central)
    straight = found.jump <= _CONCLUSIVE * size + 2 * noise
    close = np.abs(got - central) <= atol + rtol * size + noise
    zero = (size <= noise) & (np.abs(got) <= noise) & (noise <= may_hide)
    return np.asarray(straight & close & ((noise <= _CONCLUSIVE / 10 * size) | zero))


def _decided(
    steps: Steps, rungs: list[Slopes], got: NDArray[Any], rtol: float, atol: float, scale: NDArray[Any]
) -> tuple[NDArray[Any], NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the expected derivatives from a ladder of steps, which of `got` are wrong, and where there is a kink.

    Small steps suffer from rounding, large ones from truncation. With increasing steps, the estimates first converge
    to the derivative and then diverge again. The local slope is where neighbouring estimates first agree best: a step
    function has another such point, at longer steps, which is its average slope.
    """
    before = np.stack([rung.before for rung in rungs])
    after = np.stack([rung.after for rung in rungs])
    noise = np.stack([rung.rounding for rung in rungs])
    step = steps.ladder()[:, None]
    noise += 4 * _quantum(before * step, after * step, _ROUNDING * max(steps.scale, 1.0)) / step
    central = (before + after) / 2
    # Richardson extrapolation: the error term of h² cancels.
    estimates = central[:-1] + (central[:-1] - central[1:]) / ((step[1:] / step[:-1]) ** 2 - 1)
    change = np.abs(np.diff(estimates, axis=0))
    # What a change has beyond the known noise may be noise, too, where f is a difference of larger numbers. Such noise
    # grows with these, that is with |x| + h, and in a slope it is divided by h.
    growth = (steps.scale + step) / step
    unknown = np.maximum(np.nan_to_num(change, posinf=0.0) - 2 * noise[: len(change)], 0.0) / growth[: len(change)]
    noise = noise[1:-2] + np.maximum.accumulate(unknown)[:-1] * growth[1:-2] + _ROUNDING * scale
    estimates, error = estimates[1:-1], np.maximum(change[:-1], change[1:]) + noise
    error[~np.isfinite(error)] = np.inf

    best = _first_valley(estimates, error, got)
    columns = np.arange(got.size)
    expected, tolerance = estimates[best, columns], error[best, columns]
    known = np.isfinite(tolerance)
    expected = np.where(known, expected, np.nan)
    wrong = ~(np.abs(got - expected) <= atol + rtol * np.abs(expected) + tolerance)  # in this form NaN is wrong

    local = int(np.sum(step[1:-2] <= steps.scale))
    kink, low, high, margin = _kinks(before[1:-2], after[1:-2], noise, _NEGLIGIBLE * scale, local)
    between = (low - margin <= got) & (got <= high + margin)
    return np.where(kink, (low + high) / 2, expected), np.where(kink, ~between, wrong), kink


def _quantum(before: NDArray[Any], after: NDArray[Any], most: float) -> NDArray[Any]:
    """Return the smallest change of each output, or ε if that is above `most`.

    The logarithm of a number near 1, say, changes in steps of ε, which is far above the rounding error of such a small
    result. At small steps it looks constant.
    """
    changes = np.abs(np.concatenate([before, after]))
    smallest = np.min(np.where(changes > 0, changes, np.inf), axis=0, initial=np.inf)
    return np.asarray(np.where(smallest <= most, smallest, EPSILON))


def _first_valley(estimates: NDArray[Any], error: NDArray[Any], got: NDArray[Any]) -> NDArray[np.intp]:
    """Return for each output the step to use: where the error is smallest before it first increases again."""
    size = np.max(np.where(np.isfinite(error), np.abs(estimates) - error, 0.0), axis=0)
    # Ten times as much as for a single step: the error is an upper bound here, and small only in a narrow valley.
    conclusive = error <= 10 * _CONCLUSIVE * np.maximum(size, np.abs(got))
    best = np.where(conclusive.any(axis=0), conclusive.argmax(axis=0), error.argmin(axis=0))
    smallest = np.take_along_axis(error, best[None], axis=0)[0]
    passed = ~conclusive.any(axis=0)
    for level, here in enumerate(error):
        after = level > best
        passed |= after & (here > _LEVEL * smallest)
        better = after & ~passed & (here < smallest)
        best = np.where(better, level, best)
        smallest = np.where(better, here, smallest)
    return np.asarray(best)


def _kinks(
    before: NDArray[Any], after: NDArray[Any], noise: NDArray[Any], negligible: NDArray[Any], local: int
) -> tuple[NDArray[np.bool_], NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Return whether the one-sided slopes stay apart, the smaller and the larger of them, and their errors.

    At a smooth point the jump shrinks with the step. At a kink it does not, down to the smallest step that rounding
    leaves visible, which is one of the first `local`.
    """
    jump = np.abs(after - before)
    visible = jump > np.maximum(8 * noise, negligible)
    first = np.minimum(visible.argmax(axis=0), len(jump) - 4)
    columns = np.arange(jump.shape[1])
    smaller = np.maximum(first - 1, 0)
    stays = visible.any(axis=0) & (first < local)
    stays &= (first == 0) | (16 * noise[smaller, columns] >= jump[first, columns])
    for level in (first, first + 1, first + 2):
        growth = jump[level, columns] / jump[level + 1, columns]  # 1; above, at a cusp; 8 if it is rounding
        stays &= visible[level + 1, columns] & (growth > 1 / 2) & (growth < 4)
    low, high = (side[first, columns] for side in (np.minimum(before, after), np.maximum(before, after)))
    return stays, low, high, noise[first, columns]
