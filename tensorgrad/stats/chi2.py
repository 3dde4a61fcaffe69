"""χ² distribution with `df` degrees of freedom, the gamma distribution of shape df/2 and scale 2.

The distribution function is not differentiable with respect to `df`: a tensor that requires a gradient is an error.
"""

from __future__ import annotations

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import divide, multiply
from tensorgrad.ops.elementwise.exponential import exp
from tensorgrad.stats import gamma
from tensorgrad.stats._support import of
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpdf", "pdf", "sf"]


@composed("x", "df", "loc", "scale")
def logpdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of the density; -inf below `loc`.

    >>> logpdf([1.0, 2.0], df=2.0)
    Tensor([-1.19314718, -1.69314718])
    """
    return gamma.logpdf(x, of(divide, df, 2), loc, of(multiply, scale, 2))


@composed("x", "df", "loc", "scale")
def pdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the density; 0 below `loc`.

    >>> pdf([1.0, 2.0], df=2.0)
    Tensor([0.30326533, 0.18393972])
    """
    return exp(logpdf(x, df, loc, scale))


@composed("x", "loc", "scale")
def cdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value up to x; not differentiable with respect to `df`.

    >>> cdf([1.0, 2.0], df=2.0)
    Tensor([0.39346934, 0.63212056])
    """
    return gamma.cdf(x, of(divide, df, 2), loc, of(multiply, scale, 2))


@composed("x", "loc", "scale")
def logcdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `cdf`; not differentiable with respect to `df`.

    >>> logcdf([1.0, 2.0], df=2.0)
    Tensor([-0.93275213, -0.45867515])
    """
    return gamma.logcdf(x, of(divide, df, 2), loc, of(multiply, scale, 2))


@composed("x", "loc", "scale")
def sf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value above x; not differentiable with respect to `df`.

    >>> sf([1.0, 2.0], df=2.0)
    Tensor([0.60653066, 0.36787944])
    """
    return gamma.sf(x, of(divide, df, 2), loc, of(multiply, scale, 2))
