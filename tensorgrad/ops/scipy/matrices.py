"""Matrix functions of SciPy: the matrix exponential, and linear systems with a triangular matrix."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import linalg

from tensorgrad._arrays import as_array
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import REAL, Domain, case
from tensorgrad.op import op
from tensorgrad.ops._matrices import DEFINITE, diagonal, transposed
from tensorgrad.ops.scipy._shared import NUMPY_ONLY
from tensorgrad.tensor import plain

__all__ = ["expm", "solve_triangular"]


def _expm_gradient(g: Any, a: Any) -> Any:
    """Return the upper right block of exp([[aᵀ, g], [0, aᵀ]]).

    It is linear in g, which is scaled so that it does not determine how `expm` scales the block matrix.
    """
    n = a.shape[-1]
    size = float(np.max(np.absolute(plain(g)), initial=0.0)) or 1.0
    upper = np.concatenate([transposed(a), g / size], axis=-1)
    lower = np.concatenate([np.zeros_like(a), transposed(a)], axis=-1)
    return size * expm.apply(np.concatenate([upper, lower], axis=-2))[..., :n, n:]


@op(
    a=_expm_gradient,
    examples=[case((1, 1)), case((2, 2)), case((3, 3)), case((2, 2, 2)), case((0, 2, 2)), case((0, 0))],
    domain=Domain(-1.0, 1.0),
    reference=lambda a: _taylor_exponential(a),
    numpy_only=NUMPY_ONLY,
)
def expm(a: ArrayLike) -> Any:
    """Matrix exponential Σ aᵏ/k! of square matrices: for g, the upper right block of exp([[aᵀ, g], [0, aᵀ]]).

    The derivative: Najfeld and Havel (1995), "Derivatives of the matrix exponential and their computation".

    Raises:
        numpy.linalg.LinAlgError: `a` is not square.

    >>> expm([[0.0, 1.0], [0.0, 0.0]])
    Tensor([[1., 1.],
            [0., 1.]])
    """
    matrices = as_array(a)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise np.linalg.LinAlgError(f"expected square matrices, got shape {matrices.shape}.")
    return linalg.expm(matrices) if matrices.size else np.array(matrices, np.result_type(matrices, np.float16))


def _taylor_exponential(a: Any) -> Any:
    """Return the sum of the series, for the small matrices of the tests."""
    total = term = np.broadcast_to(np.eye(a.shape[-1]), a.shape)
    for k in range(1, 40):
        term = term @ a / k
        total = total + term
    return total


def _triangle(n: int, lower: bool, unit_diagonal: bool) -> Any:
    """Return the mask of the elements that `solve_triangular` reads."""
    mask = np.tri(n, dtype=bool)
    return (mask if lower else mask.T) & ~(diagonal(n) & unit_diagonal)


def _to_columns(g: Any, a: Any, b_shape: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    """`solve_triangular(aᵀ, g)` as matrices: a vector is a column."""
    columns = g[..., None] if len(b_shape) == 1 else g
    return solve_triangular.apply(a, columns, 1 - trans, lower=lower, unit_diagonal=unit_diagonal)


def _to_b(g: Any, a: Any, b_shape: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    to_columns = _to_columns(g, a, b_shape, trans, lower, unit_diagonal)
    return to_columns[..., 0] if len(b_shape) == 1 else to_columns


def _to_a(g: Any, a: Any, b_shape: Any, out: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    """-∂b xᵀ, or its transpose if `a` was transposed; 0 for elements that are not read."""
    to_columns = _to_columns(g, a, b_shape, trans, lower, unit_diagonal)
    x = out[..., None] if len(b_shape) == 1 else out
    product = np.matmul(x, transposed(to_columns)) if trans else np.matmul(to_columns, transposed(x))
    return np.where(_triangle(a.shape[-1], lower, unit_diagonal), -product, 0.0)


@op(
    a=_to_a,
    b=_to_b,
    domain={"a": DEFINITE, "b": REAL},
    examples=[
        case((3, 3), (3,)), case((3, 3), (3, 2), lower=True), case((2, 3, 3), (3, 1), trans=1),
        case((2, 1, 2, 2), (3, 2, 2), lower=True, trans=1), case((2, 2, 2), (2,)), case((0, 0), (0,)),
        case((2, 2), (2, 0)), case((3, 3), (3,), lower=True, unit_diagonal=True),
        case((2, 2), (2, 2), trans=1, unit_diagonal=True),
    ],
    reference=lambda a, b, trans=0, lower=False, unit_diagonal=False: _full_solution(a, b, trans, lower, unit_diagonal),
    numpy_only=NUMPY_ONLY,
)  # fmt: skip
def solve_triangular(
    a: ArrayLike, b: ArrayLike, trans: int = 0, *, lower: bool = False, unit_diagonal: bool = False
) -> Any:
    """Solve a x = b for triangular `a`, of which only one triangle is read: ∂b = a⁻ᵀ g, ∂a = -∂b xᵀ in that triangle.

    Args:
        a: matrices of shape (..., n, n).
        b: one vector (n,), or matrices (..., n, k).
        trans: 0 for a x = b, 1 for aᵀ x = b.
        lower: read the lower triangle of `a` instead of the upper one.
        unit_diagonal: take the diagonal of `a` as 1 without reading it.

    Raises:
        ValueError: `trans` is not 0 or 1, or the shapes do not match.
        numpy.linalg.LinAlgError: `a` is not square, or singular.

    >>> solve_triangular([[1.0, 0.0], [2.0, 4.0]], [1.0, 6.0], lower=True)
    Tensor([1., 1.])
    """
    if trans not in (0, 1):
        raise ValueError(f"expected trans 0 or 1, got {trans!r}.")
    matrices, right = as_array(a), as_array(b)
    if matrices.ndim < 2 or matrices.shape[-1] != matrices.shape[-2]:
        raise np.linalg.LinAlgError(f"expected square matrices a, got shape {matrices.shape}.")
    columns = right[:, None] if right.ndim == 1 else right
    stack = np.broadcast_shapes(matrices.shape[:-2], columns.shape[:-2])
    matrices = np.broadcast_to(matrices, (*stack, *matrices.shape[-2:]))
    columns = np.broadcast_to(columns, (*stack, *columns.shape[-2:]))
    if matrices.shape[-1] != columns.shape[-2]:
        raise ValueError(f"expected b with {matrices.shape[-1]} rows, got {columns.shape[-2]}.")
    solution = np.empty(columns.shape, np.result_type(matrices, columns, np.float16))
    for index in np.ndindex(stack if solution.size else (0,)):
        solution[index] = linalg.solve_triangular(
            matrices[index], columns[index], int(trans), bool(lower), bool(unit_diagonal), check_finite=False
        )  # LAPACK would crash for other integers
    return solution[..., 0] if right.ndim == 1 else solution


def _full_solution(a: Any, b: Any, trans: int, lower: bool, unit_diagonal: bool) -> Any:
    """Return the solution computed by NumPy, with the elements that are not read set to 0, for the tests."""
    n = a.shape[-1]
    filled = np.where(_triangle(n, lower, unit_diagonal), a, np.eye(n) * unit_diagonal)
    return np.linalg.solve(transposed(filled) if trans else filled, b)
