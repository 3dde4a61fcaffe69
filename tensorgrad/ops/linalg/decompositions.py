"""Cholesky, QR, eigenvalues and singular values.

Like NumPy, `cholesky` and `eigh` read one triangle of the matrix only; that triangle receives the whole gradient.
An overview of these derivatives: Seeger et al. (2017), "Auto-differentiating linear algebra".
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._tracking import tracked
from tensorgrad.ops.linalg import factors
from tensorgrad.ops.linalg._matrices import DEFINITE, WELL_CONDITIONED, diagonal, folded, transposed
from tensorgrad.ops.linalg._packing import unpacked
from tensorgrad.tensor import Tensor


class QRResult(NamedTuple):
    """The factors of a matrix Q R: orthonormal columns, and an upper triangle."""

    Q: Tensor
    R: Tensor


class EighResult(NamedTuple):
    """Eigenvalues in rising order, and the eigenvectors as columns."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class SVDResult(NamedTuple):
    """The factors of a matrix U diag(S) Vh; S in falling order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _lower_cholesky_gradient(g: Any, lower: Any) -> Any:
    """L⁻ᵀ Φ(Lᵀ Ḡ) L⁻¹ for symmetric changes, where Φ takes the lower triangle and half of the diagonal."""
    n = lower.shape[-1]
    product = np.matmul(transposed(lower), g)
    phi = np.where(np.tri(n, k=-1, dtype=bool), product, np.where(diagonal(n), 0.5 * product, 0.0))
    right = transposed(np.linalg.solve(transposed(lower), transposed(phi)))
    return folded(np.linalg.solve(transposed(lower), right))


def _cholesky_gradient(g: Any, out: Any, upper: bool) -> Any:
    if upper:
        return transposed(_lower_cholesky_gradient(transposed(g), transposed(out)))
    return _lower_cholesky_gradient(g, out)


@op(
    a=_cholesky_gradient,
    numpy=np.linalg.cholesky,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), upper=True), case((2, 2, 2)), case((0, 0)), case((0, 2, 2))],
)
def cholesky(a: ArrayLike, *, upper: bool = False) -> Any:
    """The lower triangle L with L Lᵀ = a, for positive definite matrices; with `upper` its transpose.

    Only the lower (or upper) triangle of `a` is read and receives the gradient. Murray (2016), "Differentiation of
    the Cholesky decomposition".

    Raises:
        numpy.linalg.LinAlgError: `a` is not positive definite.

    >>> cholesky([[4.0, 2.0], [2.0, 2.0]])
    Tensor([[2., 0.],
            [1., 1.]])
    """
    return np.linalg.cholesky(np.asarray(a), upper=upper)


@composed(
    "a",
    numpy=np.linalg.qr,
    domain=WELL_CONDITIONED,
    examples=[
        case((3, 3)),
        case((4, 2)),
        case((2, 4)),
        case((2, 3, 2)),
        case((4, 2), mode="r"),
        case((3, 3), mode="complete"),
        case((2, 3), mode="complete"),
        case((0, 3, 2)),
    ],
)
def qr(a: ArrayLike, mode: str = "reduced") -> QRResult | Tensor:
    """Q with orthonormal columns and upper triangular R, such that Q R = a.

    Args:
        a: matrices of shape (..., m, n).
        mode: "reduced": (..., m, k) and (..., k, n) with k = min(m, n); "r": R alone; "complete": (..., m, m) and
            (..., m, n).

    Raises:
        ValueError: another mode, or a gradient is to be recorded through a complete Q whose last m - n columns are
            any that complete a basis.
        numpy.linalg.LinAlgError: in the backward pass, if the first k columns of `a` are linearly dependent.

    The gradient is derived in Walter and Lehmann (2010) and Roberts and Roberts (2020).

    >>> qr([[3.0, 1.0], [4.0, 2.0]], mode="r")
    Tensor([[-5. , -2.2],
            [ 0. ,  0.4]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"expected the mode 'reduced', 'complete' or 'r', got {mode!r}.")
    *stack, rows, columns = np.shape(a)
    smaller = min(rows, columns)
    if mode == "complete" and rows > columns:
        if tracked(a):
            raise ValueError(
                f"the last {rows - columns} columns of a complete Q are arbitrary, so they have no derivative. "
                "Use mode='reduced', or detach() the matrix."
            )
        return QRResult(*map(Tensor, np.linalg.qr(np.asarray(a), "complete")))
    q, r = unpacked(factors.qr(a), [(*stack, rows, smaller), (*stack, smaller, columns)])
    return r if mode == "r" else QRResult(q, r)


@composed(
    "a",
    numpy=np.linalg.eigh,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), UPLO="U"), case((2, 2, 2)), case((0, 2, 2))],
)
def eigh(a: ArrayLike, UPLO: str = "L") -> EighResult:
    """Eigenvalues λ, rising, and eigenvectors v of symmetric matrices: ∂λᵢ = vᵢ vᵢᵀ.

    Only the triangle `UPLO` of `a` is read and receives the gradient. Where eigenvalues are equal, each receives the
    gradient of the eigenvector that was found; a gradient of their eigenvectors, or a second derivative, is an error.
    Giles (2008), "An extended collection of matrix derivative results".

    Raises:
        numpy.linalg.LinAlgError: in the backward pass, as said.

    >>> eigh([[2.0, 1.0], [1.0, 2.0]]).eigenvalues
    Tensor([1., 3.])
    """
    shape = np.shape(a)
    return EighResult(*unpacked(factors.eigh(a, UPLO), [shape[:-1], shape]))


@composed(
    "a",
    numpy=np.linalg.eigvalsh,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), UPLO="U"), case((2, 2, 2)), case((0, 2, 2))],
)
def eigvalsh(a: ArrayLike, UPLO: str = "L") -> Tensor:
    """The eigenvalues of symmetric matrices alone: those of `eigh`, with the same derivative.

    >>> eigvalsh([[2.0, 1.0], [1.0, 2.0]])
    Tensor([1., 3.])
    """
    return eigh(a, UPLO).eigenvalues


def _symmetric_svd(a: ArrayLike) -> SVDResult:
    """From the eigenvalues: the singular values are their absolute values, and the signs go into Vh."""
    values: Any
    vectors: Any
    values, vectors = eigh(a)
    falling = np.argsort(np.absolute(values.array), axis=-1)[..., ::-1]
    values = np.take_along_axis(values, falling, axis=-1)
    u: Any = np.take_along_axis(vectors, np.expand_dims(falling, -2), axis=-1)
    v: Any = np.where(np.expand_dims(values < 0, -2), -u, u)
    s: Any = np.absolute(values)
    return SVDResult(u, s, transposed(v))


@composed(
    "a",
    numpy=np.linalg.svd,
    domain=WELL_CONDITIONED,
    examples=[
        case((3, 3)),
        case((4, 2), full_matrices=False),
        case((2, 3), full_matrices=False),
        case((2, 3, 2), full_matrices=False),
        case((3, 2), compute_uv=False),
        case((3, 3), hermitian=True),
        case((2, 2, 2), hermitian=True, compute_uv=False),
        case((0, 2, 2)),
    ],
)
def svd(
    a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> SVDResult | Tensor:
    """U, S and Vh with U diag(S) Vh = a: ∂Sᵢ = uᵢ vᵢᵀ.

    Args:
        a: matrices of shape (..., m, n).
        full_matrices: give all m columns of U and n rows of Vh, not only k = min(m, n). Without a derivative unless
            m = n: pass False.
        compute_uv: give the three factors; else the singular values alone.
        hermitian: `a` is symmetric; only its lower triangle is read, and receives the gradient.

    A singular value of 0 is a kink, like |x| at 0, and its gradient is 0. Where singular values are equal, each
    receives the gradient of the vectors that were found. The gradient of vectors that belong to equal values (and for
    m ≠ n to the value 0), or a second derivative there, is an error. Townsend (2016), "Differentiating the
    singular value decomposition".

    Raises:
        ValueError: a gradient is to be recorded through columns that are any that complete a basis.
        numpy.linalg.LinAlgError: in the backward pass, as said.

    >>> svd([[3.0, 0.0], [0.0, -2.0]], compute_uv=False)
    Tensor([3., 2.])
    """
    if hermitian:
        result = _symmetric_svd(a)
        return result if compute_uv else result.S
    *stack, rows, columns = np.shape(a)
    smaller = min(rows, columns)
    if compute_uv and full_matrices and rows != columns:
        if tracked(a):
            raise ValueError(
                f"{abs(rows - columns)} of the singular vectors of a {rows} × {columns} matrix are arbitrary, so "
                "they have no derivative. Use full_matrices=False, or detach() the matrix."
            )
        return SVDResult(*map(Tensor, np.linalg.svd(np.asarray(a))))
    shapes = [(*stack, rows, smaller), (*stack, smaller), (*stack, smaller, columns)]
    result = SVDResult(*unpacked(factors.svd(a), shapes))
    return result if compute_uv else result.S


@composed(
    "x",
    numpy=np.linalg.svdvals,
    domain=WELL_CONDITIONED,
    examples=[case((3, 3)), case((4, 2)), case((2, 2, 3)), case((0, 2, 2))],
)
def svdvals(x: ArrayLike) -> Any:
    """The singular values alone, falling: those of `svd`, with the same derivative.

    >>> svdvals([[3.0, 0.0], [0.0, -2.0]])
    Tensor([3., 2.])
    """
    return svd(x, compute_uv=False)
