"""Layers that add noise during training: dropout and Gaussian noise."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from nn._rng import Rng, generator
from nn.module import Module, place
from tensorgrad import Tensor, randomness


class Dropout(Module):
    """In training, set a random fraction of the inputs to 0 and scale up the rest; in evaluation, change nothing.

    Args:
        rate: the fraction that is dropped, in [0, 1). The other values are divided by 1 - rate, so that the
            expected sums are unchanged.
        rng: the source of random numbers: a `Generator`, a `RandomState`, a seed, or None.

    Srivastava et al., *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*, 2014;
    *Neural Networks from Scratch*, chapter 15.

    Raises:
        ValueError: `rate` outside [0, 1).
        TypeError: `rate` is not a number; when called, x is not floating-point.

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
        """Return `x` with a fraction of it dropped, or `x` unchanged."""
        x = _floating(self, x)
        if not self.training or self.rate == 0:
            return x
        dropped: Tensor = x * _mask(self.rng, x.shape, self.rate, x.dtype)
        return dropped


class SpatialDropout(Module):
    """In training, set a random fraction of each sample's channels to 0; in evaluation, change nothing.

    Neighbouring pixels are alike, so a dropped pixel can be guessed from them; a dropped channel cannot.

    Args:
        rate: the fraction that is dropped, in [0, 1). The other values are divided by 1 - rate.
        rng: the source of random numbers: a `Generator`, a `RandomState`, a seed, or None.

    Raises:
        ValueError: `rate` outside [0, 1); when called, x with fewer than two axes.
        TypeError: `rate` is not a number; when called, x is not floating-point.

    References:
        Tompson et al., *Efficient Object Localization Using Convolutional Networks*, 2015.

    >>> import numpy as np
    >>> SpatialDropout(0.5, rng=1)(np.ones((1, 2, 4), np.float32))
    Tensor([[[0., 0., 2., 0.],
             [0., 0., 2., 0.]]], dtype=float32)
    """

    def __init__(self, rate: float, rng: Rng = None) -> None:
        self.rate = _checked_rate(rate, "SpatialDropout")
        self.rng = generator(rng)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `x`, `(batch, …, channels)`, with a fraction of its channels dropped, or `x` unchanged."""
        x = _floating(self, x)
        if x.ndim < 2:
            raise ValueError(f"{self!r}: expected x of shape (batch, …, channels), got {x.shape}.")
        if not self.training or self.rate == 0:
            return x
        shape = (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
        dropped: Tensor = x * _mask(self.rng, shape, self.rate, x.dtype)
        return dropped


class GaussianNoise(Module):
    """In training, add normally distributed noise; in evaluation, change nothing.

    Args:
        scale: the standard deviation of the noise, at least 0.
        rng: the source of random numbers: a `Generator`, a `RandomState`, a seed, or None.

    Raises:
        ValueError: `scale` is negative or not finite.
        TypeError: when called, x is not floating-point.

    >>> import numpy as np
    >>> layer = GaussianNoise(0.1, rng=0)
    >>> bool(abs(layer(np.zeros(1000)).data.std() - 0.1) < 0.01)
    True
    >>> layer.eval()([1.0])
    Tensor([1.])
    """

    def __init__(self, scale: float, rng: Rng = None) -> None:
        if not (math.isfinite(scale) and scale >= 0):
            raise ValueError(f"GaussianNoise: scale must be a finite number of at least 0, got {scale!r}.")
        self.scale = float(scale)
        self.rng = generator(rng)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `x` with noise added, or `x` unchanged."""
        x = _floating(self, x)
        if not self.training or self.scale == 0:
            return x
        if randomness.is_replaced():
            noisy: Tensor = x + randomness.source(self.rng).standard_normal(x.shape, x.dtype) * self.scale
            return noisy
        return x + (self.rng.standard_normal(x.shape) * self.scale).astype(x.dtype)


def _floating(layer: Module, x: ArrayLike) -> Tensor:
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.dtype.kind != "f":
        raise TypeError(f"{place(layer)}: expected floating-point x, got {x.dtype}. Convert it with x.astype(float).")
    return x


_BLOCK = 65_536
"""Random numbers drawn at once, which stay in the cache: dropout of (1024, 512) takes 0.86 of the time."""


def _mask(rng: np.random.Generator | np.random.RandomState, shape: tuple[int, ...], rate: float, dtype: Any) -> Any:
    """Return an array with 1 / (1 - rate) at random places, and 0 at the fraction `rate` of them."""
    if randomness.is_replaced():
        return (randomness.source(rng).random(shape, dtype) < 1 - rate).astype(dtype) / (1 - rate)
    mask = np.empty(shape, dtype)
    numbers, scale = mask.reshape(-1), np.ones((), dtype) / (1 - rate)
    for start in range(0, mask.size, _BLOCK):
        part = numbers[start : start + _BLOCK]
        np.multiply(rng.random(len(part)) < 1 - rate, scale, out=part)
    return mask


def _checked_rate(rate: Any, name: str = "Dropout") -> float:
    if isinstance(rate, bool) or not isinstance(rate, numbers.Real):
        raise TypeError(f"{name}: rate is the fraction that is dropped and must be a number, got {rate!r}.")
    fraction = float(rate)
    if not 0 <= fraction < 1:
        raise ValueError(f"{name}: rate is the fraction that is dropped and must be in [0, 1), got {rate!r}.")
    return fraction
