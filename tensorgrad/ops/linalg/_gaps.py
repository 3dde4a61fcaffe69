"""Helpers for the derivatives of eigenvectors and singular vectors.

Vectors of equal values are determined only up to a rotation among themselves, so their derivative divides by the gaps
between the values; `divide_by_gaps` refuses a gap of 0. Vectors that merely complete a basis have no derivative at all.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._arrays import is_foreign
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, REAL, case
from tensorgrad.op import op
from tensorgrad.ops._matrices import diagonal, epsilon, transposed
from tensorgrad.tensor import plain


def _to_dividend(g: Any, gaps: Any) -> Any:
    return divide_by_gaps.apply(g, gaps)


def _to_gaps(g: Any, gaps: Any, out: Any) -> Any:
    return -divide_by_gaps.apply(g * out, gaps)


@op(
    x=_to_dividend,
    gaps=_to_gaps,
    domain={"x": REAL, "gaps": NONZERO},
    examples=[case((3, 3), (3, 3)), case((2, 3), (3,)), case((), ()), case((0,), (0,))],
    reference=np.divide,
)
def divide_by_gaps(x: ArrayLike, gaps: ArrayLike) -> Any:
    """Quotient x / gaps, elementwise, and 0 where both are 0: ∂x = 1/gaps, ∂gaps = -x/gaps².

    Raises:
        numpy.linalg.LinAlgError: a gap of 0 below an x, or in derivatives a gradient, that is not 0.

    >>> divide_by_gaps(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    Tensor([0.5, 0. ])
    """
    both_zero = np.equal(gaps, 0) & np.equal(x, 0)
    if not is_foreign(x) and not is_foreign(gaps) and np.any(np.equal(gaps, 0) & ~both_zero):
        raise np.linalg.LinAlgError(
            "in eigh and svd, the vectors of equal values (or of the singular value 0) have no derivative, nor has the "
            "derivative of such a value. Differentiate functions of the values alone, and once; or move the values "
            "apart, for example by adding a small random matrix"
        )
    return np.where(both_zero, 0.0, x / np.where(both_zero, 1.0, gaps))


def column(values: Any) -> Any:
    """Return `values` as columns: each along the rows of a matrix."""
    return np.expand_dims(values, -1)


def row(values: Any) -> Any:
    """Return `values` as rows."""
    return np.expand_dims(values, -2)


def negligible(differences: Any, values: Any) -> Any:
    """Return which differences between `values` are rounding errors."""
    return np.absolute(differences) <= epsilon(values) * np.sum(np.absolute(values), axis=-1, keepdims=True)


def rotations(vectors: Any, gradient: Any, gaps: Any) -> Any:
    """Return how the vectors turn into each other: (vectorsᵀ gradient)ᵢⱼ / gapᵢⱼ for i ≠ j."""
    itself = diagonal(gaps.shape[-1])
    overlap = np.where(itself, 0.0, np.matmul(transposed(vectors), gradient))
    return divide_by_gaps.apply(overlap, np.where(itself, 1.0, gaps))


def without_derivative(gradient: Any, g: Any, advice: str) -> Any:
    """Return `gradient` if the gradient `g` of columns that are arbitrary is 0; refuse `g` if it is not.

    The derivative with respect to `g` is NaN, and so are the columns' tangents in forward mode: the branch of `where`
    that is not taken passes 0 on, and 0 · NaN is NaN.
    """
    values = plain(g)
    if not is_foreign(values) and np.any(values != 0):
        raise ValueError(advice)
    is_zero = np.all(np.equal(values, 0), axis=(-2, -1), keepdims=True)
    return np.where(is_zero, gradient, np.sum(g, axis=(-2, -1), keepdims=True) * np.nan)
