"""Data augmentation: random changes of images that preserve their classes.

See *Neural Networks from Scratch*, chapter 13. Each function takes a batch of images `(samples, height, width)` or
`(samples, height, width, channels)` and returns a new one of the same shape and dtype; integers are rounded and clipped
to the range of their dtype. To combine several, write a function:

>>> import nn
>>> def augment(images, rng):
...     return nn.data.shift(nn.data.rotate(images, 10, rng), 2, rng)
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn._rng import Rng, generator
from nn._validation import whole_number
from nn.data.arrays import as_images, as_numbers


def flip(images: ArrayLike, rng: Rng = None) -> NDArray[Any]:
    """Mirror each image horizontally with probability 1/2.

    Args:
        images: see the module.
        rng: a `Generator`, a `RandomState`, a seed, or None.

    Raises:
        ValueError, TypeError: not images.

    >>> flip(np.array([[[1, 2]], [[3, 4]]]), rng=2)
    array([[[2, 1]], [[4, 3]]])
    """
    flipped = as_images("flip", images).copy()
    chosen = generator(rng).random(len(flipped)) < 0.5
    flipped[chosen] = flipped[chosen][:, :, ::-1]
    return flipped


def shift(images: ArrayLike, pixels: int, rng: Rng = None, *, fill: float = 0) -> NDArray[Any]:
    """Shift each image by a random number of pixels, vertically and horizontally.

    Args:
        images: see the module.
        pixels: the maximum distance, at least 1. Every integer from -pixels to pixels is equally likely.
        rng: a `Generator`, a `RandomState`, a seed, or None.
        fill: the value of pixels that come from outside the image.

    Raises:
        ValueError, TypeError: not images, or pixels below 1 or not an integer.

    >>> shift(np.array([[[1, 2], [3, 4]]]), 1, rng=0)
    array([[[3, 4],
            [0, 0]]])
    """
    array, most = as_images("shift", images), whole_number("shift: pixels", pixels)
    height, width = array.shape[1:3]
    padded = _padded(array, most, fill)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(1, 2))
    down, across = generator(rng).choice(2 * most + 1, size=(2, len(array)))
    moved: NDArray[Any] = windows[np.arange(len(array)), down, across]  # the window's axes come last
    return np.moveaxis(moved, 1, -1) if array.ndim == 4 else moved


def rotate(images: ArrayLike, degrees: float, rng: Rng = None, *, fill: float = 0) -> NDArray[Any]:
    """Rotate each image about its centre by a random angle, with bilinear interpolation.

    Args:
        images: see the module.
        degrees: the maximum angle, above 0. Angles are uniformly distributed from -degrees to degrees.
        rng: a `Generator`, a `RandomState`, a seed, or None.
        fill: the value of pixels that come from outside the image.

    Raises:
        ValueError, TypeError: not images, or degrees that are not finite and above 0.

    >>> image = np.zeros((1, 5, 5), np.uint8)
    >>> image[0, 2] = 100
    >>> rotate(image, 30, rng=0)[0]
    array([[  0,   0,   0,   0,   0],
           [  0,   0,   1,  15,  26],
           [ 71,  86, 100,  86,  71],
           [ 26,  15,   1,   0,   0],
           [  0,   0,   0,   0,   0]], dtype=uint8)
    """
    array = as_images("rotate", images)
    if not 0 < degrees < np.inf:
        raise ValueError(f"rotate: degrees must be finite and above 0, got {degrees!r}.")
    height, width = array.shape[1:3]
    angle = np.radians(generator(rng).uniform(-degrees, degrees, size=(len(array), 1, 1)))
    down = np.arange(height).reshape(-1, 1) - (height - 1) / 2
    across = np.arange(width) - (width - 1) / 2
    y = down * np.cos(angle) + across * np.sin(angle) + (height - 1) / 2  # where each new pixel comes from
    x = across * np.cos(angle) - down * np.sin(angle) + (width - 1) / 2
    return _like(array, _between_pixels(array, y, x, fill))


def add_noise(X: ArrayLike, deviation: float, rng: Rng = None) -> NDArray[Any]:
    """Add normally distributed noise to X.

    Args:
        X: images, or samples of any shape `(samples, ...)`.
        deviation: the standard deviation of the noise, above 0, in the units of X.
        rng: a `Generator`, a `RandomState`, a seed, or None.

    Raises:
        ValueError, TypeError: X are not numbers, or a deviation that is not finite and above 0.

    >>> add_noise(np.array([[0, 100, 255]], np.uint8), 10, rng=0)
    array([[  1,  99, 255]], dtype=uint8)
    """
    array = as_numbers("add_noise", X)
    if not 0 < deviation < np.inf:
        raise ValueError(f"add_noise: deviation must be finite and above 0, got {deviation!r}.")
    return _like(array, array + deviation * generator(rng).standard_normal(array.shape))


def _padded(images: NDArray[Any], pixels: int, fill: float) -> NDArray[Any]:
    around = [(0, 0), (pixels, pixels), (pixels, pixels), (0, 0)][: images.ndim]
    return np.pad(images, around, constant_values=fill)


def _between_pixels(images: NDArray[Any], y: NDArray[Any], x: NDArray[Any], fill: float) -> NDArray[Any]:
    """Interpolate the images at positions `(samples, height, width)`; outside they have the value `fill`."""
    height, width = images.shape[1:3]
    padded = _padded(images, 1, fill)
    y, x = np.clip(y, -1, height) + 1, np.clip(x, -1, width) + 1
    top, left = np.minimum(y.astype(np.intp), height), np.minimum(x.astype(np.intp), width)
    low, right = y - top, x - left
    if images.ndim == 4:
        low, right = low[..., None], right[..., None]
    number = np.arange(len(images)).reshape(-1, 1, 1)
    above = padded[number, top, left] * (1 - right) + padded[number, top, left + 1] * right
    below = padded[number, top + 1, left] * (1 - right) + padded[number, top + 1, left + 1] * right
    mixed: NDArray[Any] = above * (1 - low) + below * low
    return mixed


def _like(original: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    """Return `values` in the dtype of `original`."""
    if original.dtype.kind in "iu":
        limits = np.iinfo(original.dtype)
        values = np.clip(np.rint(values), limits.min, limits.max)
    return values.astype(original.dtype, copy=False)
