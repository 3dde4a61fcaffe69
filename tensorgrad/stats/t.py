"""Student's t distribution with `df` degrees of freedom, moved by `loc` and stretched by `scale`.

The distribution function is not differentiable with respect to `df`: a tensor that requires a gradient is an error.
"""

from __future__ import annotations

import math

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import add, divide, multiply, negative, subtract
from tensorgrad.ops.elementwise.exponential import exp, log, log1p
from tensorgrad.ops.elementwise.powers import square
from tensorgrad.ops.scipy.errors import stdtr
from tensorgrad.ops.scipy.gammas import gammaln
from tensorgrad.stats._support import of, standardised
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpdf", "pdf", "sf"]


@composed("x", "df", "loc", "scale")
def logpdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of the density.

    >>> logpdf([0.0, 1.0], df=1.0)  # Cauchy's distribution
    Tensor([-1.14472989, -1.83787707])
    """
    z = standardised(x, loc, scale)
    half = of(divide, of(add, df, 1), 2)
    root = of(multiply, of(log, of(multiply, df, math.pi)), 0.5)
    factor = of(subtract, of(gammaln, half), of(add, of(gammaln, of(divide, df, 2)), root))
    return subtract(subtract(factor, multiply(half, log1p(divide(square(z), df)))), of(log, scale))


@composed("x", "df", "loc", "scale")
def pdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the density.

    >>> pdf([0.0, 1.0], df=1.0)
    Tensor([0.31830989, 0.15915494])
    """
    return exp(logpdf(x, df, loc, scale))


@composed("x", "loc", "scale")
def cdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value up to x; not differentiable with respect to `df`.

    >>> cdf([0.0, 1.0], df=1.0)
    Tensor([0.5 , 0.75])
    """
    return stdtr(df, standardised(x, loc, scale))


@composed("x", "loc", "scale")
def logcdf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `cdf`; not differentiable with respect to `df`.

    >>> logcdf([0.0, 1.0], df=1.0)
    Tensor([-0.69314718, -0.28768207])
    """
    return log(cdf(x, df, loc, scale))


@composed("x", "loc", "scale")
def sf(x: ArrayLike, df: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value above x; not differentiable with respect to `df`.

    >>> sf([0.0, 1.0], df=1.0)
    Tensor([0.5 , 0.25])
    """
    return stdtr(df, negative(standardised(x, loc, scale)))
