"""Choosing among several arrays, element by element: the gradient goes to the one that was chosen."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tensorgrad._arrays import as_array
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import getitem, with_item
from tensorgrad.tensor import Tensor, plain

__all__ = ["choose", "piecewise", "select"]


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
def select(condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: ArrayLike = 0) -> Any:
    """Select at each position the choice of the first condition that is True, else `default`.

    The others receive the gradient 0 exactly.

    >>> x = np.array([-2.0, 0.5, 3.0])
    >>> select([x < 0, x > 1], [-x, x * x])
    Tensor([2., 0., 9.])
    """
    return np.select(plain(condlist), choicelist, default)


@composed(
    "x",
    numpy=np.piecewise,
    numpy_only="the function of each condition is called with the elements where it holds",
    examples=[
        case((3,), condlist=[np.array([True, False, True])], funclist=[np.sin]),
        case((3,), condlist=[np.array([True, False, False])], funclist=[np.square, np.exp]),
        case((2, 2), condlist=[np.array([[True, False], [True, True]]), np.eye(2, dtype=bool)], funclist=[np.exp, 2.0]),
        case((), condlist=[True], funclist=[np.cos]),
    ],
)
def piecewise(
    x: ArrayLike, condlist: ArrayLike, funclist: Sequence[ArrayLike | Callable[..., Any]], *args: object, **kw: object
) -> Tensor:
    """Evaluate each function where its condition holds, and return the results in the shape of x.

    Args:
        x: any shape.
        condlist: conditions of the shape of `x`. Where several hold, the last one is used.
        funclist: a function or a number for each condition, and optionally one for all other elements; default 0.
        `*args`, `**kw`: further arguments of the functions.

    Raises:
        ValueError: the numbers of conditions and functions do not match.
        TypeError: `condlist` is a mapping.

    >>> x = np.array([-2.0, 1.0, 3.0])
    >>> piecewise(x, [x < 0, x > 2], [np.square, 9.0, lambda x: -x])
    Tensor([ 4., -1.,  9.])
    """
    x = x if isinstance(x, Tensor) else Tensor(as_array(x))
    conditions = plain(condlist)
    if isinstance(conditions, Mapping):
        raise TypeError(f"expected a list of conditions, got {type(conditions).__name__}.")
    if np.isscalar(conditions) or (not isinstance(conditions[0], (list, np.ndarray)) and x.ndim != 0):
        conditions = [conditions]  # one condition, not in a list
    conditions = [np.asarray(each, bool) for each in conditions]
    if len(funclist) == len(conditions) + 1:
        conditions.append(np.logical_not(functools.reduce(np.logical_or, conditions)))
    elif len(funclist) != len(conditions):
        raise ValueError(
            f"with {len(conditions)} conditions, expected as many functions, or one more, got {len(funclist)}."
        )
    result = Tensor(np.zeros(x.shape, x.dtype))
    for condition, function in zip(conditions, funclist):
        if not callable(function):
            result = with_item(result, function, condition)
        elif condition.any():
            result = with_item(result, function(getitem(x, condition), *args, **kw), condition)
    return result
