"""Dropout."""

from __future__ import annotations

import numbers
from typing import Any

from numpy.typing import ArrayLike

from nn._rng import Rng, generator
from nn.module import Module
from tensorgrad import Tensor


class Dropout(Module):
    """In training, sets a random share of its inputs to 0 and scales up the rest; in evaluation, changes nothing.

    Args:
        rate: the share that is dropped, in [0, 1). What is kept is divided by 1 - rate, so that sums keep their size.
        rng: where the choice is drawn from: a `Generator`, a `RandomState`, a seed, or None.

    Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, 2014;
    *Neural Networks from Scratch*, chapter 15.

    Raises:
        ValueError: `rate` outside [0, 1).
        TypeError: `rate` is no number.

    >>> import numpy as np
    >>> layer = Dropout(0.5, rng=1)
    >>> layer(np.ones(4, np.float32))
    Tensor([0., 0., 2., 0.], dtype=float32)
    >>> layer.eval()(np.ones(4, np.float32))
    Tensor([1., 1., 1., 1.], dtype=float32)
    """

    def __init__(self, rate: float, rng: Rng = None) -> None:
        self.rate = _checked_rate(rate)
        self.rng = generator(rng)

    def forward(self, x: ArrayLike) -> Tensor:
        """`x` with a share of it dropped, or as it is."""
        x = x if isinstance(x, Tensor) else Tensor(x)
        if not self.training or self.rate == 0:
            return x
        kept = self.rng.random(x.shape) < 1 - self.rate
        return x * (kept.astype(x.dtype) / (1 - self.rate))


def _checked_rate(rate: Any) -> float:
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
        raise TypeError(f"Dropout: rate is the share that is dropped and must be a number, got {rate!r}.")
    share = float(rate)
    if not 0 <= share < 1:
        raise ValueError(f"Dropout: rate is the share that is dropped and must be in [0, 1), got {rate!r}.")
    return share
