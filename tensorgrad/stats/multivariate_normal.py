"""Multivariate normal distribution of vectors, with the given mean and covariance matrix.

Only the lower triangle of the covariance matrix is read and receives the gradient, as in `tg.linalg.cholesky`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tensorgrad import _arrays, _messages
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import add, multiply, subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.powers import square
from tensorgrad.ops.elementwise.where import where
from tensorgrad.ops.indexing.diagonals import diag
from tensorgrad.ops.linalg.eigen import eigvalsh
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.solve import pinv
from tensorgrad.ops.linalg.triangular import cholesky
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.scipy.matrices import solve_triangular
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.stats._support import values
from tensorgrad.tensor import Tensor

__all__ = ["entropy", "logpdf", "pdf"]


def _covariance(mean: Any, cov: Any, x: Any = 0.0) -> Any:
    """Return the covariance matrix; for one variance or a vector of variances, the diagonal matrix."""
    shape = np.shape(values(cov))
    if len(shape) == 2 and shape[0] == shape[1]:
        return cov
    if len(shape) == 1:
        return diag(cov)
    if len(shape) == 0:
        dtype = np.result_type(cov.dtype if hasattr(cov, "dtype") else values(x).dtype, np.float16)
        return multiply(cov, np.eye(1 if mean is None else values(mean).size, dtype=dtype))
    raise ValueError(f"expected a square covariance matrix, got shape {shape}.")


def _null_space(cov: Any) -> tuple[Any, Any]:
    """Return the eigenvectors whose eigenvalue SciPy counts as 0, as columns, and the bound that it uses."""
    if _arrays.is_foreign(cov):
        reason = "with allow_singular=True, the formula depends on the rank of cov"
        raise _messages.numpy_only("multivariate_normal", reason)
    eigenvalues, vectors = np.linalg.eigh(cov)
    negligible = _negligible(eigenvalues.dtype) * np.abs(eigenvalues).max()
    if eigenvalues[0] < -negligible:
        raise ValueError(f"expected a positive semidefinite covariance matrix, got the eigenvalue {eigenvalues[0]:g}.")
    return vectors[:, eigenvalues <= negligible], negligible


def _negligible(dtype: Any) -> float:
    """Return the fraction of the largest eigenvalue up to which SciPy counts an eigenvalue as 0."""
    return (1e3 if dtype == np.float32 else 1e6) * float(np.finfo(dtype).eps)


def _regular(cov: Any, rows: Any) -> tuple[Any, Any]:
    """Return the squared Σ⁻¹-norms of the rows, and ½ log det Σ, for the positive definite matrix Σ."""
    factor = cholesky(cov)
    whitened = solve_triangular(factor, rows.T, lower=True)
    return sum(square(whitened), axis=0), sum(log(diag(factor)))


def _singular(cov: Any, rows: Any, null: Any, negligible: float) -> tuple[Any, Any]:
    """Return the squared Σ⁺-norms of the rows (∞ outside the range of Σ), and ½ log of the product of the λᵢ > 0."""
    inverse = pinv(cov, hermitian=True, rtol=_negligible(values(cov).dtype))
    distance = sum(multiply(matmul(rows, inverse), rows), axis=1)
    outside = np.linalg.norm(values(rows) @ null, axis=1) >= 1e3 * negligible
    positive = eigvalsh(cov)[null.shape[1] :]
    return where(outside, np.inf, distance), multiply(sum(log(positive)), 0.5)


@composed("x", "mean", "cov")
def logpdf(x: ArrayLike, mean: ArrayLike | None = None, cov: ArrayLike = 1.0, allow_singular: bool = False) -> Tensor:
    """Return the logarithm of the density.

    Args:
        x: vectors along the last axis, of shape (..., d). If d = 1, x of shape (n,) holds n numbers.
        mean: of shape (d,), or a number if d = 1; default 0.
        cov: the covariance matrix of shape (d, d), variances of shape (d,), or one variance.
        allow_singular: accept a rank-deficient `cov`. The density is then the one on `mean` + the range of `cov`, and
            0 elsewhere. The derivative with respect to `cov` is taken along matrices of the same rank.

    Raises:
        ValueError: the shapes do not match, or `cov` has a negative eigenvalue.
        numpy.linalg.LinAlgError: `cov` is not positive definite, and `allow_singular` is False.

    >>> logpdf([1.0, 2.0], mean=[0.0, 0.0], cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(-3.38718321)
    """
    cov = _covariance(mean, cov, x)
    d = values(cov).shape[0]
    if d == 1 and np.ndim(values(x)) <= 1:
        x = reshape(x, (-1, 1)) if np.ndim(values(x)) else reshape(x, (1,))
    if np.shape(values(x))[-1:] != (d,) or (mean is not None and values(mean).size != d):
        raise ValueError(
            f"expected vectors x of shape (..., {d}) and a mean of shape ({d},) for a covariance matrix of shape "
            f"({d}, {d}), got shapes {np.shape(values(x))} and {None if mean is None else values(mean).shape}."
        )
    moved = x if mean is None else subtract(x, mean)
    rows = reshape(moved, (-1, d))
    null, negligible = _null_space(values(cov)) if allow_singular else (np.empty((d, 0)), 0.0)
    rank = d - null.shape[1]
    distance, half_log_determinant = _regular(cov, rows) if rank == d else _singular(cov, rows, null, negligible)
    distance = reshape(distance, np.shape(values(x))[:-1])
    return subtract(multiply(distance, -0.5), add(half_log_determinant, rank * math.log(2 * math.pi) / 2))


@composed("x", "mean", "cov")
def pdf(x: ArrayLike, mean: ArrayLike | None = None, cov: ArrayLike = 1.0, allow_singular: bool = False) -> Tensor:
    """Return the density; see `logpdf`.

    >>> pdf([0.0, 0.0], mean=[0.0, 0.0], cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(0.09188815)
    """
    return exp(logpdf(x, mean, cov, allow_singular))


@composed("cov")
def entropy(mean: ArrayLike | None = None, cov: ArrayLike = 1.0) -> Tensor:
    """Return the differential entropy, which does not depend on the mean.

    >>> entropy(cov=[[2.0, 1.0], [1.0, 2.0]])
    Tensor(3.38718321)
    """
    factor = cholesky(_covariance(mean, cov))
    d = factor.shape[0]
    return add(sum(log(diag(factor))), d * (1 + math.log(2 * math.pi)) / 2)
