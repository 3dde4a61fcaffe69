"""Helpers of the matrix operations, also those of SciPy: transposes, triangles, and domains of test matrices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad._arrays import is_foreign
from tensorgrad._typing import Shape
from tensorgrad.domains import Domain


def transposed(a: Any) -> Any:
    """Transpose each matrix of a stack."""
    return np.swapaxes(a, -1, -2)


def diagonal(n: int) -> NDArray[np.bool_]:
    """Return the boolean mask of the diagonal of an n × n matrix. A boolean mask does not widen any dtype."""
    return np.eye(n, dtype=bool)


def mirrored(a: Any) -> Any:
    """Return the symmetric matrix with the lower triangle of `a`."""
    return np.where(np.tri(a.shape[-1], dtype=bool), a, transposed(a))


def folded(gradient: Any) -> Any:
    """Return the gradient of `mirrored`: the gradient of the upper triangle is added to the lower one."""
    n = gradient.shape[-1]
    below = np.tri(n, k=-1, dtype=bool)
    return np.where(below, gradient + transposed(gradient), np.where(diagonal(n), gradient, 0.0))


def epsilon(a: Any) -> float:
    """Return the relative rounding error of the dtype of `a`, as a Python number, which does not widen any dtype."""
    return float(np.finfo(a.dtype).eps)


def refuse_infinities(operation: str, a: Any) -> None:
    """Raise LinAlgError if an element of `a` is infinite: the decomposition of LAPACK may never return then."""
    if not is_foreign(a) and np.isinf(a).any():
        raise np.linalg.LinAlgError(f"{operation}: expected finite numbers, got a matrix with an infinite element")


@dataclass(frozen=True)
class WellConditioned(Domain):
    """Matrices whose singular values lie between 1 and 2, apart from each other.

    Attributes:
        leading: an upper bound of the condition number of the first columns of a wide matrix, as many as it has rows.
    """

    leading: float = np.inf

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Return a stack of random matrices of the given shape."""
        *stack, rows, columns = shape
        smaller = min(rows, columns)
        while True:
            left, right = (np.linalg.qr(rng.normal(size=(*stack, n, smaller)))[0] for n in (rows, columns))
            matrices = np.asarray(np.matmul(left * np.linspace(2.0, 1.0, smaller), transposed(right)))
            if not matrices.size or np.max(np.linalg.cond(matrices[..., :smaller])) <= self.leading:
                return matrices


class Definite(Domain):
    """Symmetric matrices whose eigenvalues lie between 1 and 2, apart from each other."""

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Return a stack of random matrices of the given shape."""
        basis = np.linalg.qr(rng.normal(size=shape))[0]
        return np.asarray(np.matmul(basis * np.linspace(1.0, 2.0, shape[-1]), transposed(basis)))


class RealSpectrum(Domain):
    """Matrices that are not symmetric, with real eigenvalues near 1, 2, 3, …"""

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Return a stack of random matrices of the given shape."""
        return np.asarray(np.diag(np.arange(1.0, shape[-1] + 1)) + rng.uniform(-0.15, 0.15, shape))


WELL_CONDITIONED = WellConditioned()
DEFINITE = Definite()
REAL_SPECTRUM = RealSpectrum()
