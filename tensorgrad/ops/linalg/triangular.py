"""Decompositions into triangular factors: Cholesky and QR.

Like NumPy, `cholesky` reads one triangle of the matrix only; that triangle receives the whole gradient.
An overview of these derivatives: Seeger et al. (2017), "Auto-differentiating linear algebra".
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple, overload

import numpy as np

from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._matrices import (
    DEFINITE,
    WellConditioned,
    diagonal,
    epsilon,
    folded,
    mirrored,
    transposed,
)
from tensorgrad.ops.linalg._gaps import without_derivative
from tensorgrad.tensor import Tensor, plain


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
    """Cholesky factor L, lower triangular with L Lᵀ = a, of positive definite matrices; with `upper` its transpose.

    Only the lower (or upper) triangle of `a` is read and receives the gradient. Murray (2016), "Differentiation of
    the Cholesky decomposition".

    Raises:
        numpy.linalg.LinAlgError: `a` is not positive definite.

    >>> cholesky([[4.0, 2.0], [2.0, 2.0]])
    Tensor([[2., 0.],
            [1., 1.]])
    """
    return np.linalg.cholesky(as_array(a), upper=upper)


LEADING_WELL_CONDITIONED = WellConditioned(leading=10.0)
"""The derivative solves a system with the leading columns, so that they determine its precision."""


class QRResult(NamedTuple):
    """The factors of a matrix Q R: orthonormal columns, and an upper triangle."""

    Q: Tensor
    R: Tensor


def _qr_gradient(g: Any, out: Any) -> Any:
    rows, columns = out.Q.shape[-2], out.R.shape[-1]
    smaller = min(rows, columns)
    q, r = out.Q[..., :smaller], out.R[..., :smaller, :]
    g_q, g_r = g.Q[..., :smaller], g.R[..., :smaller, :]
    if columns > rows:
        left, right = r[..., :rows], r[..., rows:]
        g_left, g_right = g_r[..., :rows], g_r[..., rows:]
        through_right = np.matmul(np.matmul(q, right), transposed(g_right))
        gradient_left = _tall_qr_gradient(g_q + through_right, g_left, q, left)
        return np.concatenate([gradient_left, np.matmul(q, g_right)], axis=-1)
    gradient = _tall_qr_gradient(g_q, g_r, q, r)
    if out.Q.shape[-1] > smaller:
        advice = (
            f"qr: the last {rows - columns} columns of a complete Q are arbitrary, so they have no derivative. "
            "Use mode='reduced', or detach() the matrix."
        )
        gradient = without_derivative(gradient, g.Q[..., smaller:], advice)
    return gradient


def _tall_qr_gradient(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    """(Ḡ_Q + Q copyltu(R Ḡ_Rᵀ - Ḡ_Qᵀ Q)) R⁻ᵀ, where copyltu mirrors the lower triangle."""
    values = plain(r)
    if not is_foreign(values):
        pivots = np.diagonal(values, axis1=-2, axis2=-1)
        if np.any(np.absolute(pivots) <= epsilon(r) * np.linalg.norm(values, axis=-2)):
            raise np.linalg.LinAlgError(
                "qr: the leading columns of the matrix are linearly dependent, so Q and R have no derivative there."
            )
    middle = mirrored(np.matmul(r, transposed(g_r)) - np.matmul(transposed(g_q), q))
    return transposed(np.linalg.solve(r, transposed(g_q + np.matmul(q, middle))))


@op(
    a=_qr_gradient,
    results=QRResult,
    domain=LEADING_WELL_CONDITIONED,
    examples=[
        case((1, 1)), case((3, 3)), case((4, 2)), case((2, 4)), case((2, 3, 2)), case((0, 0)), case((0, 3, 2)),
        case((3, 3), mode="complete"), case((2, 3), mode="complete"),
        case((2, 4), mode="complete"),
    ],
    reference=lambda a, mode="reduced": np.linalg.qr(a, mode),
)  # fmt: skip
def qr_factors(a: ArrayLike, mode: Any = "reduced") -> Any:
    """Return the factors Q and R of `qr`, in one operation with two results; "reduced" or "complete".

    >>> qr_factors([[3.0, 1.0], [4.0, 2.0]]).R
    Tensor([[-5. , -2.2],
            [ 0. ,  0.4]])
    """
    return np.linalg.qr(as_array(a), mode)


@overload
def qr(a: ArrayLike, mode: Literal["reduced", "complete"] = "reduced") -> QRResult: ...


@overload
def qr(a: ArrayLike, mode: Literal["r"]) -> Tensor: ...


@overload
def qr(a: ArrayLike, mode: str) -> Any: ...


@composed(
    "a",
    numpy=np.linalg.qr,
    domain=LEADING_WELL_CONDITIONED,
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
def qr(a: ArrayLike, mode: str = "reduced") -> Any:
    """QR decomposition: Q with orthonormal columns and upper triangular R such that Q R = a.

    The gradient: Walter and Lehmann (2010), "Algorithmic differentiation of linear algebra functions"; with more
    columns than rows, Roberts and Roberts (2020), "QR and LQ decomposition matrix backpropagation algorithms".

    Args:
        a: matrices of shape (..., m, n).
        mode: "reduced": (..., m, k) and (..., k, n) with k = min(m, n); "r": R alone; "complete": (..., m, m) and
            (..., m, n). The last m - k columns of a complete Q only complete a basis and have no derivative.

    Returns:
        QRResult: a named tuple `(Q, R)`; R alone with mode "r".

    Raises:
        ValueError: an unknown mode; or, in the backward pass, a gradient for columns that only complete a basis.
        numpy.linalg.LinAlgError: in the backward pass, if the first k columns of `a` are linearly dependent.

    >>> qr([[3.0, 1.0], [4.0, 2.0]], mode="r")
    Tensor([[-5. , -2.2],
            [ 0. ,  0.4]])
    """
    if mode not in ("reduced", "complete", "r"):
        raise ValueError(f"expected the mode 'reduced', 'complete' or 'r', got {mode!r}.")
    factors: Any = qr_factors(a, mode="reduced" if mode == "r" else mode)
    return factors.R if mode == "r" else factors
