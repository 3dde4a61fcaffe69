"""Singular values and singular vectors."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np

from tensorgrad._arrays import as_array
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._matrices import WELL_CONDITIONED, diagonal, refuse_infinities, transposed
from tensorgrad.ops.linalg._gaps import column, divide_by_gaps, negligible, rotations, row, without_derivative
from tensorgrad.ops.linalg.eigen import eigh
from tensorgrad.tensor import Tensor, plain


class SVDResult(NamedTuple):
    """The factors of a matrix U diag(S) Vh, with S in descending order."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def _svd_gradient(g: Any, out: Any) -> Any:
    """Townsend (2016), "Differentiating the singular value decomposition"."""
    smaller, rows, columns = out.S.shape[-1], out.U.shape[-2], out.Vh.shape[-1]
    u, s, vh = out.U[..., :smaller], out.S, out.Vh[..., :smaller, :]
    g_u, v, g_v = g.U[..., :smaller], transposed(vh), transposed(g.Vh[..., :smaller, :])

    difference = row(s) - column(s)
    gaps = np.where(negligible(difference, row(s)), 0.0, difference * (row(s) + column(s)))
    zero = negligible(s, s)
    turn_u, turn_v = rotations(u, g_u, gaps), rotations(v, g_v, gaps)
    in_basis = (turn_u + transposed(turn_u)) * row(s) + column(s) * (turn_v + transposed(turn_v))
    in_basis = in_basis + np.where(diagonal(smaller), column(np.where(zero, 0.0, g.S)), 0.0)
    gradient = np.matmul(np.matmul(u, in_basis), vh)

    scale = row(np.where(zero, 0.0, s))
    if rows > columns:  # u can also rotate out of the space it spans
        outside = g_u - np.matmul(u, np.matmul(transposed(u), g_u))
        gradient = gradient + np.matmul(divide_by_gaps.apply(outside, scale), vh)
    if columns > rows:
        outside = g_v - np.matmul(v, np.matmul(vh, g_v))
        gradient = gradient + np.matmul(u, transposed(divide_by_gaps.apply(outside, scale)))
    if out.U.shape[-1] > smaller:
        gradient = without_derivative(gradient, g.U[..., smaller:], _advice(rows, columns))
    if out.Vh.shape[-2] > smaller:
        gradient = without_derivative(gradient, g.Vh[..., smaller:, :], _advice(rows, columns))
    return gradient


def _advice(rows: int, columns: int) -> str:
    return (
        f"svd: {abs(rows - columns)} of the singular vectors of a {rows} × {columns} matrix are arbitrary, so "
        "they have no derivative. Use full_matrices=False, or detach() the matrix."
    )


@op(
    a=_svd_gradient,
    results=SVDResult,
    domain=WELL_CONDITIONED,
    examples=[
        case((1, 1)), case((3, 3)), case((3, 3), full_matrices=True), case((4, 2)), case((2, 3)), case((2, 3, 2)),
        case((1, 3)), case((0, 2)), case((0, 2, 2)),
    ],
    reference=lambda a, full_matrices=False: np.linalg.svd(a, full_matrices),
)  # fmt: skip
def svd_factors(a: ArrayLike, full_matrices: bool = False) -> Any:
    """Return the factors U, S and Vh of `svd`, in one operation with three results.

    >>> svd_factors([[3.0, 0.0], [0.0, -2.0]]).S
    Tensor([3., 2.])
    """
    matrices = as_array(a)
    refuse_infinities("svd", matrices)
    return np.linalg.svd(matrices, full_matrices)


@overload
def svd(
    a: ArrayLike, full_matrices: bool = True, compute_uv: Literal[True] = True, hermitian: bool = False
) -> SVDResult: ...


@overload
def svd(a: ArrayLike, full_matrices: bool = True, *, compute_uv: Literal[False], hermitian: bool = False) -> Tensor: ...


@overload
def svd(a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any: ...


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
def svd(a: ArrayLike, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    """Singular value decomposition: U, S and Vh with U diag(S) Vh = a; ∂Sᵢ = uᵢ vᵢᵀ.

    A singular value of 0 is a kink, like |x| at 0, and its gradient is 0. Where singular values are equal, each
    receives the gradient of the vectors that were found. The gradient of vectors that belong to equal values (and for
    m ≠ n to the value 0), or a second derivative there, is an error. Townsend (2016), "Differentiating the
    singular value decomposition".

    Args:
        a: matrices of shape (..., m, n).
        full_matrices: return all m columns of U and n rows of Vh, not only k = min(m, n). The further ones only
            complete a basis and have no derivative.
        compute_uv: return the three factors; else the singular values alone.
        hermitian: `a` is symmetric; only its lower triangle is read, and receives the gradient.

    Returns:
        SVDResult: a named tuple `(U, S, Vh)`; S alone without `compute_uv`.

    Raises:
        ValueError: in the backward pass, for a gradient of vectors that only complete a basis.
        numpy.linalg.LinAlgError: in the backward pass, where singular values are equal, as described.

    >>> svd([[3.0, 0.0], [0.0, -2.0]], compute_uv=False)
    Tensor([3., 2.])
    """
    factors: Any = _symmetric_svd(a) if hermitian else svd_factors(a, full_matrices=full_matrices and compute_uv)
    return factors if compute_uv else factors.S


def _symmetric_svd(a: ArrayLike) -> Any:
    """Compute the SVD from the eigenvalues: singular values are their absolute values, and the signs go into Vh."""
    values: Any
    vectors: Any
    values, vectors = eigh(a)
    falling = np.argsort(np.absolute(plain(values)), axis=-1)[..., ::-1]
    values = np.take_along_axis(values, falling, axis=-1)
    u: Any = np.take_along_axis(vectors, np.expand_dims(falling, -2), axis=-1)
    v: Any = np.where(np.expand_dims(plain(values) < 0, -2), -u, u)
    return SVDResult(u, np.absolute(values), transposed(v))


@composed(
    "x",
    numpy=np.linalg.svdvals,
    domain=WELL_CONDITIONED,
    examples=[case((3, 3)), case((4, 2)), case((2, 2, 3)), case((0, 2, 2))],
)
def svdvals(x: ArrayLike) -> Tensor:
    """Singular values in descending order: those of `svd`, with the same derivative.

    >>> svdvals([[3.0, 0.0], [0.0, -2.0]])
    Tensor([3., 2.])
    """
    return svd(x, compute_uv=False)
