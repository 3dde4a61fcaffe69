"""Inverses, linear equations and least squares."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import NONZERO, REAL, case
from tensorgrad.op import op
from tensorgrad.ops._matrices import WELL_CONDITIONED, epsilon, folded, mirrored, refuse_infinities, transposed
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.singular import svdvals
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.axes import transpose
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor


@op(
    a=lambda g, out: -np.matmul(np.matmul(transposed(out), g), transposed(out)),
    numpy=np.linalg.inv,
    domain=WELL_CONDITIONED,
    examples=[case((1, 1)), case((3, 3)), case((2, 2, 2)), case((2, 1, 3, 3)), case((0, 0)), case((0, 2, 2))],
)
def inv(a: ArrayLike) -> Any:
    """Inverse: ∂a = -a⁻ᵀ g a⁻ᵀ (Giles 2008, "An extended collection of matrix derivative results").

    Raises:
        numpy.linalg.LinAlgError: `a` is singular.

    >>> inv([[2.0, 0.0], [0.0, 4.0]])
    Tensor([[0.5 , 0.  ],
            [0.  , 0.25]])
    """
    return np.linalg.inv(a)  # type: ignore[arg-type]


def _solve_right(g: Any, a: Any, b_shape: Shape) -> Any:
    """Return a⁻ᵀ g, for one vector b or for matrices."""
    if len(b_shape) == 1:
        return np.squeeze(np.linalg.solve(transposed(a), np.expand_dims(g, -1)), -1)
    return np.linalg.solve(transposed(a), g)


def _solve_left(g: Any, a: Any, b_shape: Shape, out: Any) -> Any:
    right = _solve_right(g, a, b_shape)
    if len(b_shape) == 1:
        return -np.expand_dims(right, -1) * np.expand_dims(out, -2)
    return -np.matmul(right, transposed(out))


@op(
    a=_solve_left,
    b=_solve_right,
    numpy=np.linalg.solve,
    domain={"a": WELL_CONDITIONED, "b": REAL},
    examples=[
        case((3, 3), (3,)),
        case((3, 3), (3, 2)),
        case((2, 3, 3), (3,)),
        case((2, 2, 2), (2, 2, 3)),
        case((2, 2), (3, 2, 1)),
        case((2, 1, 2, 2), (3, 2, 2)),
        case((1, 1), (1,)),
        case((0, 0), (0,)),
        case((2, 2), (2, 0)),
    ],
)
def solve(a: ArrayLike, b: ArrayLike) -> Any:
    """Solve a x = b for x: ∂b = a⁻ᵀ g, ∂a = -∂b xᵀ (Giles 2008).

    Args:
        a: matrices of shape (..., n, n).
        b: one vector (n,), or matrices (..., n, k); as in NumPy 2, anything but a single vector is treated as matrices.

    Raises:
        numpy.linalg.LinAlgError: `a` is singular.

    >>> solve([[2.0, 0.0], [0.0, 4.0]], [1.0, 2.0])
    Tensor([0.5, 0.5])
    """
    return np.linalg.solve(a, b)  # type: ignore[arg-type]


def _pinv_gradient(g: Any, a: Any, out: Any, hermitian: bool) -> Any:
    """-Pᵀ ḡ Pᵀ + (I - a P) ḡᵀ P Pᵀ + Pᵀ P ḡᵀ (I - P a), the second and third for changes out of a's own spaces."""
    a = mirrored(a) if hermitian else a
    inverse, g_t = transposed(out), transposed(g)
    left, right = np.matmul(g_t, np.matmul(out, inverse)), np.matmul(np.matmul(inverse, out), g_t)
    gradient = left - np.matmul(a, np.matmul(out, left)) + right - np.matmul(np.matmul(right, out), a)
    gradient = gradient - np.matmul(np.matmul(inverse, g), inverse)
    return folded(gradient) if hermitian else gradient


_USUAL_RTOL = 1e-15


@op(
    a=_pinv_gradient,
    numpy=np.linalg.pinv,
    domain=WELL_CONDITIONED,
    examples=[
        case((3, 3)),
        case((4, 2)),
        case((2, 3), rcond=1e-10),
        case((2, 3, 2), rtol=None),
        case((1, 2)),
        case((0, 2)),
        case((0, 2, 3)),
    ],
)
def pinv(a: ArrayLike, rcond: ArrayLike | None = None, hermitian: bool = False, *, rtol: Any = _USUAL_RTOL) -> Any:
    """Moore-Penrose pseudo-inverse. Golub and Pereyra (1973), "The differentiation of pseudo-inverses and nonlinear
    least squares problems whose variables separate", formula 4.12.

    The derivative is taken along matrices of the same rank: where `a` is rank deficient, the pseudo-inverse is
    discontinuous in all other directions.

    Args:
        a: matrices of shape (..., m, n).
        rcond: singular values up to `rcond` times the largest count as 0.
        hermitian: `a` is symmetric; only its lower triangle is read, and receives the gradient.
        rtol: the same as `rcond`; None means max(m, n) times the rounding error of the dtype.

    >>> pinv([[2.0], [0.0]])
    Tensor([[0.5, 0. ]])
    """
    refuse_infinities("pinv", a)
    if rcond is None:
        return np.linalg.pinv(a, hermitian=hermitian, rtol=rtol)  # type: ignore[arg-type]
    if rtol is not _USUAL_RTOL:
        raise ValueError("expected rcond or rtol, got both")
    return np.linalg.pinv(a, rcond, hermitian)  # type: ignore[arg-type]


class LstsqResult(NamedTuple):
    """Solution, sums of squared residuals, rank of the matrix, and its singular values."""

    x: Tensor
    residuals: Tensor
    rank: np.intc
    s: Tensor


@composed(
    "a",
    "b",
    numpy=np.linalg.lstsq,
    domain={"a": WELL_CONDITIONED, "b": REAL},
    numpy_only="the shape of the residuals depends on the rank",
    examples=[
        case((4, 2), (4,)),
        case((4, 2), (4, 3)),
        case((4, 2), (4, 1), rcond=1e-6),
        case((3, 1), (3,), rcond=-1),
    ],
)
def lstsq(a: ArrayLike, b: ArrayLike, rcond: float | None = None) -> LstsqResult:
    """Return the shortest x that minimises |a x - b|², from `pinv(a)`; see there for the derivative.

    Args:
        a: a matrix (m, n).
        b: a vector (m,), or a matrix (m, k) whose columns are k separate problems.
        rcond: singular values up to `rcond` times the largest count as 0; default max(m, n) times the rounding error.

    Returns:
        x (n,) or (n, k); the sums of squared residuals (1,) or (k,), empty unless m > n and the rank is n; the rank;
        the singular values.

    >>> x, residuals, rank, s = lstsq([[1.0], [1.0]], [1.0, 3.0])
    >>> x
    Tensor([2.])
    """
    if np.ndim(a) != 2 or np.ndim(b) not in (1, 2) or np.shape(a)[0] != np.shape(b)[0]:
        raise np.linalg.LinAlgError(
            f"expected a matrix and a vector or matrix with as many rows, got {np.shape(a)} and {np.shape(b)}."
        )
    rows, columns = np.shape(a)
    s = svdvals(a)
    precision = epsilon(s)
    cutoff = precision * max(rows, columns) if rcond is None else precision if rcond < 0 else rcond
    rank = np.intc(np.count_nonzero(s.array > cutoff * s.array.max(initial=0)))
    x = matmul(pinv(a, cutoff), b)
    if rank == columns < rows:
        error = reshape(b - matmul(a, x), (rows, -1))
        residuals = sum(error * error, axis=0)
    else:
        residuals = Tensor(np.empty(0, x.dtype))
    return LstsqResult(x, residuals, rank, s)


@composed(
    "a",
    numpy=np.linalg.tensorinv,
    domain=NONZERO,
    examples=[case((2, 3, 3, 2)), case((4, 2, 2), ind=1), case((2, 2, 4)), case((1, 1))],
)
def tensorinv(a: ArrayLike, ind: int = 2) -> Tensor:
    """Inverse with respect to `tensordot`: that of the matrix whose rows are the first `ind` axes.

    >>> tensorinv([[[2.0, 0.0]], [[0.0, 4.0]]], ind=1).shape
    (1, 2, 2)
    """
    if ind <= 0:
        raise ValueError(f"expected ind > 0, got {ind}.")
    shape = np.shape(a)
    size = int(np.prod(shape[ind:], dtype=int))
    return reshape(inv(reshape(a, (size, -1))), (*shape[ind:], *shape[:ind]))


@composed(
    "a",
    "b",
    numpy=np.linalg.tensorsolve,
    examples=[
        case((2, 3, 6), (2, 3)),
        case((2, 2, 2, 2), (2, 2)),
        case((3, 3, 2, 2), (3, 2), axes=(1,)),
        case((3, 3), (3,)),
    ],
)
def tensorsolve(a: ArrayLike, b: ArrayLike, axes: Sequence[int] | None = None) -> Tensor:
    """Solve tensordot(a, x, x.ndim) = b for x; `axes` of `a` are moved to the end first.

    >>> tensorsolve([[2.0, 0.0], [0.0, 4.0]], [1.0, 2.0])
    Tensor([0.5, 0.5])
    """
    if axes is not None:
        order = list(range(np.ndim(a)))
        for axis in axes:
            order.remove(axis)
            order.append(axis)
        a = transpose(a, order)
    shape = np.shape(a)[np.ndim(b) :]
    size = int(np.prod(shape, dtype=int))
    if size**2 != int(np.prod(np.shape(a), dtype=int)):
        raise np.linalg.LinAlgError(
            f"expected as many unknowns as equations, got {np.shape(a)} for a right side {np.shape(b)}."
        )
    return reshape(solve(reshape(a, (size, size)), reshape(b, -1)), shape)
