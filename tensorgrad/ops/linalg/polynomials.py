"""Polynomials, written as their coefficients from the highest power to the lowest, as in `np.polyval`."""

from __future__ import annotations

import operator
import warnings
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import POSITIVE, REAL, Domain, case
from tensorgrad.ops._matrices import epsilon
from tensorgrad.ops.elementwise.arithmetic import negative, positive
from tensorgrad.ops.indexing.windows import convolve
from tensorgrad.ops.linalg.eigen import eigvals
from tensorgrad.ops.linalg.matmul import matmul
from tensorgrad.ops.linalg.solve import inv, lstsq
from tensorgrad.ops.reductions.cumulative import cumprod
from tensorgrad.ops.shape.axes import expand_dims, flip
from tensorgrad.ops.shape.joining import concatenate, stack
from tensorgrad.ops.shape.reshaping import astype, reshape
from tensorgrad.tensor import Tensor, plain

__all__ = [
    "poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "roots", "vander",
]  # fmt: skip


def _coefficients(p: Any) -> Any:
    """Return coefficients as a tensor of one axis."""
    p = positive(p)
    if p.ndim > 1:
        raise ValueError(f"expected the coefficients of one polynomial, got shape {p.shape}.")
    return reshape(p, -1)


def _floats(a: Any) -> Any:
    a = positive(a)
    return a if a.dtype.kind == "f" else astype(a, float)


def _ones(count: int, like: Any) -> Any:
    return np.ones(count, like.dtype)


@composed("p", "x", numpy=np.polyval, examples=[case((3,), ()), case((4,), (2, 3)), case((1,), (2,))])
def polyval(p: ArrayLike, x: ArrayLike) -> Tensor:
    """Value of the polynomial p[0]·xⁿ⁻¹ + … + p[n - 1] at each x, by Horner's method.

    >>> polyval([3.0, 0.0, 1.0], 5.0)
    Tensor(76.)
    """
    coefficients, points = _coefficients(p), positive(x)
    result = points * 0
    for coefficient in coefficients:
        result = result * points + coefficient
    return result


def _padded(p: Any, count: int) -> Any:
    """Return coefficients with zeros in front, so that there are at least `count`."""
    return concatenate([np.zeros(count - len(p), p.dtype), p]) if len(p) < count else p


_TWO = [case((3,), (3,)), case((4,), (2,)), case((1,), (3,)), case((), (2,))]


@composed("a1", "a2", numpy=np.polyadd, examples=_TWO)
def polyadd(a1: ArrayLike, a2: ArrayLike) -> Tensor:
    """Sum of two polynomials.

    >>> polyadd([1.0, 2.0], [9.0, 5.0, 4.0])
    Tensor([9., 6., 6.])
    """
    first, second = _coefficients(a1), _coefficients(a2)
    count = max(len(first), len(second))
    return _padded(first, count) + _padded(second, count)  # type: ignore[no-any-return]


@composed("a1", "a2", numpy=np.polysub, examples=_TWO)
def polysub(a1: ArrayLike, a2: ArrayLike) -> Tensor:
    """Difference of two polynomials.

    >>> polysub([2.0, 10.0, -2.0], [3.0, 10.0, -4.0])
    Tensor([-1.,  0.,  2.])
    """
    return polyadd(a1, negative(a2))


@composed("a1", "a2", numpy=np.polymul, examples=_TWO)
def polymul(a1: ArrayLike, a2: ArrayLike) -> Tensor:
    """Product of two polynomials.

    >>> polymul([1.0, 2.0, 3.0], [9.0, 5.0, 1.0])
    Tensor([ 9., 23., 38., 17.,  3.])
    """
    return convolve(_coefficients(a1), _coefficients(a2))


@composed(
    "u",
    "v",
    numpy=np.polydiv,
    numpy_only="the length of the remainder depends on the values",
    domain={"u": REAL, "v": Domain(1.0, 2.0)},
    examples=[case((3,), (2,)), case((4,), (2,)), case((3,), (1,))],
)
def polydiv(u: ArrayLike, v: ArrayLike) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of two polynomials.

    >>> polydiv([3.0, 5.0, 2.0], [2.0, 1.0])
    (Tensor([1.5 , 1.75]), Tensor([0.25]))
    """
    remainder, divisor = _coefficients(u), _coefficients(v)
    dtype = np.result_type(remainder.dtype, divisor.dtype, np.float16)
    remainder, divisor = astype(remainder, dtype), astype(divisor, dtype)
    scale = 1.0 / divisor[0]
    quotients: list[Any] = []
    for position in range(len(remainder) - len(divisor) + 1):
        factor = scale * remainder[position]
        quotients.append(factor)
        padding = np.zeros(len(remainder) - len(divisor) - position, remainder.dtype)
        remainder = remainder - concatenate([np.zeros(position, remainder.dtype), factor * divisor, padding])
    leading = 0
    while leading < len(remainder) - 1 and np.allclose(plain(remainder[leading]), 0, rtol=1e-14):
        leading += 1
    quotient = stack(quotients) if quotients else Tensor(np.zeros(1, remainder.dtype))
    return quotient, remainder[leading:]


@composed("p", numpy=np.polyder, examples=[case((4,)), case((4,), m=2), case((3,), m=0), case((1,)), case((2,), m=3)])
def polyder(p: ArrayLike, m: int = 1) -> Tensor:
    """Derivative of a polynomial with respect to its variable, taken `m` times.

    >>> polyder([1.0, 1.0, 1.0])
    Tensor([2., 1.])
    """
    if operator.index(m) < 0:
        raise ValueError(f"expected m ≥ 0, got {m}.")
    coefficients = _coefficients(p)
    for _ in range(min(m, len(coefficients))):
        coefficients = coefficients[:-1] * np.arange(len(coefficients) - 1, 0, -1).astype(coefficients.dtype)
    return coefficients  # type: ignore[no-any-return]


@composed(
    "p", numpy=np.polyint, examples=[case((3,)), case((3,), m=2, k=[3.0, 2.0]), case((2,), k=1.0), case((2,), m=0)]
)
def polyint(p: ArrayLike, m: int = 1, k: ArrayLike | None = None) -> Tensor:
    """Integral of a polynomial, taken `m` times; `k` are the constants of integration, 0 by default.

    >>> polyint([3.0, 2.0, 1.0])
    Tensor([1., 1., 1., 0.])
    """
    if operator.index(m) < 0:
        raise ValueError(f"expected m ≥ 0, got {m}.")
    coefficients = _floats(_coefficients(p))
    constants = positive(np.zeros(m) if k is None else k)
    constants = reshape(constants, -1)
    if len(constants) == 1 and m > 1:
        constants = constants * np.ones(m)
    if len(constants) < m:
        raise ValueError(f"expected one constant of integration, or {m}, got {len(constants)}.")
    for number in range(m):
        constant = astype(constants[number : number + 1], coefficients.dtype)
        coefficients = concatenate(
            [coefficients / np.arange(len(coefficients), 0, -1).astype(coefficients.dtype), constant]
        )
    return coefficients  # type: ignore[no-any-return]


@composed(
    "seq_of_zeros",
    numpy=np.poly,
    numpy_only="it calls eigvals",
    examples=[case((3,)), case((1,))],
)
def poly(seq_of_zeros: ArrayLike) -> Tensor:
    """Coefficients of the polynomial with these roots; of a square matrix, its characteristic polynomial.

    >>> poly([1.0, 2.0])
    Tensor([ 1., -3.,  2.])
    """
    zeros = _floats(seq_of_zeros)
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.size:
        zeros = eigvals(zeros)
    elif zeros.ndim > 1:
        raise ValueError(f"expected roots, or a square matrix, got shape {zeros.shape}.")
    result = Tensor(_ones(1, zeros))
    for zero in reshape(zeros, -1):
        result = convolve(result, concatenate([_ones(1, zeros), reshape(-zero, 1)]))
    return result


class FromRoots(Domain):
    """Coefficients of polynomials with roots near 1, 2, 3, …"""

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Return the coefficients of a random polynomial."""
        coefficients = np.poly(np.arange(1.0, shape[-1]) + rng.uniform(-0.1, 0.1, shape[-1] - 1))
        return np.asarray(np.broadcast_to(coefficients, shape))


@composed(
    "p",
    numpy=np.roots,
    numpy_only="the number of roots depends on the values",
    domain=FromRoots(),
    examples=[case((2,)), case((3,)), case((4,))],
)
def roots(p: ArrayLike) -> Tensor:
    """Roots of a polynomial, which must all be real: the eigenvalues of its companion matrix.

    Raises:
        numpy.linalg.LinAlgError: a root is complex.

    >>> roots([1.0, -3.0, 2.0])
    Tensor([2., 1.])
    """
    coefficients = _floats(_coefficients(p))
    places = np.flatnonzero(coefficients.array)
    if not len(places):
        return Tensor(np.zeros(0, coefficients.dtype))
    at_zero = np.zeros(len(coefficients) - 1 - places[-1], coefficients.dtype)
    coefficients = coefficients[int(places[0]) : int(places[-1]) + 1]
    degree = len(coefficients) - 1
    if degree == 0:
        return Tensor(at_zero)
    first_row = expand_dims(-coefficients[1:] / coefficients[0], 0)
    companion = concatenate([first_row, np.eye(degree - 1, degree, dtype=coefficients.dtype)], axis=0)
    return concatenate([eigvals(companion), at_zero])


@composed(
    "x", numpy=np.vander, examples=[case((3,)), case((2,), N=4), case((3,), N=2, increasing=True), case((2,), N=0)]
)
def vander(x: ArrayLike, N: int | None = None, increasing: bool = False) -> Tensor:
    """Matrix of powers of x, from N - 1 in the first column to 0 in the last. By default, N is the length of x.

    >>> vander([1.0, 2.0, 3.0])
    Tensor([[1., 1., 1.],
            [4., 2., 1.],
            [9., 3., 1.]])
    """
    values: Any = positive(x)
    if values.ndim != 1:
        raise ValueError(f"expected an array of one axis, got shape {values.shape}.")
    count = len(values) if N is None else operator.index(N)
    if count < 0:
        raise ValueError(f"expected N ≥ 0, got {N}.")
    ones = np.ones((len(values), min(count, 1)), values.dtype)
    factors = np.broadcast_to(expand_dims(values, 1), (len(values), max(count - 1, 0)))
    powers = cumprod(concatenate([ones, factors], axis=1), 1)
    return powers if increasing else flip(powers, 1)


@overload
def polyfit(
    x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, full: Literal[False] = False,
    w: ArrayLike | None = None, cov: Literal[False] = False,
) -> Tensor: ...  # fmt: skip


@overload
def polyfit(
    x: ArrayLike, y: ArrayLike, deg: int, rcond: float | None = None, full: bool = False, w: ArrayLike | None = None,
    cov: bool | str = False,
) -> Any: ...  # fmt: skip


@composed(
    "x",
    "y",
    "w",
    numpy=np.polyfit,
    numpy_only="it calls lstsq",
    domain={"x": Domain(-1.0, 1.0), "y": REAL, "w": POSITIVE},
    examples=[
        case((4,), (4,), deg=1),
        case((4,), (4,), (4,), deg=2),
        case((4,), (4, 2), deg=1),
        case((5,), (5,), deg=1, cov=True),
        case((5,), (5,), (5,), deg=1, cov="unscaled"),
    ],
)
def polyfit(
    x: ArrayLike,
    y: ArrayLike,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: ArrayLike | None = None,
    cov: bool | str = False,
) -> Any:
    """Fit a polynomial of degree `deg` to points by least squares.

    Args:
        x: the coordinates of the points (n,).
        y: their values (n,), or (n, k) for k polynomials.
        deg: the degree.
        rcond: singular values up to `rcond` times the largest count as 0.
        full: also return the residuals, the rank, the singular values and `rcond`.
        w: weights (n,) of the differences y - p(x), before they are squared.
        cov: also return the covariance matrix of the coefficients. With "unscaled", the weights are taken as 1/σ.

    Returns:
        The coefficients (deg + 1,) or (deg + 1, k), and with `full` or `cov` a tuple.

    Raises:
        TypeError: the shapes of the arrays do not match.
        ValueError: the degree is negative, or there are too few points for `cov`.

    >>> polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1)
    Tensor([2., 1.])
    """
    points, values = _floats(x), _floats(y)
    if points.ndim != 1 or values.ndim not in (1, 2) or not len(points) or len(points) != len(values):
        raise TypeError(
            f"expected x of shape (n,) and y of shape (n,) or (n, k), got {points.shape} and {values.shape}."
        )
    order = operator.index(deg) + 1
    if order < 1:
        raise ValueError(f"expected a degree ≥ 0, got {deg}.")
    left, right = vander(points, order), values
    if w is not None:
        weights = _floats(w)
        if weights.shape != points.shape:
            raise TypeError(f"expected weights of shape {points.shape}, got {weights.shape}.")
        left, right = left * expand_dims(weights, 1), right * (weights if values.ndim == 1 else expand_dims(weights, 1))
    rcond = len(points) * epsilon(points) if rcond is None else rcond
    scale = np.sqrt(np.sum(np.square(left.array), axis=0))  # a constant: the solution does not depend on it
    solution, residuals, rank, singular_values = lstsq(left / scale, right, rcond)
    solution = solution / (scale if values.ndim == 1 else scale[:, None])
    if rank != order and not full:
        warnings.warn("polyfit: the fit is poorly conditioned.", np.exceptions.RankWarning, stacklevel=3)
    if full:
        return solution, residuals, rank, singular_values, rcond
    if not cov:
        return solution
    scaled = left / scale
    base = inv(matmul(scaled.T, scaled)) / np.outer(scale, scale)
    factor: Any = 1.0
    if cov != "unscaled":
        if len(points) <= order:
            raise ValueError(f"expected more than {order} points for the covariance, got {len(points)}.")
        factor = residuals / (len(points) - order)
    if values.ndim == 1:
        return solution, base * factor
    return solution, expand_dims(base, -1) * factor
