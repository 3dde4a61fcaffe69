"""Multivariate normal distribution of vectors, with the given mean and covariance matrix.

Only the lower triangle of the covariance matrix is read and receives the gradient, as in `tg.linalg.cholesky`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import add, multiply, subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.powers import square
from tensorgrad.ops.indexing.diagonals import diag
from tensorgrad.ops.linalg.triangular import cholesky
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.scipy.matrices import solve_triangular
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.stats._support import values
from tensorgrad.tensor import Tensor

__all__ = ["entropy", "logpdf", "pdf"]


def _covariance(mean: Any, cov: Any, x: Any = 0.0) -> Any:
    """Return the covariance matrix: of a number or a vector of variances, the diagonal matrix."""
    shape = np.shape(values(cov))
    if len(shape) == 2 and shape[0] == shape[1]:
        return cov
    if len(shape) == 1:
        return diag(cov)
    if len(shape) == 0:
        dtype = np.result_type(cov.dtype if hasattr(cov, "dtype") else values(x).dtype, np.float16)
        return multiply(cov, np.eye(1 if mean is None else values(mean).size, dtype=dtype))
    raise ValueError(f"expected a square covariance matrix, got shape {shape}.")


@composed("x", "mean", "cov")
def logpdf(x: ArrayLike, mean: ArrayLike | None = None, cov: ArrayLike = 1.0) -> Tensor:
    """Return the logarithm of the density.

    Args:
        x: vectors along the last axis, of shape (..., d). For d = 1, a vector holds that many numbers.
        mean: of shape (d,), or a number if d = 1; default 0.
        cov: the covariance matrix of shape (d, d), variances of shape (d,), or one variance.

    Raises:
        ValueError: the shapes do not match.
        numpy.linalg.LinAlgError: `cov` is not positive definite.

    >>> logpdf([1.0, 2.0], mean=[0.0, 0.0], cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(-3.38718321)
    """
    factor = cholesky(_covariance(mean, cov, x))
    d = factor.shape[0]
    if d == 1 and np.ndim(values(x)) <= 1:
        x = reshape(x, (-1, 1)) if np.ndim(values(x)) else reshape(x, (1,))
    if np.shape(values(x))[-1:] != (d,) or (mean is not None and values(mean).size != d):
        raise ValueError(
            f"expected vectors x of shape (..., {d}) and a mean of shape ({d},) for a covariance matrix of shape "
            f"({d}, {d}), got shapes {np.shape(values(x))} and {None if mean is None else values(mean).shape}."
        )
    moved = x if mean is None else subtract(x, mean)
    rows = reshape(moved, (-1, d))
    whitened = solve_triangular(factor, rows.T, lower=True)
    distance = reshape(sum(square(whitened), axis=0), np.shape(values(x))[:-1])
    return subtract(multiply(distance, -0.5), add(sum(log(diag(factor))), d * math.log(2 * math.pi) / 2))


@composed("x", "mean", "cov")
def pdf(x: ArrayLike, mean: ArrayLike | None = None, cov: ArrayLike = 1.0) -> Tensor:
    """Return the density; see `logpdf`.

    >>> pdf([0.0, 0.0], mean=[0.0, 0.0], cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(0.09188815)
    """
    return exp(logpdf(x, mean, cov))


@composed("cov")
def entropy(mean: ArrayLike | None = None, cov: ArrayLike = 1.0) -> Tensor:
    """Return the differential entropy, which does not depend on the mean.

    >>> entropy(cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(3.38718321)
    """
    factor = cholesky(_covariance(mean, cov))
    d = factor.shape[0]
    return add(sum(log(diag(factor))), d * (1 + math.log(2 * math.pi)) / 2)
