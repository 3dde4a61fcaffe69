"""Eigenvalues and eigenvectors of symmetric matrices, and of others if the eigenvalues are real.

Like NumPy, `eigh` reads one triangle of the matrix only; that triangle receives the whole gradient.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from tensorgrad._arrays import as_array
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._matrices import DEFINITE, REAL_SPECTRUM, diagonal, folded, transposed
from tensorgrad.ops.linalg._gaps import column, negligible, rotations, row
from tensorgrad.tensor import Tensor


class EigResult(NamedTuple):
    """Eigenvalues, and the eigenvectors as columns of length 1."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EighResult(NamedTuple):
    """Eigenvalues in ascending order, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


def _eigh_gradient(g: Any, a_shape: Shape, out: Any, UPLO: str) -> Any:
    """V (diag ḡ + F∘(VᵀḠ)) Vᵀ with Fᵢⱼ = 1/(λⱼ - λᵢ)."""
    values, vectors = out
    gaps = row(values) - column(values)
    gaps = np.where(negligible(gaps, row(values)), 0.0, gaps)
    turned = rotations(vectors, g.eigenvectors, gaps)
    in_basis = np.where(diagonal(a_shape[-1]), column(g.eigenvalues), turned)
    gradient = folded(np.matmul(np.matmul(vectors, in_basis), transposed(vectors)))
    return gradient if UPLO.upper() == "L" else transposed(gradient)


@op(
    a=_eigh_gradient,
    results=EighResult,
    numpy=np.linalg.eigh,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), UPLO="U"), case((2, 2, 2)), case((0, 0)), case((0, 2, 2))],
)
def eigh(a: ArrayLike, UPLO: Literal["L", "U"] = "L") -> Any:
    """Eigenvalues λ in ascending order and eigenvectors v of symmetric matrices: ∂λᵢ = vᵢ vᵢᵀ.

    Only the triangle `UPLO` of `a` is read and receives the gradient. Where eigenvalues are equal, each receives the
    gradient of the eigenvector that was found; a gradient of their eigenvectors, or a second derivative, is an error.
    Giles (2008), "An extended collection of matrix derivative results".

    Returns:
        EighResult: a named tuple `(eigenvalues, eigenvectors)`.

    Raises:
        ValueError: `UPLO` is neither "L" nor "U".
        numpy.linalg.LinAlgError: in the backward pass, where eigenvalues are equal, as described.

    >>> eigh([[2.0, 1.0], [1.0, 2.0]]).eigenvalues
    Tensor([1., 3.])
    """
    if not isinstance(UPLO, str) or UPLO.upper() not in ("L", "U"):
        raise ValueError(f'expected UPLO "L" or "U", got {UPLO!r}')
    return np.linalg.eigh(as_array(a), UPLO)


@composed(
    "a",
    numpy=np.linalg.eigvalsh,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), UPLO="U"), case((2, 2, 2)), case((0, 2, 2))],
)
def eigvalsh(a: ArrayLike, UPLO: Literal["L", "U"] = "L") -> Tensor:
    """Eigenvalues of symmetric matrices: those of `eigh`, with the same derivative.

    >>> eigvalsh([[2.0, 1.0], [1.0, 2.0]])
    Tensor([1., 3.])
    """
    values, _ = eigh(a, UPLO)
    return values


def _eig_gradient(g: Any, a_shape: Shape, out: Any) -> Any:
    """V⁻ᵀ (diag ḡ + F∘(VᵀḠ)) Vᵀ with Fᵢⱼ = 1/(λⱼ - λᵢ), and Ḡ orthogonal to V: its columns keep the length 1."""
    values, vectors = out
    gaps = row(values) - column(values)
    gaps = np.where(negligible(gaps, row(values)), 0.0, gaps)
    along = np.sum(vectors * g.eigenvectors, axis=-2, keepdims=True)
    turned = rotations(vectors, g.eigenvectors - vectors * along, gaps)
    in_basis = np.where(diagonal(a_shape[-1]), column(g.eigenvalues), turned)
    return np.linalg.solve(transposed(vectors), np.matmul(in_basis, transposed(vectors)))


@op(
    a=_eig_gradient,
    results=EigResult,
    numpy=np.linalg.eig,
    numpy_only="the results are complex for some matrices",
    domain=REAL_SPECTRUM,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((0, 0)), case((0, 2, 2))],
)
def eig(a: ArrayLike) -> Any:
    """Eigenvalues λ and eigenvectors v of square matrices whose eigenvalues are all real.

    The eigenvectors have length 1. If eigenvalues are equal, the gradient of their eigenvectors and second derivatives
    raise an error. The derivative: Giles (2008), "An extended collection of matrix derivative results".

    Returns:
        EigResult: a named tuple `(eigenvalues, eigenvectors)`.

    Raises:
        numpy.linalg.LinAlgError: an eigenvalue is complex; or, in the backward pass, some are equal, as described.

    >>> eig([[1.0, 2.0], [0.0, 3.0]]).eigenvalues
    Tensor([1., 3.])
    """
    values, vectors = np.linalg.eig(as_array(a))
    if values.dtype.kind != "c":
        return values, vectors
    if np.any(values.imag):
        raise np.linalg.LinAlgError(
            "the matrix has complex eigenvalues, and tensors hold real numbers. Use eigh for a symmetric matrix, or "
            "np.linalg.eig(t.detach().numpy()) for the values without a gradient"
        )
    return values.real.copy(), vectors.real.copy()  # from NumPy 2.5 on, all results are complex


@composed(
    "a",
    numpy=np.linalg.eigvals,
    numpy_only="the results are complex for some matrices",
    domain=REAL_SPECTRUM,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((0, 2, 2))],
)
def eigvals(a: ArrayLike) -> Tensor:
    """Eigenvalues of square matrices, which must all be real: those of `eig`, with the same derivative.

    >>> eigvals([[1.0, 2.0], [0.0, 3.0]])
    Tensor([1., 3.])
    """
    values, _ = eig(a)
    return values
