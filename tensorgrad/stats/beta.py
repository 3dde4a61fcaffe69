"""Beta distribution with the shapes `a` and `b`, moved by `loc` and stretched by `scale`.

The distribution function is not differentiable with respect to the shapes: a tensor that requires a gradient is an
error.
"""

from __future__ import annotations

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import add, negative, subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.where import clip
from tensorgrad.ops.scipy.entropies import xlog1py, xlogy
from tensorgrad.ops.scipy.gammas import betainc, betaln
from tensorgrad.stats._support import of, standardised, values, within
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpdf", "pdf", "sf"]


@composed("x", "a", "b", "loc", "scale")
def logpdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of the density; -inf outside [loc, loc + scale].

    >>> logpdf([0.5, 0.75], a=2.0, b=3.0)
    Tensor([ 0.40546511, -0.57536414])
    """
    z = standardised(x, loc, scale)

    def of_fraction(z: ArrayLike) -> Tensor:
        powers = add(xlog1py(of(subtract, b, 1), negative(z)), xlogy(of(subtract, a, 1), z))
        return subtract(powers, of(betaln, a, b))

    inside = (values(z) >= 0) & (values(z) <= 1)
    return subtract(within(inside, z, 0.5, of_fraction), of(log, scale))


@composed("x", "a", "b", "loc", "scale")
def pdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the density; 0 outside [loc, loc + scale].

    >>> pdf([0.5, 0.75], a=2.0, b=3.0)
    Tensor([1.5   , 0.5625])
    """
    return exp(logpdf(x, a, b, loc, scale))


@composed("x", "loc", "scale")
def cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value up to x; not differentiable with respect to `a` and `b`.

    >>> cdf([0.5, 0.75], a=2.0, b=3.0)
    Tensor([0.6875    , 0.94921875])
    """
    return betainc(a, b, clip(standardised(x, loc, scale), 0, 1))


@composed("x", "loc", "scale")
def logcdf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `cdf`; not differentiable with respect to `a` and `b`.

    >>> logcdf([0.5, 0.75], a=2.0, b=3.0)
    Tensor([-0.37469345, -0.052116  ])
    """
    z = standardised(x, loc, scale)
    return within(values(z) > 0, z, 0.5, lambda z: log(betainc(a, b, clip(z, 0, 1))))


@composed("x", "loc", "scale")
def sf(x: ArrayLike, a: ArrayLike, b: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value above x; not differentiable with respect to `a` and `b`.

    >>> sf([0.5, 0.75], a=2.0, b=3.0)
    Tensor([0.3125    , 0.05078125])
    """
    return betainc(b, a, clip(subtract(1, standardised(x, loc, scale)), 0, 1))
