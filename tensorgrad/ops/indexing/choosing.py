"""Choosing among several arrays, element by element: the gradient goes to the one that was chosen."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.tensor import plain

__all__ = ["choose", "select"]


def _to_chosen(g: Any, index: int, a: Any, choices_shape: Sequence[Shape], mode: str) -> Any:
    count = len(choices_shape)
    numbers = np.remainder(a, count) if mode == "wrap" else np.clip(a, 0, count - 1)
    return np.where(np.equal(numbers, index), g, 0.0)


@op(
    choices=_to_chosen,
    sequence="choices",
    numpy=np.choose,
    methods=["choose"],
    examples=[
        case([(3,), (3,)], a=np.array([0, 1, 0])),
        case([(3,), (), (2, 1)], a=np.array([[0, 1, 2], [2, 2, 1]])),
        case([(2,), (2,)], a=np.array([3, -1]), mode="wrap"),
        case([(2,), (2,)], a=np.array([3, -1]), mode="clip"),
        case([(), ()], a=1),
        case([(0,), ()], a=np.zeros(0, int)),
    ],
)
def choose(a: Any, choices: Sequence[ArrayLike], mode: str = "raise") -> Any:
    """Select the element choices[a[i]][i] at each position.

    Numbers out of range raise a ValueError; with `mode` "wrap" they wrap around, with "clip" they are clipped to the
    nearest end. The other choices receive the gradient 0 exactly.

    >>> choose([0, 1, 0], [[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
    Tensor([ 1., 20.,  3.])
    """
    return np.choose(a, choices, mode=mode)  # type: ignore[call-overload]


def _is_first(index: int, condlist: Sequence[Any]) -> Any:
    """Where condition number `index` holds, and none before it."""
    none_before = np.logical_not(functools.reduce(np.logical_or, condlist[:index], False))
    return np.logical_and(condlist[index], none_before) if index < len(condlist) else none_before


@op(
    choicelist=lambda g, index, condlist: np.where(_is_first(index, condlist), g, 0.0),
    default=lambda g, condlist: np.where(_is_first(len(condlist), condlist), g, 0.0),
    sequence="choicelist",
    numpy=np.select,
    examples=[
        case((), [(3,)], condlist=[np.array([True, False, True])]),
        case((), [(3,), (3,)], condlist=[np.array([True, False, False]), np.array([True, True, False])]),
        case((3,), [(2, 1), ()], condlist=[np.array([[True], [False]]), np.array([False, True, False])]),
        case((), [(2,), (2,)], condlist=[np.array([True, True]), np.array([True, False])]),
        case((), [(0,)], condlist=[np.zeros(0, bool)]),
    ],
)
def select(condlist: Sequence[Any], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Any:
    """Select at each position the choice of the first condition that is True, else `default`.

    The others receive the gradient 0 exactly.

    >>> x = np.array([-2.0, 0.5, 3.0])
    >>> select([x < 0, x > 1], [-x, x * x])
    Tensor([2., 0., 9.])
    """
    return np.select(plain(condlist), choicelist, default)
