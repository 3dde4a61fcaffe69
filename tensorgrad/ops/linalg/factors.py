"""Matrix functions with several results, and their derivatives; each gives its results in one row (see `packing`).

`decompositions` and `determinants` hand the results out under NumPy's names. Singular vectors and eigenvectors of
equal values are determined only up to a rotation among themselves, so their derivative divides by the gap between
the values; `divide_by_gaps` does so, and refuses when the gap is 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import NONZERO, REAL, case
from tensorgrad.op import op
from tensorgrad.ops.linalg._matrices import DEFINITE, WELL_CONDITIONED, diagonal, epsilon, folded, mirrored, transposed
from tensorgrad.ops.linalg._packing import packed, unpacked


def _to_dividend(g: Any, gaps: Any) -> Any:
    return divide_by_gaps.apply(g, gaps)


def _to_gaps(g: Any, gaps: Any, out: Any) -> Any:
    return -divide_by_gaps.apply(g * out, gaps)


@op(
    x=_to_dividend,
    gaps=_to_gaps,
    domain={"x": REAL, "gaps": NONZERO},
    examples=[case((3, 3), (3, 3)), case((2, 3), (3,)), case((), ()), case((0,), (0,))],
)
def divide_by_gaps(x: ArrayLike, gaps: ArrayLike) -> Any:
    """x / gaps, elementwise, and 0 where both are 0: ∂x = 1/gaps, ∂gaps = -x/gaps².

    Raises:
        numpy.linalg.LinAlgError: a gap of 0 below an x, or in derivatives a gradient, that is not 0.

    >>> divide_by_gaps(np.array([1.0, 0.0]), np.array([2.0, 0.0]))
    Tensor([0.5, 0. ])
    """
    tied = np.equal(gaps, 0)
    if np.any(tied & np.not_equal(x, 0)):
        raise np.linalg.LinAlgError(
            "in eigh and svd, the vectors of equal values (or of the singular value 0) have no derivative, nor has the "
            "derivative of such a value. Differentiate functions of the values alone, and once; or move the values "
            "apart, for example by adding a small random matrix"
        )
    return np.where(tied, 0.0, x / np.where(tied, 1.0, gaps))


def _column(values: Any) -> Any:
    return np.expand_dims(values, -1)


def _row(values: Any) -> Any:
    return np.expand_dims(values, -2)


def _negligible(differences: Any, values: Any) -> Any:
    """Which differences between `values` are rounding errors."""
    return np.absolute(differences) <= epsilon(values) * np.sum(np.absolute(values), axis=-1, keepdims=True)


def _rotations(vectors: Any, gradient: Any, gaps: Any) -> Any:
    """How the vectors turn into each other: (vectorsᵀ gradient)ᵢⱼ / gapᵢⱼ for i ≠ j."""
    itself = diagonal(gaps.shape[-1])
    overlap = np.where(itself, 0.0, np.matmul(transposed(vectors), gradient))
    return divide_by_gaps.apply(overlap, np.where(itself, 1.0, gaps))


def _eigh_gradient(g: Any, a_shape: Shape, out: Any, UPLO: str) -> Any:
    shapes = [a_shape[:-1], a_shape]
    values, vectors = unpacked(out, shapes)
    g_values, g_vectors = unpacked(g, shapes)
    gaps = _row(values) - _column(values)
    gaps = np.where(_negligible(gaps, _row(values)), 0.0, gaps)
    in_basis = np.where(diagonal(a_shape[-1]), _column(g_values), _rotations(vectors, g_vectors, gaps))
    gradient = folded(np.matmul(np.matmul(vectors, in_basis), transposed(vectors)))
    return gradient if UPLO.upper() == "L" else transposed(gradient)


@op(
    a=_eigh_gradient,
    domain=DEFINITE,
    examples=[case((1, 1)), case((3, 3)), case((3, 3), UPLO="U"), case((2, 2, 2)), case((0, 0)), case((0, 2, 2))],
)
def eigh(a: ArrayLike, UPLO: Any = "L") -> Any:
    """Eigenvalues and eigenvectors of symmetric matrices: V (diag ḡ + F∘(VᵀḠ)) Vᵀ with Fᵢⱼ = 1/(λⱼ - λᵢ).

    Giles (2008), "An extended collection of matrix derivative results".

    >>> eigh([[2.0, 0.0], [0.0, 1.0]]).shape
    (6,)
    """
    return packed(np.linalg.eigh(np.asarray(a), UPLO))


def _svd_shapes(a_shape: Shape) -> list[Shape]:
    *stack, rows, columns = a_shape
    smaller = min(rows, columns)
    return [(*stack, rows, smaller), (*stack, smaller), (*stack, smaller, columns)]


def _svd_gradient(g: Any, a_shape: Shape, out: Any) -> Any:
    rows, columns = a_shape[-2:]
    u, s, vh = unpacked(out, _svd_shapes(a_shape))
    g_u, g_s, g_vh = unpacked(g, _svd_shapes(a_shape))
    v, g_v = transposed(vh), transposed(g_vh)

    difference = _row(s) - _column(s)
    gaps = np.where(_negligible(difference, _row(s)), 0.0, difference * (_row(s) + _column(s)))
    zero = _negligible(s, s)
    turn_u, turn_v = _rotations(u, g_u, gaps), _rotations(v, g_v, gaps)
    in_basis = (turn_u + transposed(turn_u)) * _row(s) + _column(s) * (turn_v + transposed(turn_v))
    in_basis = in_basis + np.where(diagonal(min(rows, columns)), _column(np.where(zero, 0.0, g_s)), 0.0)
    gradient = np.matmul(np.matmul(u, in_basis), vh)

    scale = _row(np.where(zero, 0.0, s))
    if rows > columns:  # u can also turn out of the space it spans
        outside = g_u - np.matmul(u, np.matmul(transposed(u), g_u))
        gradient = gradient + np.matmul(divide_by_gaps.apply(outside, scale), vh)
    if columns > rows:
        outside = g_v - np.matmul(v, np.matmul(vh, g_v))
        gradient = gradient + np.matmul(u, transposed(divide_by_gaps.apply(outside, scale)))
    return gradient


@op(
    a=_svd_gradient,
    domain=WELL_CONDITIONED,
    examples=[
        case((1, 1)),
        case((3, 3)),
        case((4, 2)),
        case((2, 3)),
        case((2, 3, 2)),
        case((1, 3)),
        case((0, 2)),
        case((0, 2, 2)),
    ],
)
def svd(a: ArrayLike) -> Any:
    """Reduced singular value decomposition; the gradient is derived in Townsend (2016), "Differentiating the
    singular value decomposition".

    >>> svd([[2.0, 0.0], [0.0, 1.0]]).shape
    (10,)
    """
    return packed(np.linalg.svd(np.asarray(a), full_matrices=False))


def _qr_shapes(a_shape: Shape) -> list[Shape]:
    *stack, rows, columns = a_shape
    smaller = min(rows, columns)
    return [(*stack, rows, smaller), (*stack, smaller, columns)]


def _qr_gradient(g: Any, a_shape: Shape, out: Any) -> Any:
    rows, columns = a_shape[-2:]
    q, r = unpacked(out, _qr_shapes(a_shape))
    g_q, g_r = unpacked(g, _qr_shapes(a_shape))
    if rows >= columns:
        return _tall_qr_gradient(g_q, g_r, q, r)
    left, right = r[..., :rows], r[..., rows:]
    g_left, g_right = g_r[..., :rows], g_r[..., rows:]
    through_right = np.matmul(np.matmul(q, right), transposed(g_right))
    gradient_left = _tall_qr_gradient(g_q + through_right, g_left, q, left)
    return np.concatenate([gradient_left, np.matmul(q, g_right)], axis=-1)


def _tall_qr_gradient(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    """(Ḡ_Q + Q copyltu(R Ḡ_Rᵀ - Ḡ_Qᵀ Q)) R⁻ᵀ, where copyltu mirrors the lower triangle."""
    values = np.asarray(r)
    pivots = np.diagonal(values, axis1=-2, axis2=-1)
    if np.any(np.absolute(pivots) <= epsilon(r) * np.linalg.norm(values, axis=-2)):
        raise np.linalg.LinAlgError(
            "qr: the leading columns of the matrix are linearly dependent, so Q and R have no derivative there."
        )
    middle = mirrored(np.matmul(r, transposed(g_r)) - np.matmul(transposed(g_q), q))
    return transposed(np.linalg.solve(r, transposed(g_q + np.matmul(q, middle))))


@op(
    a=_qr_gradient,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((3, 3)), case((4, 2)), case((2, 4)), case((2, 3, 2)), case((0, 0)), case((0, 3, 2))],
)
def qr(a: ArrayLike) -> Any:
    """Reduced QR decomposition.

    The gradient: Walter and Lehmann (2010), "Algorithmic differentiation of linear algebra functions"; with more
    columns than rows, Roberts and Roberts (2020), "QR and LQ decomposition matrix backpropagation algorithms".

    >>> qr([[2.0, 0.0], [0.0, 1.0]]).shape
    (8,)
    """
    return packed(np.linalg.qr(np.asarray(a)))


def _slogdet_gradient(g: Any, a: Any, out: Any) -> Any:
    if np.any(np.isinf(out[1])):
        raise np.linalg.LinAlgError(
            "slogdet: the matrix is singular, and the logarithm of its determinant has no derivative there. "
            "The determinant itself has: use det."
        )
    return np.expand_dims(g[1], (-2, -1)) * transposed(np.linalg.inv(a))


@op(
    a=_slogdet_gradient,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((0, 2, 2)), case((0, 0))],
)
def slogdet(a: ArrayLike) -> Any:
    """Sign and logarithm of |det a|, one after the other: 0 and a⁻ᵀ (Petersen and Pedersen, formula 57).

    >>> slogdet([[2.0, 0.0], [0.0, -1.0]])
    Tensor([-1.        ,  0.69314718])
    """
    return np.stack(np.linalg.slogdet(np.asarray(a)))
