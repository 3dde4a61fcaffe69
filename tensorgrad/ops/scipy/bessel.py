"""Bessel functions of real order; the recurrences between neighbouring orders give their derivatives.

The functions are not differentiable with respect to the order, for which no closed form exists: an order that requires
a gradient raises a TypeError. Formulas: NIST Digital Library of Mathematical Functions, sections 10.6 and 10.29.
"""

# mypy: disable-error-code="has-type"
# Rules call functions that are declared further down.

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from tensorgrad._typing import ArrayLike
from tensorgrad.domains import NONZERO, POSITIVE, case
from tensorgrad.op import op
from tensorgrad.ops.scipy._shared import NO_CLOSED_FORM, NUMPY_ONLY, in_precision_of, moved, one_operand

__all__ = [
    "i0e", "i1e", "iv", "ive", "j0", "j1", "jn", "jv", "k0", "k0e", "k1", "k1e", "kn", "kv", "kve", "y0", "y1", "yn",
    "yv",
]  # fmt: skip

_INTEGER_ORDERS = [*one_operand(n=2), case((3,), n=0), case((2, 3), n=np.array([[0], [3]], np.int8))]
_REAL_ORDERS = [*one_operand(v=2), case((3,), v=0.5), case((2, 3), v=np.array([[0], [1.25]], np.float16))]
_SHORT = one_operand()


@op(x=lambda g, x: -g * j1.apply(x), numpy=special.j0, examples=_SHORT, numpy_only=NUMPY_ONLY)
def j0(x: ArrayLike) -> Any:
    """Bessel function of the first kind, order 0, elementwise: the derivative is -J₁(x).

    >>> j0([0.0, 1.0])
    Tensor([1.        , 0.76519769])
    """
    return special.j0(x)


@op(x=lambda g, x: g * ((j0.apply(x) - jv.apply(2, x)) / 2), numpy=special.j1, examples=_SHORT, numpy_only=NUMPY_ONLY)
def j1(x: ArrayLike) -> Any:
    """Bessel function of the first kind, order 1, elementwise: the derivative is (J₀(x) - J₂(x))/2.

    >>> j1([0.0, 1.0])
    Tensor([0.        , 0.44005059])
    """
    return special.j1(x)


@op(
    x=lambda g, v, x: g * ((jv.apply(moved(v, -1), x) - jv.apply(moved(v, 1), x)) / 2),
    numpy=special.jv,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def jv(v: ArrayLike, x: ArrayLike) -> Any:
    """Bessel function of the first kind, real order v, elementwise: ∂/∂x = (Jᵥ₋₁(x) - Jᵥ₊₁(x))/2.

    >>> jv(0.5, 1.0)
    Tensor(0.67139671)
    """
    return special.jv(v, x)


jn = jv


@op(x=lambda g, x: -g * y1.apply(x), numpy=special.y0, domain=POSITIVE, examples=_SHORT, numpy_only=NUMPY_ONLY)
def y0(x: ArrayLike) -> Any:
    """Bessel function of the second kind, order 0, for x > 0, elementwise: the derivative is -Y₁(x).

    >>> y0([1.0, 2.0])
    Tensor([0.08825696, 0.51037567])
    """
    return special.y0(x)


@op(
    x=lambda g, x: g * ((y0.apply(x) - yn.apply(2, x)) / 2),
    numpy=special.y1,
    domain=POSITIVE,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def y1(x: ArrayLike) -> Any:
    """Bessel function of the second kind, order 1, for x > 0, elementwise: the derivative is (Y₀(x) - Y₂(x))/2.

    >>> y1([1.0, 2.0])
    Tensor([-0.78121282, -0.10703243])
    """
    return special.y1(x)


@op(
    x=lambda g, n, x: g * ((yn.apply(moved(n, -1), x) - yn.apply(moved(n, 1), x)) / 2),
    numpy=special.yn,
    domain=POSITIVE,
    examples=_INTEGER_ORDERS,
    numpy_only=NUMPY_ONLY,
)
def yn(n: ArrayLike, x: ArrayLike) -> Any:
    """Bessel function of the second kind, integer order n, for x > 0, elementwise: ∂/∂x = (Yₙ₋₁(x) - Yₙ₊₁(x))/2.

    >>> yn(2, 1.0)
    Tensor(-1.65068261)
    """
    return in_precision_of(n, x, value=special.yn(n, x))


@op(
    x=lambda g, v, x: g * ((yv.apply(moved(v, -1), x) - yv.apply(moved(v, 1), x)) / 2),
    numpy=special.yv,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def yv(v: ArrayLike, x: ArrayLike) -> Any:
    """Bessel function of the second kind, real order v, for x > 0, elementwise: ∂/∂x = (Yᵥ₋₁(x) - Yᵥ₊₁(x))/2.

    >>> yv(0.5, 1.0)
    Tensor(-0.43109887)
    """
    return special.yv(v, x)


@op(
    x=lambda g, v, x: g * ((iv.apply(moved(v, -1), x) + iv.apply(moved(v, 1), x)) / 2),
    numpy=special.iv,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def iv(v: ArrayLike, x: ArrayLike) -> Any:
    """Modified Bessel function of the first kind, real order v, elementwise: ∂/∂x = (Iᵥ₋₁(x) + Iᵥ₊₁(x))/2.

    >>> iv(0.5, 1.0)
    Tensor(0.93767489)
    """
    return special.iv(v, x)


@op(
    x=lambda g, v, x, out: g * ((ive.apply(moved(v, -1), x) + ive.apply(moved(v, 1), x)) / 2 - np.sign(x) * out),
    numpy=special.ive,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def ive(v: ArrayLike, x: ArrayLike) -> Any:
    """Iᵥ(x)·e⁻ˡˣˡ, elementwise, which does not overflow: the derivative is that of `iv`, scaled, minus sign(x)·out.

    >>> ive(0.5, 1.0)
    Tensor(0.34495131)
    """
    return special.ive(v, x)


@op(
    x=lambda g, x, out: g * (i1e.apply(x) - np.sign(x) * out),
    numpy=special.i0e,
    domain=NONZERO,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def i0e(x: ArrayLike) -> Any:
    """I₀(x)·e⁻ˡˣˡ, elementwise, which does not overflow: the derivative is I₁(x)·e⁻ˡˣˡ - sign(x)·out, 0 at x = 0.

    >>> i0e([0.0, 1000.0])
    Tensor([1.        , 0.01261724])
    """
    return special.i0e(x)


@op(
    x=lambda g, x, out: g * ((i0e.apply(x) + ive.apply(2, x)) / 2 - np.sign(x) * out),
    numpy=special.i1e,
    domain=NONZERO,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def i1e(x: ArrayLike) -> Any:
    """I₁(x)·e⁻ˡˣˡ, elementwise, which does not overflow: the derivative is (I₀(x) + I₂(x))/2·e⁻ˡˣˡ - sign(x)·out.

    >>> i1e([0.0, 1000.0])
    Tensor([0.        , 0.01261093])
    """
    return special.i1e(x)


@op(x=lambda g, x: -g * k1.apply(x), numpy=special.k0, domain=POSITIVE, examples=_SHORT, numpy_only=NUMPY_ONLY)
def k0(x: ArrayLike) -> Any:
    """Modified Bessel function of the second kind, order 0, for x > 0, elementwise: the derivative is -K₁(x).

    >>> k0([1.0, 2.0])
    Tensor([0.42102444, 0.11389387])
    """
    return special.k0(x)


@op(
    x=lambda g, x: -g * ((k0.apply(x) + kn.apply(2, x)) / 2),
    numpy=special.k1,
    domain=POSITIVE,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def k1(x: ArrayLike) -> Any:
    """Modified Bessel function of the second kind, order 1, for x > 0, elementwise: the derivative is -(K₀ + K₂)/2.

    >>> k1([1.0, 2.0])
    Tensor([0.60190723, 0.13986588])
    """
    return special.k1(x)


@op(
    x=lambda g, n, x: -g * ((kn.apply(moved(n, -1), x) + kn.apply(moved(n, 1), x)) / 2),
    numpy=special.kn,
    domain=POSITIVE,
    examples=_INTEGER_ORDERS,
    numpy_only=NUMPY_ONLY,
)
def kn(n: ArrayLike, x: ArrayLike) -> Any:
    """Modified Bessel function of the second kind, integer order n, for x > 0: ∂/∂x = -(Kₙ₋₁(x) + Kₙ₊₁(x))/2.

    >>> kn(2, 1.0)
    Tensor(1.6248389)
    """
    return in_precision_of(n, x, value=special.kn(n, x))


@op(
    x=lambda g, v, x: -g * ((kv.apply(moved(v, -1), x) + kv.apply(moved(v, 1), x)) / 2),
    numpy=special.kv,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def kv(v: ArrayLike, x: ArrayLike) -> Any:
    """Modified Bessel function of the second kind, real order v, for x > 0: ∂/∂x = -(Kᵥ₋₁(x) + Kᵥ₊₁(x))/2.

    >>> kv(0.5, 1.0)
    Tensor(0.4610685)
    """
    return special.kv(v, x)


@op(
    x=lambda g, x, out: g * (out - k1e.apply(x)),
    numpy=special.k0e,
    domain=POSITIVE,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def k0e(x: ArrayLike) -> Any:
    """K₀(x)·eˣ for x > 0, elementwise, which does not underflow: the derivative is out - K₁(x)·eˣ.

    >>> k0e([1.0, 1000.0])
    Tensor([1.14446308, 0.03962832])
    """
    return special.k0e(x)


@op(
    x=lambda g, x, out: g * (out - (k0e.apply(x) + kve.apply(2, x)) / 2),
    numpy=special.k1e,
    domain=POSITIVE,
    examples=_SHORT,
    numpy_only=NUMPY_ONLY,
)
def k1e(x: ArrayLike) -> Any:
    """K₁(x)·eˣ for x > 0, elementwise, which does not underflow: the derivative is out - (K₀(x) + K₂(x))/2·eˣ.

    >>> k1e([1.0, 1000.0])
    Tensor([1.63615349, 0.03964813])
    """
    return special.k1e(x)


@op(
    x=lambda g, v, x, out: g * (out - (kve.apply(moved(v, -1), x) + kve.apply(moved(v, 1), x)) / 2),
    numpy=special.kve,
    domain=POSITIVE,
    examples=_REAL_ORDERS,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def kve(v: ArrayLike, x: ArrayLike) -> Any:
    """Kᵥ(x)·eˣ for x > 0, elementwise, which does not underflow: the derivative is that of `kv`, scaled, plus out.

    >>> kve(0.5, 1.0)
    Tensor(1.25331414)
    """
    return special.kve(v, x)
