"""Products of many matrices: powers, and chains in the cheapest order."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.ops._matrices import WELL_CONDITIONED
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.solve import inv
from tensorgrad.ops.shape.reshaping import copy, reshape
from tensorgrad.tensor import Tensor, checked_array, plain


@composed(
    "a",
    numpy=np.linalg.matrix_power,
    domain=WELL_CONDITIONED,
    examples=[case((3, 3), n=n) for n in (1, 2, 5, -1, -3)] + [case((2, 2, 2), n=3), case((0, 2, 2), n=2)],
)
def matrix_power(a: ArrayLike, n: int) -> Tensor:
    """Raise `a` to the integer power n, by repeated squaring; for n < 0 of its inverse; for n = 0 the constant 1.

    Raises:
        TypeError: n is not an integer.
        numpy.linalg.LinAlgError: `a` is not square, or n < 0 and it is singular.

    >>> matrix_power([[1.0, 1.0], [0.0, 1.0]], 5)
    Tensor([[1., 5.],
            [0., 1.]])
    """
    if not isinstance(n, (int, np.integer)):
        raise TypeError(f"expected an integer exponent, got {n!r}.")
    shape = np.shape(a)
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise np.linalg.LinAlgError(f"expected square matrices, got {shape}.")
    if n == 0:
        return Tensor(np.linalg.matrix_power(checked_array(plain(a)), 0))
    square = inv(a) if n < 0 else copy(a)
    rest = abs(n)
    while rest % 2 == 0:
        square, rest = matmul(square, square), rest // 2
    power = square
    while rest := rest // 2:
        square = matmul(square, square)
        if rest % 2:
            power = matmul(power, square)
    return power


@composed(
    "arrays",
    sequence="arrays",
    numpy=np.linalg.multi_dot,
    examples=[
        case([(2, 3), (3, 2)]),
        case([(2, 3), (3, 4), (4, 2)]),
        case([(3,), (3, 4), (4, 2), (2, 3)]),
        case([(2, 3), (3, 4), (4,)]),
        case([(3,), (3, 2), (2,)]),
    ],
)
def multi_dot(arrays: Sequence[ArrayLike]) -> Tensor:
    """Product of two or more matrices, in the order that needs the fewest multiplications.

    The first may be a vector, a row, and the last one, a column. The order: Cormen et al., "Introduction to
    algorithms", 3rd edition, section 15.2 (matrix-chain multiplication).

    >>> multi_dot([[[1.0, 2.0]], [[3.0], [4.0]], [[5.0]]])
    Tensor([[55.]])
    """
    if len(arrays) < 2:
        raise ValueError(f"expected at least two arrays, got {len(arrays)}.")
    first, last = np.shape(arrays[0]), np.shape(arrays[-1])
    matrices: list[Any] = list(arrays)
    if len(first) == 1:
        matrices[0] = reshape(matrices[0], (1, -1))
    if len(last) == 1:
        matrices[-1] = reshape(matrices[-1], (-1, 1))
    shapes = [np.shape(matrix) for matrix in matrices]
    if any(len(shape) != 2 for shape in shapes) or any(s[1] != t[0] for s, t in pairwise(shapes)):
        raise np.linalg.LinAlgError(
            f"expected matrices that fit one another, got {[np.shape(array) for array in arrays]}."
        )
    splits = _cheapest_splits([shapes[0][0], *(shape[1] for shape in shapes)])
    product = _product(matrices, splits, 0, len(matrices))
    return reshape(product, (*first[:-1], *last[1:])) if 1 in (len(first), len(last)) else product


def _cheapest_splits(lengths: Sequence[int]) -> dict[tuple[int, int], int]:
    """Return the best split of each part start:stop of a chain; matrix i has shape (lengths[i], lengths[i + 1])."""
    count = len(lengths) - 1
    cost = {(start, start + 1): 0 for start in range(count)}
    splits = {}
    for size in range(2, count + 1):
        for start in range(count - size + 1):
            stop = start + size
            cost[start, stop], splits[start, stop] = min(
                (cost[start, split] + cost[split, stop] + lengths[start] * lengths[split] * lengths[stop], split)
                for split in range(start + 1, stop)
            )
    return splits


def _product(matrices: Sequence[Any], splits: dict[tuple[int, int], int], start: int, stop: int) -> Any:
    if stop - start == 1:
        return matrices[start]
    split = splits[start, stop]
    return matmul(_product(matrices, splits, start, split), _product(matrices, splits, split, stop))
