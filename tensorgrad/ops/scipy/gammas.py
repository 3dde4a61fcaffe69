"""Gamma and beta functions, and their incomplete forms."""

# mypy: disable-error-code="has-type"
# Rules call functions that are declared further down.

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy import special

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import POSITIVE, Domain, case
from tensorgrad.op import op
from tensorgrad.ops.elementwise.arithmetic import add
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.scipy._shared import (
    NO_CLOSED_FORM,
    NUMPY_ONLY,
    TWO_OPERANDS,
    in_precision_of,
    one_operand,
    parameter,
)
from tensorgrad.ops.scipy.entropies import xlog1py, xlogy
from tensorgrad.ops.shape.axes import expand_dims
from tensorgrad.tensor import Tensor, checked_array, plain

__all__ = [
    "beta", "betainc", "betaln", "digamma", "gamma", "gammainc", "gammaincc", "gammaln", "gammasgn", "multigammaln",
    "polygamma", "psi", "rgamma",
]  # fmt: skip

_NO_POLE = Domain(-1.9, 2.9, avoid=(-1.0, 0.0), gap=0.2)
_FRACTION = Domain(0.1, 0.9)


@op(
    x=lambda g, x, n: g * polygamma.apply(n + 1, x),
    domain=POSITIVE,
    examples=[case((3,), n=0), case((2, 3), n=1), case((), n=3), case((2, 0), n=1)],
    reference=lambda n, x: special.polygamma(n, x),
    numpy_only=NUMPY_ONLY,
)
def polygamma(n: int, x: ArrayLike) -> Any:
    """Polygamma function ψ⁽ⁿ⁾(x), the n-th derivative of `digamma`: the derivative is ψ⁽ⁿ⁺¹⁾(x).

    Args:
        n: the order, a non-negative integer; not differentiable.

    >>> polygamma(1, 1.0)  # π²/6
    Tensor(1.64493407)
    """
    return in_precision_of(n, x, value=special.polygamma(n, x))


@op(x=lambda g, x: g * polygamma.apply(1, x), numpy=special.digamma, domain=_NO_POLE, numpy_only=NUMPY_ONLY)
def digamma(x: ArrayLike) -> Any:
    """Digamma function ψ(x), the derivative of log Γ(x), elementwise: the derivative is ψ⁽¹⁾(x).

    >>> digamma(1.0)  # the negative of Euler's constant
    Tensor(-0.57721566)
    """
    return special.digamma(x)


psi = digamma


@op(x=lambda g, x, out: g * (out * digamma.apply(x)), numpy=special.gamma, domain=_NO_POLE, numpy_only=NUMPY_ONLY)
def gamma(x: ArrayLike) -> Any:
    """Gamma function Γ(x), elementwise: the derivative is Γ(x)·ψ(x).

    >>> gamma([1.0, 5.0])
    Tensor([ 1., 24.])
    """
    return special.gamma(x)


@op(x=lambda g, x: g * digamma.apply(x), numpy=special.gammaln, domain=_NO_POLE, numpy_only=NUMPY_ONLY)
def gammaln(x: ArrayLike) -> Any:
    """log |Γ(x)|, elementwise: the derivative is ψ(x).

    >>> gammaln([1.0, 5.0])
    Tensor([0.        , 3.17805383])
    """
    return special.gammaln(x)


@op(x=lambda g, x, out: -g * (out * digamma.apply(x)), numpy=special.rgamma, domain=_NO_POLE, numpy_only=NUMPY_ONLY)
def rgamma(x: ArrayLike) -> Any:
    """1/Γ(x), elementwise: the derivative is -ψ(x)/Γ(x). At the poles of Γ, where the result is 0, it is NaN.

    >>> rgamma([1.0, 3.0])
    Tensor([1. , 0.5])
    """
    return special.rgamma(x)


@op(x=lambda g: np.zeros_like(g), numpy=special.gammasgn, domain=_NO_POLE, numpy_only=NUMPY_ONLY)
def gammasgn(x: ArrayLike) -> Any:
    """Sign of Γ(x), elementwise. The derivative is 0.

    >>> gammasgn([0.5, -0.5])
    Tensor([ 1., -1.])
    """
    return special.gammasgn(x)


@composed(
    "a",
    domain=Domain(1.2, 3.0),
    examples=[case((3,), d=1), case((2, 3), d=3), case((), d=2), case((2, 0), d=2)],
    reference=lambda a, d: special.multigammaln(a, d),
    numpy_only=NUMPY_ONLY,
)
def multigammaln(a: ArrayLike, d: int) -> Tensor:
    """Logarithm of the multivariate gamma function of dimension d, elementwise: the derivative is Σⱼ ψ(a - j/2), j < d.

    Raises:
        ValueError: d is not a positive integer, or an element of `a` is not above (d - 1)/2.

    >>> multigammaln(3.0, 2)
    Tensor(1.55019499)
    """
    if not isinstance(d, (int, np.integer)) or d < 1:
        raise ValueError(f"multigammaln: expected a positive integer as d, got {d!r}.")
    if np.any(checked_array(plain(a)) <= (d - 1) / 2):
        raise ValueError(f"multigammaln: expected a above (d - 1)/2 = {(d - 1) / 2}, got smaller values.")
    halves = np.arange(d, dtype=np.result_type(plain(a), np.float16)) / 2
    terms = gammaln(expand_dims(a, -1) - halves)
    return add(sum(terms, axis=-1), d * (d - 1) / 4 * math.log(math.pi))


@op(
    a=lambda g, a, b, out: g * (out * (digamma.apply(a) - digamma.apply(a + b))),
    b=lambda g, a, b, out: g * (out * (digamma.apply(b) - digamma.apply(a + b))),
    numpy=special.beta,
    domain=POSITIVE,
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def beta(a: ArrayLike, b: ArrayLike) -> Any:
    """Beta function B(a, b) = Γ(a)Γ(b)/Γ(a + b), elementwise: ∂/∂a = B(a, b)·(ψ(a) - ψ(a + b)), and likewise for b.

    >>> beta(2.0, 3.0)
    Tensor(0.08333333)
    """
    return special.beta(a, b)


@op(
    a=lambda g, a, b: g * (digamma.apply(a) - digamma.apply(a + b)),
    b=lambda g, a, b: g * (digamma.apply(b) - digamma.apply(a + b)),
    numpy=special.betaln,
    domain=POSITIVE,
    examples=TWO_OPERANDS,
    numpy_only=NUMPY_ONLY,
)
def betaln(a: ArrayLike, b: ArrayLike) -> Any:
    """log |B(a, b)|, elementwise: ∂/∂a = ψ(a) - ψ(a + b), and likewise for b.

    >>> betaln(2.0, 3.0)
    Tensor(-2.48490665)
    """
    return special.betaln(a, b)


def _beta_density(a: Any, b: Any, x: Any) -> Any:
    """`exp(xlogy(a - 1, x) + xlog1py(b - 1, -x) - betaln(a, b))`, which is xᵃ⁻¹(1 - x)ᵇ⁻¹/B(a, b)."""
    a, b = parameter(a, x), parameter(b, x)
    return np.exp(xlogy.apply(a - 1, x) + xlog1py.apply(b - 1, -x) - betaln.apply(a, b))


@op(
    x=lambda g, a, b, x: g * _beta_density(a, b, x),
    numpy=special.betainc,
    domain=_FRACTION,
    examples=[*one_operand(a=2.0, b=3.5), case((2, 3), a=np.array([[0.5], [1]], np.float16), b=2.0)],
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Any:
    """Regularised incomplete beta function I(a, b, x), elementwise: ∂/∂x = xᵃ⁻¹(1 - x)ᵇ⁻¹/B(a, b).

    Not differentiable with respect to a and b: these derivatives have no closed form.

    Raises:
        TypeError: a or b is a tensor that requires a gradient.

    >>> betainc(1.0, 2.0, 0.5)
    Tensor(0.75)
    """
    return in_precision_of(a, b, x, value=special.betainc(a, b, x))


def _gamma_density(a: Any, x: Any) -> Any:
    """`exp(xlogy(a - 1, x) - x - gammaln(a))`, which is xᵃ⁻¹e⁻ˣ/Γ(a)."""
    a = parameter(a, x)
    return np.exp(xlogy.apply(a - 1, x) - x - gammaln.apply(a))


_INCOMPLETE = [*one_operand(a=2.5), case((2, 3), a=np.array([[0.5], [1]], np.float16))]


@op(
    x=lambda g, a, x: g * _gamma_density(a, x),
    numpy=special.gammainc,
    domain=POSITIVE,
    examples=_INCOMPLETE,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def gammainc(a: ArrayLike, x: ArrayLike) -> Any:
    """Regularised lower incomplete gamma function P(a, x), elementwise: ∂/∂x = xᵃ⁻¹e⁻ˣ/Γ(a).

    Not differentiable with respect to a: this derivative has no closed form.

    Raises:
        TypeError: a is a tensor that requires a gradient.

    >>> gammainc(1.0, 1.0)  # 1 - 1/e
    Tensor(0.63212056)
    """
    return in_precision_of(a, x, value=special.gammainc(a, x))


@op(
    x=lambda g, a, x: -g * _gamma_density(a, x),
    numpy=special.gammaincc,
    domain=POSITIVE,
    examples=_INCOMPLETE,
    numpy_only=NUMPY_ONLY,
    no_rule=NO_CLOSED_FORM,
)
def gammaincc(a: ArrayLike, x: ArrayLike) -> Any:
    """Regularised upper incomplete gamma function 1 - P(a, x), elementwise: ∂/∂x = -xᵃ⁻¹e⁻ˣ/Γ(a).

    Not differentiable with respect to a: this derivative has no closed form.

    Raises:
        TypeError: a is a tensor that requires a gradient.

    >>> gammaincc(1.0, 1.0)  # 1/e
    Tensor(0.36787944)
    """
    return in_precision_of(a, x, value=special.gammaincc(a, x))
