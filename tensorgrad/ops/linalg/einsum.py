"""Einstein summation, in every form that NumPy accepts."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_lowercase, ascii_uppercase
from types import EllipsisType
from typing import Any

import numpy as np

from tensorgrad import numpy_dispatch
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.linalg import _contraction
from tensorgrad.tensor import Tensor

__all__ = ["einsum"]

_LETTERS = ascii_uppercase + ascii_lowercase  # sorted, so that an implicit result has its axes in the numbers' order


def _as_letters(labels: Any) -> str:
    """Return the labels as a string, `[0, 1, Ellipsis]` as "AB..."."""
    known = isinstance(labels, Sequence) and all(each is ... or each in range(len(_LETTERS)) for each in labels)
    if not known:
        raise ValueError(f"einsum: expected a list of integers from 0 to 51, or `...`, got {labels!r}.")
    return "".join("..." if each is ... else _LETTERS[each] for each in labels)


def einsum(
    subscripts: ArrayLike,
    *operands: ArrayLike | Sequence[int | EllipsisType],
    optimize: bool | str | Sequence[object] = False,
) -> Tensor:
    """Sum of products over the axes named in `subscripts`: each operand receives the gradient times the others.

    Every form of NumPy's: implicit ("ij,jk") and explicit ("ij,jk->ik"), with an ellipsis ("...i,i->..."), with a
    label twice in one operand ("ii->i" is the diagonal), and with lists of numbers for the labels, as in
    `einsum(a, [0, 1], b, [1, 2], [0, 2])`.

    Args:
        subscripts: the labels of each operand's axes and of the result's.
        operands: the arrays.
        optimize: as for NumPy: False, True, "greedy", "optimal" or a path. Unless False, gradients use separate paths.

    >>> einsum("ij,j->i", [[1.0, 2.0], [3.0, 4.0]], [1.0, 10.0])
    Tensor([21., 43.])
    """
    if isinstance(optimize, (dict, set)):
        raise TypeError(f'einsum: optimize must be a bool, "greedy", "optimal" or a path, got {optimize!r}.')
    if isinstance(subscripts, str):
        return _contraction.einsum(operands, subscripts, optimize=optimize)
    arguments: tuple[Any, ...] = (subscripts, *operands)
    pairs = len(arguments) // 2
    spelled = ",".join(_as_letters(labels) for labels in arguments[1 : 2 * pairs : 2])
    if len(arguments) % 2:
        spelled += "->" + _as_letters(arguments[-1])
    return _contraction.einsum(arguments[0 : 2 * pairs : 2], spelled, optimize=optimize)


numpy_dispatch.answers[np.einsum] = einsum  # by hand: `composed` calls have their tensors in fixed places
