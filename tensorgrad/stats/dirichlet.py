"""Dirichlet distribution of vectors of probabilities, with the concentrations `alpha`."""

from __future__ import annotations

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.ops.elementwise.arithmetic import subtract
from tensorgrad.ops.elementwise.exponential import exp
from tensorgrad.ops.reductions.sums import sum
from tensorgrad.ops.scipy import entropies, gammas
from tensorgrad.ops.shape.axes import moveaxis
from tensorgrad.stats._support import values
from tensorgrad.tensor import Tensor

__all__ = ["logpdf", "pdf"]

_TOLERANCE = 1e-5
"""How far the sum of probabilities may be from 1: it is rounded in float32, and moved by finite differences."""


@composed("x", "alpha")
def logpdf(x: ArrayLike, alpha: ArrayLike) -> Tensor:
    """Return the logarithm of the density.

    Args:
        x: probabilities along the first axis, as in SciPy: of shape (k,) for one vector, (k, n) for several.
        alpha: positive concentrations, of shape (k,).

    Raises:
        ValueError: the shapes do not match, a probability is not in [0, 1], or they do not sum to 1.

    >>> logpdf([0.25, 0.75], alpha=[2.0, 2.0])
    Tensor(0.11778304)
    """
    point, concentrations = values(x), values(alpha)
    if concentrations.ndim != 1 or point.shape[:1] != concentrations.shape:
        raise ValueError(
            f"expected alpha of shape (k,) and x with k probabilities along its first axis, got shapes "
            f"{concentrations.shape} and {point.shape}."
        )
    if np.any(concentrations <= 0):
        raise ValueError("expected positive concentrations alpha.")
    if np.any(point < 0) or np.any(point > 1) or np.any(np.absolute(np.sum(point, axis=0) - 1) > _TOLERANCE):
        raise ValueError("expected probabilities x from 0 to 1 that sum to 1 along the first axis.")
    normaliser = subtract(sum(gammas.gammaln(alpha)), gammas.gammaln(sum(alpha)))
    powers = sum(entropies.xlogy(subtract(alpha, 1), moveaxis(x, 0, -1)), axis=-1)
    return subtract(powers, normaliser)


@composed("x", "alpha")
def pdf(x: ArrayLike, alpha: ArrayLike) -> Tensor:
    """Return the density; see `logpdf`.

    >>> pdf([0.25, 0.75], alpha=[2.0, 2.0])
    Tensor(1.125)
    """
    return exp(logpdf(x, alpha))
