"""Steps, remainders and signs: functions that are flat between their jumps, or slope 1 between them."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import numpy_dispatch
from tensorgrad._composing import composed, method
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, Domain, case
from tensorgrad.op import op
from tensorgrad.tensor import Tensor, plain

__all__ = [
    "around", "ceil", "copysign", "divmod", "fix", "floor", "floor_divide", "fmod", "frexp", "heaviside", "ldexp",
    "mod", "modf", "nan_to_num", "nextafter", "remainder", "rint", "round", "sign", "spacing", "trunc", "unwrap",
]  # fmt: skip

_BETWEEN_INTEGERS = Domain(avoid=(-2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5, 2.0), gap=0.05)
_PAIRS = [case((), ()), case((3,), ()), case((2, 1), (3,)), case((0, 3), (3,))]
_IN_AN_OCTAVE = Domain(2.2, 3.8)  # between two powers of 2
_DIVIDENDS, _DIVISORS = Domain(2.3, 2.9), Domain(1.5, 2.2)  # the quotient stays between 1 and 2


@op(x=lambda g: np.zeros_like(g), numpy=np.floor, domain=_BETWEEN_INTEGERS)
def floor(x: ArrayLike) -> Any:
    """Largest integer ≤ x, elementwise. The derivative is 0, also at the jumps.

    >>> floor([1.7, -1.7])
    Tensor([ 1., -2.])
    """
    return np.floor(x)


@op(x=lambda g: np.zeros_like(g), numpy=np.ceil, domain=_BETWEEN_INTEGERS)
def ceil(x: ArrayLike) -> Any:
    """Smallest integer ≥ x, elementwise. The derivative is 0, also at the jumps.

    >>> ceil([1.7, -1.7])
    Tensor([ 2., -1.])
    """
    return np.ceil(x)


@op(x=lambda g: np.zeros_like(g), numpy=np.trunc, domain=_BETWEEN_INTEGERS)
def trunc(x: ArrayLike) -> Any:
    """Integer part of x, elementwise. The derivative is 0, also at the jumps.

    >>> trunc([1.7, -1.7])
    Tensor([ 1., -1.])
    """
    return np.trunc(x)


@op(x=lambda g: np.zeros_like(g), numpy=np.fix, domain=_BETWEEN_INTEGERS)
def fix(x: ArrayLike) -> Any:
    """Integer part of x, elementwise, as `trunc`. The derivative is 0, also at the jumps.

    >>> fix([1.7, -1.7])
    Tensor([ 1., -1.])
    """
    return np.trunc(x)  # the same numbers, and other libraries have it


@op(x=lambda g: np.zeros_like(g), numpy=np.rint, domain=_BETWEEN_INTEGERS)
def rint(x: ArrayLike) -> Any:
    """Round to the nearest integer, halves to even, elementwise. The derivative is 0, also at the jumps.

    >>> rint([1.5, -1.7])
    Tensor([ 2., -2.])
    """
    return np.rint(x)


@op(
    a=lambda g: np.zeros_like(g),
    numpy=[np.round, np.around],
    methods=["round"],
    domain=_BETWEEN_INTEGERS,
    examples=[case(()), case((3,)), case((2, 3)), case((0,)), case((2, 3), decimals=-1)],
)
def round(a: ArrayLike, decimals: int = 0) -> Any:
    """Round to `decimals` places, halves to even, elementwise. The derivative is 0, also at the jumps.

    >>> round([1.25, -1.7], 1)
    Tensor([ 1.2, -1.7])
    """
    return np.round(a, decimals)  # type: ignore[arg-type]


around = round


def _round_method(self: Tensor, ndigits: int | None = None) -> Tensor:
    return around(self, ndigits or 0)


method("__round__", _round_method)


@op(x=lambda g: g, domain=_BETWEEN_INTEGERS, reference=lambda x: x - np.trunc(x))
def fractional_part(x: ArrayLike) -> Any:
    """x without its integer part, with the sign of x, elementwise. The derivative is 1, also at the jumps.

    >>> fractional_part([1.75, -1.75])
    Tensor([ 0.75, -0.75])
    """
    return np.modf(x)[0]


@composed("x", numpy=np.modf, domain=_BETWEEN_INTEGERS)
def modf(x: ArrayLike) -> tuple[Tensor, Tensor]:
    """Return the fractional and the integer part of x, elementwise, both with the sign of x.

    >>> modf([1.75, -1.75])
    (Tensor([ 0.75, -0.75]), Tensor([ 1., -1.]))
    """
    return fractional_part(x), trunc(x)


@op(
    x=lambda g: np.zeros_like(g),
    y=lambda g, x: np.where(x == 0, g, 0.0),
    numpy=np.heaviside,
    domain=NONZERO,
)
def heaviside(x: ArrayLike, y: ArrayLike) -> Any:
    """0 where x < 0, 1 where x > 0, and y where x = 0, elementwise. ∂/∂x = 0, also at the step.

    >>> heaviside([-2.0, 0.0, 2.0], 0.5)
    Tensor([0. , 0.5, 1. ])
    """
    return np.heaviside(x, y)


@op(
    x=lambda g: np.zeros_like(g),
    y=lambda g: np.zeros_like(g),
    numpy=np.floor_divide,
    methods=["__floordiv__"],
    reflected="__rfloordiv__",
    domain={"x": _DIVIDENDS, "y": _DIVISORS},
    examples=_PAIRS,
)
def floor_divide(x: ArrayLike, y: ArrayLike) -> Any:
    """⌊x/y⌋, elementwise. Both derivatives are 0, also at the jumps.

    >>> floor_divide([5.0, -5.0], 3.0)
    Tensor([ 1., -2.])
    """
    return np.floor_divide(x, y)


def _floored_quotient(x: Any, y: Any) -> Any:
    """`floor(x / y)`, exact where x / y is rounded up to the next integer."""
    return np.floor_divide(plain(x), plain(y))


def _truncated_quotient(x: Any, y: Any) -> Any:
    """`trunc(x / y)`, exact like `_floored_quotient`."""
    x, y = plain(x), plain(y)
    return np.sign(x) * np.sign(y) * np.floor_divide(np.absolute(x), np.absolute(y))


@op(
    x=lambda g: g,
    y=lambda g, x, y: -g * _floored_quotient(x, y),
    numpy=np.remainder,
    methods=["__mod__"],
    reflected="__rmod__",
    domain={"x": _DIVIDENDS, "y": _DIVISORS},
)
def remainder(x: ArrayLike, y: ArrayLike) -> Any:
    """x - y·⌊x/y⌋, with the sign of y, elementwise: ∂/∂x = 1, ∂/∂y = -⌊x/y⌋, also at the jumps.

    >>> remainder([5.0, -5.0], 3.0)
    Tensor([2., 1.])
    """
    return np.remainder(x, y)


@op(
    x=lambda g: g,
    y=lambda g, x, y: -g * _truncated_quotient(x, y),
    numpy=np.fmod,
    domain={"x": _DIVIDENDS, "y": _DIVISORS},
)
def fmod(x: ArrayLike, y: ArrayLike) -> Any:
    """x - y·trunc(x/y), with the sign of x, elementwise: ∂/∂x = 1, ∂/∂y = -trunc(x/y), also at the jumps.

    >>> fmod([5.0, -5.0], 3.0)
    Tensor([ 2., -2.])
    """
    return np.fmod(x, y)


@composed("x", "y", numpy=np.divmod, domain={"x": _DIVIDENDS, "y": _DIVISORS}, examples=_PAIRS)
def divmod(x: ArrayLike, y: ArrayLike) -> tuple[Tensor, Tensor]:
    """Return `floor_divide(x, y)` and `remainder(x, y)`, as Python's `divmod`.

    >>> divmod(5.0, 3.0)
    (Tensor(1.), Tensor(2.))
    """
    return floor_divide(x, y), remainder(x, y)


method("__divmod__", divmod)
method("__rdivmod__", lambda self, other: divmod(other, self))


@op(
    x1=lambda g, x2: np.ldexp(g, x2),
    examples=[case((3,), x2=np.array([1, -2, 0])), case((2, 1), x2=np.array([3, 1])), case((), x2=2), case((0,), x2=1)],
    reference=lambda x1, x2: x1 * 2.0**x2,
)
def ldexp(x1: ArrayLike, x2: ArrayLike) -> Any:
    """x₁·2^x₂ for integers x₂, elementwise: ∂/∂x₁ = 2^x₂.

    >>> ldexp([1.0, 3.0], 2)
    Tensor([ 4., 12.])
    """
    return np.ldexp(x1, x2)


numpy_dispatch.answers[np.ldexp] = ldexp


def _exponent(x: Any) -> Any:
    return np.frexp(plain(x))[1]


@op(x=lambda g, x: np.ldexp(g, -_exponent(x)), domain=_IN_AN_OCTAVE, reference=lambda x: np.frexp(x)[0])
def mantissa(x: ArrayLike) -> Any:
    """x·2⁻ⁿ with the integer n for which its absolute value is from 0.5 to 1, elementwise: the derivative is 2⁻ⁿ.

    >>> mantissa([3.0, -8.0])
    Tensor([ 0.75, -0.5 ])
    """
    return np.frexp(x)[0]


@composed("x", numpy=np.frexp, domain=_IN_AN_OCTAVE)
def frexp(x: ArrayLike) -> tuple[Tensor, Any]:
    """Return the `mantissa` of x and the exponent n, an array of integers: x = mantissa·2ⁿ, elementwise.

    >>> frexp([3.0, -8.0])
    (Tensor([ 0.75, -0.5 ]), array([2, 4], dtype=int32))
    """
    return mantissa(x), _exponent(x)


@op(x1=lambda g: g, x2=lambda g: np.zeros_like(g), numpy=np.nextafter, domain={"x1": _DIVIDENDS, "x2": _DIVISORS})
def nextafter(x1: ArrayLike, x2: ArrayLike) -> Any:
    """Number of the dtype next to x₁ in the direction of x₂, elementwise: ∂/∂x₁ = 1, ∂/∂x₂ = 0.

    >>> nextafter(1.0, [2.0, 0.0]) - 1.0
    Tensor([ 2.22044605e-16, -1.11022302e-16])
    """
    return np.nextafter(x1, x2)


@op(x=lambda g: np.zeros_like(g), numpy=np.spacing, domain=_IN_AN_OCTAVE)
def spacing(x: ArrayLike) -> Any:
    """Distance from x to the next number of its dtype away from 0, with the sign of x, elementwise.

    The derivative is 0.

    >>> spacing([1.0, -2.0])
    Tensor([ 2.22044605e-16, -4.44089210e-16])
    """
    return np.spacing(x)


@op(
    x=lambda g, x, y: g * (np.sign(x) * np.copysign(1, y)),
    y=lambda g: np.zeros_like(g),
    numpy=np.copysign,
    domain=NONZERO,
)
def copysign(x: ArrayLike, y: ArrayLike) -> Any:
    """|x| with the sign of y, elementwise: ∂/∂x = ±1, and 0 at the kink x = 0; ∂/∂y = 0.

    >>> copysign([1.0, 2.0], [-1.0, 1.0])
    Tensor([-1.,  2.])
    """
    return np.copysign(x, y)


@op(
    x=lambda g, x: np.where(np.isfinite(x), g, 0.0),
    numpy=np.nan_to_num,
    examples=[case(()), case((3,)), case((2, 3), nan=1.0), case((0,))],
)
def nan_to_num(
    x: ArrayLike, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Any:
    """Replace NaN and infinities by numbers; they receive no gradient. Always returns a copy.

    >>> nan_to_num([1.0, float("nan")])
    Tensor([1., 0.])
    """
    return np.nan_to_num(x, copy=True, nan=nan, posinf=posinf, neginf=neginf)


mod = remainder


@op(x=lambda g: np.zeros_like(g), numpy=np.sign, domain=NONZERO)
def sign(x: ArrayLike) -> Any:
    """-1, 0 or 1, elementwise. The derivative is 0 everywhere, also at the step at x = 0.

    >>> sign([3.0, 0.0, -2.0])
    Tensor([ 1.,  0., -1.])
    """
    return np.sign(x)


@op(
    p=lambda g: g,
    numpy=np.unwrap,
    domain=Domain(-8.0, 8.0),
    examples=[case((5,)), case((2, 4)), case((4, 2), axis=0), case((4,), discont=4.0), case((4,), period=2.5)],
)
def unwrap(p: ArrayLike, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    """Add multiples of `period` to angles, so that neighbours along `axis` differ by at most half a period.

    Smaller differences than `discont` are left as they are. The derivative is 1, also at the jumps.

    >>> unwrap([3.0, -3.0])
    Tensor([3.        , 3.28318531])
    """
    return np.unwrap(p, discont, axis, period=period)  # type: ignore[arg-type]
