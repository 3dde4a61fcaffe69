"""Derivatives by central differences, and whether a function has a kink where they were taken.

The step: a central difference errs by about h²|f‴|/6, the cut-off rest of the Taylor series, and by ε|f|/h, rounding.
The sum is smallest near h = ∛ε ≈ 6e-6, times the scale on which x matters (Press et al., *Numerical Recipes*, 3rd
ed., section 5.7).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP = float(np.cbrt(np.finfo(np.float64).eps))

_REFINEMENT = 8.0
"""How much smaller the second step is: at a smooth point the one-sided slopes then agree 8 times better."""

_ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""The relative error that the values of a function are trusted to have: a few dozen operations, each rounded."""


@dataclass(frozen=True)
class Slopes:
    """The slopes of several outputs along one line, on either side of a point.

    Attributes:
        before, after: the one-sided differences.
        rounding: how wrong rounding may have made them.
    """

    before: NDArray[Any]
    after: NDArray[Any]
    rounding: NDArray[Any]

    @property
    def central(self) -> NDArray[Any]:
        """The central differences."""
        return np.asarray((self.before + self.after) / 2)

    @property
    def jump(self) -> NDArray[Any]:
        """How much the two sides disagree."""
        return np.asarray(np.abs(self.after - self.before))

    def tolerance(self, rtol: float, atol: float) -> NDArray[Any]:
        """How far a right derivative may be from `central`."""
        slope = np.maximum(np.abs(self.before), np.abs(self.after))
        return np.asarray(atol + rtol * slope + self.rounding)

    def weighted(self, weights: NDArray[Any]) -> Slopes:
        """The slopes of the weighted sum of the outputs, as the only output."""
        return Slopes(
            np.array([weights @ self.before]),
            np.array([weights @ self.after]),
            np.array([np.abs(weights) @ self.rounding]),
        )


def slopes(values: Callable[[float], NDArray[Any]], here: NDArray[Any], step: float) -> Slopes:
    """The slopes at 0 of `values`, a function of one number with the 1-D result `here` at 0.

    >>> slopes(lambda t: np.array([abs(t)]), np.array([0.0]), 0.5)
    Slopes(before=array([-1.]), after=array([1.]), rounding=array([3.55271368e-15]))
    """
    above, below = values(step), values(-step)
    size = np.maximum(np.abs(above), np.abs(below))
    return Slopes((here - below) / step, (above - here) / step, _ROUNDING * size / step)


@dataclass(frozen=True)
class Verdict:
    """What became of the derivatives in question: the slopes they were held against, and for each whether it is
    wrong, and whether the point sits on a kink."""

    slopes: Slopes
    wrong: NDArray[np.bool_]
    kink: NDArray[np.bool_]


def judge(slopes_at: Callable[[float], Slopes], step: float, got: NDArray[Any], *, rtol: float, atol: float) -> Verdict:
    """Hold the derivatives `got` against finite differences.

    Where they differ, or where the two sides do, the differences are taken again with a smaller step. A right
    derivative is then approached, also where curvature is strong or jumps, or a kink is near. A jump of the slope
    that does not shrink with the step is a kink at the point itself: any value between the two slopes is a
    subgradient, and right.
    """
    coarse = slopes_at(step)
    tolerance = coarse.tolerance(rtol, atol)
    error = np.abs(got - coarse.central)
    wrong = ~(error <= tolerance)  # in this form NaN is wrong
    bent = coarse.jump > tolerance
    if not (wrong | bent).any():
        return Verdict(coarse, wrong, bent)

    fine = slopes_at(step / _REFINEMENT)
    tolerance = fine.tolerance(rtol, atol)
    approached = np.abs(got - fine.central) <= np.maximum(tolerance, error / (_REFINEMENT / 2))
    kink = bent & (fine.jump > tolerance) & (fine.jump > coarse.jump / 2)
    low, high = np.minimum(fine.before, fine.after), np.maximum(fine.before, fine.after)
    between = (low - tolerance <= got) & (got <= high + tolerance)
    wrong &= ~np.where(kink, between, approached)
    return Verdict(fine, wrong, kink)
