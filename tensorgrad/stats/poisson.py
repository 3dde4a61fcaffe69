"""Poisson distribution of counts with mean `mu`, shifted by `loc`; differentiable with respect to the mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import subtract
from tensorgrad.ops.elementwise.exponential import exp, log
from tensorgrad.ops.elementwise.where import where
from tensorgrad.ops.scipy import entropies, gammas
from tensorgrad.stats._support import values
from tensorgrad.tensor import Tensor

__all__ = ["cdf", "logcdf", "logpmf", "pmf", "sf"]


def _counts(k: Any, loc: Any) -> Any:
    """Return k - loc. Counts have no derivative, so they must not require a gradient.

    Raises:
        TypeError: `k` or `loc` requires a gradient.
    """
    for name, value in (("k", k), ("loc", loc)):
        if getattr(value, "requires_grad", False):
            raise TypeError(
                f"poisson: expected counts {name} without a gradient, got a tensor that requires one. The distribution "
                "is defined for integers only. Pass detach() of it."
            )
    return values(k) - values(loc)


def _of_sums(function: Callable[..., Any], k: Any, mu: Any, loc: Any, below: float) -> Tensor:
    """Return `function(⌊k - loc⌋ + 1, mu)`, one of the incomplete gamma functions, and `below` for negative counts."""
    counts = np.floor(_counts(k, loc))
    value = function(np.maximum(counts, 0).astype(np.result_type(values(mu), np.float16)) + 1, mu)
    return value if (counts >= 0).all() else where(counts >= 0, value, below)


@composed("mu")
def logpmf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Tensor:
    """Return the logarithm of the probability of k; -inf where k is negative or not an integer.

    >>> logpmf([0, 2], mu=3.0)
    Tensor([-3.       , -1.4959226])
    """
    counts = _counts(k, loc)
    possible = (counts >= 0) & (counts == np.floor(counts))
    safe = np.where(possible, counts, 0).astype(np.result_type(values(mu), np.float16))
    value = subtract(subtract(entropies.xlogy(safe, mu), gammas.gammaln(safe + 1)), mu)
    return value if possible.all() else where(possible, value, -np.inf)


@composed("mu")
def pmf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Tensor:
    """Return the probability of k; 0 where k is negative or not an integer.

    >>> pmf([0, 2], mu=3.0)
    Tensor([0.04978707, 0.22404181])
    """
    return exp(logpmf(k, mu, loc))


@composed("mu")
def cdf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Tensor:
    """Return the probability of at most k.

    >>> cdf([0, 2], mu=3.0)
    Tensor([0.04978707, 0.42319008])
    """
    return _of_sums(gammas.gammaincc, k, mu, loc, below=0.0)


@composed("mu")
def logcdf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Tensor:
    """Return the logarithm of `cdf`.

    >>> logcdf([0, 2], mu=3.0)
    Tensor([-3.        , -0.85993384])
    """
    counts = _counts(k, loc)
    value = log(cdf(np.maximum(counts, 0), mu))
    return value if (counts >= 0).all() else where(counts >= 0, value, -np.inf)


@composed("mu")
def sf(k: ArrayLike, mu: ArrayLike, loc: ArrayLike = 0) -> Tensor:
    """Return the probability of more than k.

    >>> sf([0, 2], mu=3.0)
    Tensor([0.95021293, 0.57680992])
    """
    return _of_sums(gammas.gammainc, k, mu, loc, below=1.0)
