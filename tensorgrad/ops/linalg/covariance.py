"""Covariance and correlation of variables."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import holds, is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, DTypeLike
from tensorgrad.domains import POSITIVE, REAL, case
from tensorgrad.ops.elementwise.arithmetic import positive
from tensorgrad.ops.elementwise.powers import sqrt
from tensorgrad.ops.elementwise.where import clip
from tensorgrad.ops.indexing.diagonals import diagonal
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.reductions.moments import mean
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.axes import expand_dims, transpose
from tensorgrad.ops.shape.joining import concatenate
from tensorgrad.ops.shape.reshaping import astype, reshape
from tensorgrad.tensor import Tensor, plain

__all__ = ["corrcoef", "cov"]


def _variables(m: Any, rowvar: bool, dtype: Any) -> Any:
    """Return a floating-point matrix with a variable in each row."""
    if np.ndim(m) > 2:
        raise ValueError(f"expected at most 2 axes, got shape {np.shape(m)}.")
    m = positive(m)
    m = m if m.dtype.kind == "f" and dtype is None else astype(m, dtype or float)
    m = reshape(m, (1, -1)) if m.ndim < 2 else m
    return m if rowvar or m.shape[0] == 1 else transpose(m)


def _checked_weights(weights: Any, count: int, name: str) -> Any:
    if weights.shape != (count,):
        raise ValueError(f"expected {name} of shape ({count},), one for each observation, got {weights.shape}.")
    if not holds(plain(weights) >= 0) and not is_foreign(plain(weights)):
        raise ValueError(f"expected {name} ≥ 0.")
    return weights


def _checked_fweights(fweights: Any, count: int, dtype: Any) -> Any:
    """Return how often each observation occurs, as constants of the dtype of the variables."""
    if getattr(fweights, "requires_grad", False):
        raise _messages.no_rule("fweights", "cov")
    weights = _checked_weights(np.asarray(plain(fweights)), count, "fweights")
    if np.any(weights != np.round(weights)):
        raise TypeError("expected integers as fweights: how often each observation occurs.")
    return weights.astype(dtype)


def _products_of_rows(x: Any, w: Any) -> Any:
    """Return Σ wₖ xᵢₖ xⱼₖ for each two rows i and j."""
    return matmul(x, transpose(x if w is None else x * w))


_EXAMPLES = [
    case((2, 4)),
    case((4,)),
    case((3, 2), rowvar=False),
    case((4,), (4,)),
    case((2, 3), (1, 3)),
]


@composed(
    "m",
    "y",
    "aweights",
    numpy=np.cov,
    domain={"m": REAL, "y": REAL, "aweights": POSITIVE},
    examples=[
        *_EXAMPLES,
        case((2, 4), bias=True),
        case((2, 4), ddof=0),
        case((2, 3), None, (3,), fweights=np.array([1, 3, 2])),
        case((2, 3), None, (3,), ddof=0),
    ],
)
def cov(
    m: ArrayLike,
    y: ArrayLike | None = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: ArrayLike | None = None,
    aweights: ArrayLike | None = None,
    *,
    dtype: DTypeLike | None = None,
) -> Tensor:
    """Covariance matrix of variables: Σ(xᵢ - mean xᵢ)(xⱼ - mean xⱼ)/(n - 1), the sum over n observations.

    Args:
        m: a matrix with a variable in each row, or one variable.
        y: further variables.
        rowvar: if False, variables are in columns.
        bias: divide by n.
        ddof: divide by n - ddof; replaces `bias`.
        fweights: how often each observation occurs, as integers. No derivative.
        aweights: weights of the observations.
        dtype: the dtype of the result.

    Raises:
        ValueError: an array has more than two axes, or weights are negative or have the wrong shape.
        TypeError: `fweights` requires a gradient, or is not an array of integers.

    >>> cov([[1.0, 2.0, 3.0], [6.0, 4.0, 2.0]])
    Tensor([[ 1., -2.],
            [-2.,  4.]])
    """
    if ddof is not None and ddof != int(ddof):
        raise ValueError(f"expected an integer ddof, got {ddof}.")
    x = _variables(m, rowvar, dtype)
    if y is not None:
        x = concatenate([x, _variables(y, rowvar, dtype)], axis=0)
    ddof = (0 if bias else 1) if ddof is None else ddof
    count = x.shape[1]
    w: Any = None
    if fweights is not None:
        w = _checked_fweights(fweights, count, x.dtype)
    if aweights is not None:
        aweights = astype(_checked_weights(positive(aweights), count, "aweights"), x.dtype)
        w = aweights if w is None else w * aweights
    total: Any = count if w is None else sum(w)
    freedom = total - (ddof if aweights is None else ddof * sum(w * aweights) / total)
    x = x - expand_dims(mean(x, 1) if w is None else sum(x * w, 1) / total, 1)
    if holds(plain(freedom) <= 0):
        warnings.warn("cov: there are too few observations for ddof.", RuntimeWarning, stacklevel=3)
        freedom = 0.0
    result = _products_of_rows(x, w) / (freedom if isinstance(freedom, Tensor) else np.asarray(freedom, x.dtype))
    return reshape(result, ()) if result.shape == (1, 1) else result


@composed("x", "y", numpy=np.corrcoef, examples=_EXAMPLES)
def corrcoef(
    x: ArrayLike, y: ArrayLike | None = None, rowvar: bool = True, *, dtype: DTypeLike | None = None
) -> Tensor:
    """Correlation coefficients of variables: their covariances divided by their standard deviations.

    >>> corrcoef([1.0, 2.0, 3.0], [6.0, 4.0, 2.0])
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    covariances = cov(x, y, rowvar, dtype=dtype)
    if covariances.ndim == 0:
        return covariances / covariances
    deviations = sqrt(diagonal(covariances))
    return clip(covariances / expand_dims(deviations, 1) / expand_dims(deviations, 0), -1, 1)
