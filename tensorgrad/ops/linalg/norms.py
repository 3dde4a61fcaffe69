"""Norms of vectors and matrices, of every order that NumPy supports, and the condition number."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tensorgrad._arrays import holds
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Axis
from tensorgrad.domains import NONZERO, Case, case
from tensorgrad.op import op
from tensorgrad.ops._matrices import WELL_CONDITIONED
from tensorgrad.ops._reduced_axes import over_axes, restored
from tensorgrad.ops._singular import zero_slope
from tensorgrad.ops._tracking import tracked
from tensorgrad.ops.elementwise.arithmetic import absolute
from tensorgrad.ops.elementwise.where import where
from tensorgrad.ops.linalg.singular import svdvals
from tensorgrad.ops.linalg.solve import inv
from tensorgrad.ops.reductions.extremes import max, min
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.shape.axes import transpose
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor, checked_array, plain


def _to_largest(g: Any, x: Any, norm: Any, axis: Axis) -> Any:
    """Return the gradient divided equally among the elements whose absolute value is the norm."""
    chosen = np.equal(np.absolute(x), norm) | np.isnan(x)  # a NaN is the norm, and differs from itself
    return g * np.sign(x) * np.divide(chosen, np.sum(chosen, axis=axis, keepdims=True), dtype=g.dtype)


def _vector_norm_gradient(g: Any, x: Any, out: Any, axis: Axis, keepdims: bool, ord: float) -> Any:
    g = restored(g, np.shape(x), axis, keepdims)
    norm = restored(out, np.shape(x), axis, keepdims)
    if ord == 0:
        return np.zeros_like(g)
    if ord == 1:
        return g * np.sign(x)
    if ord in (np.inf, -np.inf):
        return _to_largest(g, x, norm, axis)
    norm_at_zero = np.equal(norm, 0)
    if ord == 2:
        return np.where(norm_at_zero, zero_slope(x, norm_at_zero), g * x / np.where(norm_at_zero, 1.0, norm))
    at_zero = norm_at_zero | np.equal(x, 0)
    ratio = np.where(at_zero, 1.0, np.absolute(x) / np.where(norm_at_zero, 1.0, norm))
    singular = at_zero if ord < 2 else norm_at_zero
    return np.where(at_zero, zero_slope(x, singular), g * np.sign(x) * ratio ** (ord - 1))


@op(
    x=_vector_norm_gradient,
    numpy=np.linalg.vector_norm,
    domain=NONZERO,
    examples=[
        *over_axes(),
        *(case((2, 3), axis=1, ord=order) for order in (1, 3, 0.5, -1, -2.5, np.inf, -np.inf)),
        case((2, 3), axis=0, keepdims=True, ord=1.5),
        case((2, 2, 2), axis=(2, 0), ord=4),
        case((0,)),
    ],
)
def vector_norm(x: ArrayLike, *, axis: Axis = None, keepdims: bool = False, ord: float = 2) -> Any:
    """(Σ|x|ᵖ)^(1/p) with p = `ord`, over `axis` (all axes by default): the derivative is sign(x)·(|x|/norm)^(p-1).

    With `ord` inf or -inf the largest or smallest |x|, where ties share the gradient evenly; with 0 the number of
    elements that are not 0, whose derivative is 0. At x = 0 the derivative is 0, for an element of 0 and for them all.

    >>> vector_norm([3.0, -4.0])
    Tensor(5.)
    """
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)  # type: ignore[arg-type]


def _matrix_norm(x: Any, ord: Any) -> Any:
    """Return the norm over the last two axes, for the orders that are not vector norms."""
    if ord in (1, -1, np.inf, -np.inf):
        sums = sum(absolute(x), axis=-2 if ord in (1, -1) else -1)
        return max(sums, axis=-1) if ord > 0 else min(sums, axis=-1)
    if ord in (2, -2, "nuc"):
        values = svdvals(x)
        return sum(values, axis=-1) if ord == "nuc" else max(values, axis=-1) if ord == 2 else min(values, axis=-1)
    raise ValueError(f"expected a matrix norm of order 1, -1, 2, -2, inf, -inf, 'fro' or 'nuc', got {ord!r}.")


def _orders(*shape: int, **options: Any) -> list[Case]:
    return [case(shape, ord=order, **options) for order in ("fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)]


@composed(
    "x",
    numpy=np.linalg.norm,
    domain=WELL_CONDITIONED,
    examples=[
        case((2, 3)),
        case((2, 2, 2)),
        case((3, 2), axis=0),
        case((2, 3), axis=-1, keepdims=True, ord=3),
        case((3, 2), axis=1, ord=np.inf),
        *_orders(3, 2),
        *_orders(2, 3, 2, axis=(0, 1)),
        case((2, 3, 2), axis=(2, 1), ord=1, keepdims=True),
        case((3, 2), ord="nuc", keepdims=True),
    ],
)
def norm(
    x: ArrayLike, ord: float | Literal["fro", "nuc"] | None = None, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """Norm of vectors (one axis), of matrices (two axes), or by default of all elements together, |x|₂.

    Vector norms are those of `vector_norm`. Matrix norms: "fro" (default), the root of the sum of squares; 2, -2 and
    "nuc", the largest, the smallest and the sum of the singular values; 1 and -1, inf and -inf, the largest and the
    smallest sum of |x| down a column, or along a row. The derivative at 0 is 0; ties share it evenly. See
    Petersen and Pedersen, "The matrix cookbook".

    Args:
        x: any shape.
        ord: the order; a number, or for matrices also "fro" or "nuc".
        axis: the axis of the vectors, or the two of the matrices.
        keepdims: keep the axes, with length 1.

    Raises:
        ValueError: an order that vectors or matrices do not have, or more than two axes.

    >>> norm([[3.0, 0.0], [0.0, 4.0]])
    Tensor(5.)
    """
    ndim = np.ndim(x)
    if axis is None and (ord is None or (ord in ("f", "fro") and ndim == 2) or (ord == 2 and ndim == 1)):
        return vector_norm(x, keepdims=keepdims)
    axes = tuple(range(ndim)) if axis is None else normalize_axis_tuple(axis, ndim)
    if len(axes) == 1:
        return vector_norm(x, axis=axes[0], keepdims=keepdims, ord=2 if ord is None else ord)  # type: ignore[arg-type]
    if len(axes) != 2:
        raise ValueError(f"expected one axis for vectors or two for matrices, got {axis} for {ndim} axes.")
    if ord in (None, "f", "fro"):
        return vector_norm(x, axis=axes, keepdims=keepdims)
    others = [a for a in range(ndim) if a not in axes]
    result = _matrix_norm(transpose(x, [*others, *axes]), ord)
    return reshape(result, [1 if a in axes else np.shape(x)[a] for a in range(ndim)]) if keepdims else result


@composed(
    "x",
    numpy=np.linalg.matrix_norm,
    domain=WELL_CONDITIONED,
    examples=[case((2, 3)), case((2, 3, 2), ord="nuc"), case((2, 3, 2), keepdims=True, ord=-2), case((3, 2), ord=1)],
)
def matrix_norm(x: ArrayLike, *, keepdims: bool = False, ord: float | Literal["fro", "nuc"] = "fro") -> Tensor:
    """Norm of the matrices in the last two axes; orders as for `norm`.

    >>> matrix_norm([[3.0, 0.0], [0.0, 4.0]], ord="nuc")
    Tensor(7.)
    """
    return norm(x, ord=ord, axis=(-2, -1), keepdims=keepdims)


@composed(
    "x",
    numpy=np.linalg.cond,
    domain=WELL_CONDITIONED,
    examples=[
        case((3, 3)),
        case((3, 2)),
        case((2, 2, 2), p=-2),
        *(case((2, 2), p=order) for order in ("fro", "nuc", 1, -1, 2, np.inf, -np.inf)),
    ],
)
def cond(x: ArrayLike, p: float | Literal["fro", "nuc"] | None = None) -> Tensor:
    """Condition number, norm(x)·norm(x⁻¹) with norms of order `p`; by default, largest / smallest singular value.

    A matrix that contains NaN has the condition number NaN, and one that contains an infinity has infinity.

    Raises:
        numpy.linalg.LinAlgError: a gradient is to be recorded for a singular matrix, where the number is infinite.

    >>> cond([[4.0, 0.0], [0.0, 2.0]])
    Tensor(2.)
    """
    if np.ndim(x) >= 2:
        finite = np.all(np.isfinite(plain(x)), axis=(-2, -1))
        if holds(np.any(np.logical_not(finite))):
            # LAPACK may stop at these; their vector norm is NaN or infinite, and so is its derivative
            usable = where(finite[..., None, None], x, np.eye(*np.shape(x)[-2:], dtype=bool))
            return where(finite, cond(usable, p), vector_norm(x, axis=(-2, -1)))
    if not tracked(x):
        return Tensor(np.linalg.cond(checked_array(plain(x)), p))
    if p not in (None, 2, -2):
        return norm(x, p, axis=(-2, -1)) * norm(inv(x), p, axis=(-2, -1))
    values = svdvals(x)
    largest, smallest = values[..., 0], values[..., -1]
    if holds(np.any(smallest == 0)):
        raise np.linalg.LinAlgError("the matrix is singular, so its condition number has no derivative.")
    return smallest / largest if p == -2 else largest / smallest
