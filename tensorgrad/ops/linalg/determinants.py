"""Determinants, which are differentiable at singular matrices too."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tensorgrad._arrays import as_array, is_foreign
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops._matrices import WELL_CONDITIONED, diagonal, epsilon, transposed
from tensorgrad.tensor import Tensor, plain


class SlogdetResult(NamedTuple):
    """The sign of a determinant, and the logarithm of its absolute value."""

    sign: Tensor
    logabsdet: Tensor


def _spread(numbers: Any) -> Any:
    """Return one number for each matrix of a stack, in a shape that broadcasts against it."""
    return np.expand_dims(numbers, (-2, -1))


def _is_far_from_singular(a: Any) -> bool:
    """Return whether the inverses of these matrices are accurate to half of their digits."""
    matrices = plain(a)
    if is_foreign(matrices):
        return False  # what is right for singular matrices is right for all
    if not np.isfinite(matrices).all():  # so is everything made from it; the decomposition would not converge
        return True
    values = np.linalg.svd(matrices, compute_uv=False)
    return bool(np.all(values[..., -1:] > epsilon(a) ** 0.5 * values[..., :1]))


def _cofactors_gradient(g: Any, a: Any) -> Any:
    if not _is_far_from_singular(a):
        return _cofactors_gradient_at_singular(g, a)
    inverse = transposed(np.linalg.inv(a))
    cofactor = _spread(np.linalg.det(a)) * inverse
    total = np.sum(g * inverse, axis=(-2, -1), keepdims=True)
    return total * cofactor - np.matmul(np.matmul(inverse, transposed(g)), cofactor)


def _cofactors_gradient_at_singular(g: Any, a: Any) -> Any:
    """In the basis of the singular vectors: for i ≠ j, Π_{k≠i,j} sₖ times ḡᵢᵢ at jj, and times -ḡᵢⱼ at ji."""
    n = a.shape[-1]
    u, s, vh = np.linalg.svd(a)
    rest = diagonal(n)[:, None] | diagonal(n)[None, :]
    others = np.prod(np.where(rest, 1.0, np.expand_dims(s, (-3, -2))), axis=-1)
    others = np.where(diagonal(n), 0.0, others)
    g = np.matmul(np.matmul(transposed(u), g), transposed(vh))
    on_diagonal = np.matmul(others, np.sum(np.where(diagonal(n), g, 0.0), axis=-1, keepdims=True))
    in_basis = np.where(diagonal(n), on_diagonal, -transposed(others * g))
    return _spread(np.linalg.det(u) * np.linalg.det(vh)) * np.matmul(np.matmul(u, in_basis), vh)


def _cofactors_of_singular(a: Any) -> Any:
    """det U · det V · U diag(Π_{j≠i} sⱼ) Vᵀ."""
    u, s, vh = np.linalg.svd(a)
    others = np.prod(np.where(diagonal(a.shape[-1]), 1.0, np.expand_dims(s, -2)), axis=-1)
    return _spread(np.linalg.det(u) * np.linalg.det(vh)) * np.matmul(u * np.expand_dims(others, -2), vh)


def _signed_minors(a: Any) -> Any:
    """Return the cofactors by their definition: determinants without row i and column j, with the sign of (-1)ⁱ⁺ʲ."""
    result = np.empty_like(a)
    for i, j in np.ndindex(a.shape[-2:]):
        minor = np.delete(np.delete(a, i, axis=-2), j, axis=-1)
        result[..., i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    return result


@op(
    a=_cofactors_gradient,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((2, 2)), case((3, 3)), case((2, 3, 3)), case((0, 2, 2)), case((0, 0))],
    reference=_signed_minors,
)
def cofactors(a: ArrayLike) -> Any:
    """Derivative of the determinant with respect to each element: det a · a⁻ᵀ, and its limit where `a` is singular.

    Stewart (1998), "On the adjugate matrix": the product is accurate however close to singular `a` is.

    >>> cofactors(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([[ 4., -3.],
            [-2.,  1.]])
    """
    matrices: Any = as_array(a)
    if is_foreign(matrices):
        return _cofactors_of_singular(matrices)
    try:
        return _spread(np.linalg.det(matrices)) * transposed(np.linalg.inv(matrices))
    except np.linalg.LinAlgError:
        return _cofactors_of_singular(matrices)


@op(
    a=lambda g, a: _spread(g) * cofactors.apply(a),
    numpy=np.linalg.det,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((2, 1, 3, 3)), case((0, 2, 2)), case((0, 0))],
)
def det(a: ArrayLike) -> Any:
    """Determinant: the derivative is the matrix of cofactors, det a · a⁻ᵀ, also where `a` is singular.

    Second derivatives are correct there too; a third derivative is an error if singular values are equal.

    >>> det([[1.0, 2.0], [3.0, 5.0]])
    Tensor(-1.)
    """
    return np.linalg.det(as_array(a))


def _slogdet_gradient(g: Any, a: Any, out: Any) -> Any:
    """0 for the sign, and a⁻ᵀ (Petersen and Pedersen, formula 57)."""
    logarithms = plain(out.logabsdet)
    if not is_foreign(logarithms) and np.any(np.isinf(logarithms)):
        raise np.linalg.LinAlgError(
            "slogdet: the matrix is singular, and the logarithm of its determinant has no derivative there. "
            "The determinant itself has: use det."
        )
    return _spread(g.logabsdet) * transposed(np.linalg.inv(a))


@op(
    a=_slogdet_gradient,
    results=SlogdetResult,
    numpy=np.linalg.slogdet,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((0, 2, 2)), case((0, 0))],
)
def slogdet(a: ArrayLike) -> Any:
    """Sign (derivative 0) and natural logarithm of |det a| (derivative a⁻ᵀ), which neither overflow nor underflow.

    Returns:
        SlogdetResult: a named tuple `(sign, logabsdet)`.

    Raises:
        numpy.linalg.LinAlgError: in the backward pass, if `a` is singular.

    >>> sign, logabsdet = slogdet([[2.0, 0.0], [0.0, -1.0]])
    >>> logabsdet
    Tensor(0.69314718)
    """
    return np.linalg.slogdet(as_array(a))
