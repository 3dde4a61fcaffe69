"""Choosing between values: the gradient goes to the value that was taken."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.typing import ArrayLike


def _to_winner(g: Any, this_wins: Any, tie: Any) -> Any:
    return np.where(tie, 0.5 * g, np.where(this_wins, g, 0.0))


@op(
    x=lambda g, x, y: _to_winner(g, x > y, x == y),
    y=lambda g, x, y: _to_winner(g, y > x, x == y),
    numpy=np.maximum,
)
def maximum(x: ArrayLike, y: ArrayLike) -> Any:
    """The larger of two, elementwise. The gradient goes to the larger one; a tie splits it evenly.

    >>> maximum([1.0, 5.0], 3.0)
    Tensor([3., 5.])
    """
    return np.maximum(x, y)


@op(
    x=lambda g, x, y: _to_winner(g, x < y, x == y),
    y=lambda g, x, y: _to_winner(g, y < x, x == y),
    numpy=np.minimum,
)
def minimum(x: ArrayLike, y: ArrayLike) -> Any:
    """The smaller of two, elementwise. The gradient goes to the smaller one; a tie splits it evenly.

    >>> minimum([1.0, 5.0], 3.0)
    Tensor([1., 3.])
    """
    return np.minimum(x, y)


def _within(x: Any, low: Any, high: Any) -> Any:
    above = True if low is None else x >= low
    below = True if high is None else x <= high
    return np.logical_and(above, below)


@op(
    x=lambda g, x, min, max: np.where(_within(x, min, max), g, 0.0),
    min=lambda g, x, min: np.where(x < min, g, 0.0),
    max=lambda g, x, max: np.where(x > max, g, 0.0),
    numpy=np.clip,
    methods=["clip"],
    examples=[case((2, 3), (), ()), case((2, 3), (3,), (2, 1))],
)
def clip(x: ArrayLike, min: ArrayLike | None = None, max: ArrayLike | None = None) -> Any:
    """`x` limited to [min, max], elementwise; None leaves that side open.

    The gradient goes to x inside and at the bounds, to the bound outside.

    >>> clip([-1.0, 0.5, 2.0], 0.0, 1.0)
    Tensor([0. , 0.5, 1. ])
    """
    return np.clip(x, min, max)


@op(
    condition=None,
    x=lambda g, condition: np.where(condition, g, 0.0),
    y=lambda g, condition: np.where(condition, 0.0, g),
    numpy=np.where,
)
def where(condition: ArrayLike, x: ArrayLike, y: ArrayLike) -> Any:
    """`x` where the condition holds, else `y`, elementwise. The one not taken gets the gradient 0 exactly.

    Both are computed before the choice. To keep a NaN out of the *rule* of the one not taken, guard its input
    too (the double where): `where(x > 0, log(where(x > 0, x, 1.0)), 0.0)`.

    >>> where([True, False], [1.0, 2.0], 0.0)
    Tensor([1., 0.])
    """
    return np.where(condition, x, y)
