"""Normal distribution with mean `loc` and standard deviation `scale`."""

from __future__ import annotations

import math

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import multiply, negative, subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.powers import square
from tensorgrad.ops.scipy import errors
from tensorgrad.stats._support import of, standardised
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]

_LOG_ROOT_2_PI = math.log(2 * math.pi) / 2


@composed("x", "loc", "scale")
def logpdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of the density.

    >>> logpdf([0.0, 1.0])
    Tensor([-0.91893853, -1.41893853])
    """
    exponent = multiply(square(standardised(x, loc, scale)), -0.5)
    return subtract(subtract(exponent, _LOG_ROOT_2_PI), of(log, scale))


@composed("x", "loc", "scale")
def pdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the density.

    >>> pdf([0.0, 1.0])
    Tensor([0.39894228, 0.24197072])
    """
    return exp(logpdf(x, loc, scale))


@composed("x", "loc", "scale")
def cdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value up to x.

    >>> cdf([0.0, 1.0])
    Tensor([0.5       , 0.84134475])
    """
    return errors.ndtr(standardised(x, loc, scale))


@composed("x", "loc", "scale")
def logcdf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `cdf`, exact where `cdf` underflows.

    >>> logcdf(-40.0)
    Tensor(-804.60844201)
    """
    return errors.log_ndtr(standardised(x, loc, scale))


@composed("x", "loc", "scale")
def sf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the probability of a value above x, exact where `cdf` is nearly 1.

    >>> sf(10.0)
    Tensor(7.61985302e-24)
    """
    return errors.ndtr(negative(standardised(x, loc, scale)))


@composed("x", "loc", "scale")
def logsf(x: ArrayLike, loc: ArrayLike = 0, scale: ArrayLike = 1) -> Tensor:
    """Return the logarithm of `sf`, exact where `sf` underflows.

    >>> logsf(40.0)
    Tensor(-804.60844201)
    """
    return errors.log_ndtr(negative(standardised(x, loc, scale)))
