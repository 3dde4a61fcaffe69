"""Gamma distribution with shape `a`, moved by `loc` and stretched by `scale`.

The distribution function is not differentiable with respect to `a`: a tensor that requires a gradient is an error.
"""

from __future__ import annotations

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.scipy.entropies import xlogy
from tensorgrad.ops.scipy.gammas import gammainc, gammaincc, gammaln
from tensorgrad.stats._support import of, standardised, values, within
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpdf", "pdf", "sf"]


@composed("x", "a", "loc", "scale")
def logpdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of the density; -inf below `loc`.

    >>> logpdf([1.0, 2.0], a=3.0)
    Tensor([-1.69314718, -1.30685282])
    """
    z = standardised(x, loc, scale)

    def of_positive(z: ArrayLike) -> Tensor:
        return subtract(subtract(xlogy(of(subtract, a, 1), z), z), of(gammaln, a))

    return subtract(within(values(z) >= 0, z, 1.0, of_positive), of(log, scale))


@composed("x", "a", "loc", "scale")
def pdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the density; 0 below `loc`.

    >>> pdf([1.0, 2.0], a=3.0)
    Tensor([0.18393972, 0.27067057])
    """
    return exp(logpdf(x, a, loc, scale))


@composed("x", "loc", "scale")
def cdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value up to x; not differentiable with respect to `a`.

    >>> cdf([1.0, 2.0], a=3.0)
    Tensor([0.0803014 , 0.32332358])
    """
    z = standardised(x, loc, scale)
    return within(values(z) >= 0, z, 1.0, lambda z: gammainc(a, z), outside=0.0)


@composed("x", "loc", "scale")
def logcdf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `cdf`; not differentiable with respect to `a`.

    >>> logcdf([1.0, 2.0], a=3.0)
    Tensor([-2.52196826, -1.12910165])
    """
    z = standardised(x, loc, scale)
    return within(values(z) > 0, z, 1.0, lambda z: log(gammainc(a, z)))


@composed("x", "loc", "scale")
def sf(x: ArrayLike, a: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value above x; not differentiable with respect to `a`.

    >>> sf([1.0, 2.0], a=3.0)
    Tensor([0.9196986 , 0.67667642])
    """
    z = standardised(x, loc, scale)
    return within(values(z) >= 0, z, 1.0, lambda z: gammaincc(a, z), outside=1.0)
