"""Synthetic data sets of *Neural Networks from Scratch*."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nn._rng import Rng, generator
from nn._validation import whole_number

Floats: TypeAlias = NDArray[np.float32]
Labels: TypeAlias = NDArray[np.int64]

MOST_SAMPLES = 1_000_000_000
"""Maximum number of samples; a larger count is considered a mistake."""


def spiral(samples: int, classes: int, rng: Rng = None) -> tuple[Floats, Labels]:
    """Return intertwined spiral arms, which are not linearly separable.

    Class c: r from 0 to 1, t from 4c to 4c + 4 with normal noise of 0.2, X = (r·sin 2.5t, r·cos 2.5t). From Andrej
    Karpathy's notes for Stanford's CS231n.

    Args:
        samples: points per class, at least 1.
        classes: the number of arms, at least 1.
        rng: a `Generator`, a `RandomState`, a seed, or None.

    Returns:
        X of shape `(samples · classes, 2)`, and y of shape `(samples · classes,)`, class after class.

    Raises:
        TypeError: a count that is not an integer.
        ValueError: a count below 1.

    >>> X, y = spiral(100, 3, rng=0)
    >>> X.shape, X.dtype, y[:3]
    ((300, 2), dtype('float32'), array([0, 0, 0]))
    """
    _check_counts("spiral", samples=samples, classes=classes)
    draws = generator(rng)
    radius = np.linspace(0, 1, samples)
    arms = []
    for label in range(classes):
        noise = draws.standard_normal(samples).astype(np.float32) * 0.2
        angle = 2.5 * (np.linspace(4 * label, 4 * label + 4, samples) + noise)
        arms.append(np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1))
    return np.concatenate(arms).astype(np.float32), np.repeat(np.arange(classes), samples)


def vertical(samples: int, classes: int, rng: Rng = None) -> tuple[Floats, Labels]:
    """Return linearly separable clouds: class c is normal around (c/3, 0.5) with standard deviation 0.1.

    Arguments, return values and errors are as for `spiral`.

    >>> X, y = vertical(100, 3, rng=0)
    >>> X.shape, y.shape
    ((300, 2), (300,))
    """
    _check_counts("vertical", samples=samples, classes=classes)
    draws = generator(rng)
    clouds = []
    for label in range(classes):
        across = draws.standard_normal(samples).astype(np.float32) * 0.1 + label / 3
        along = draws.standard_normal(samples).astype(np.float32) * 0.1 + 0.5
        clouds.append(np.stack([across, along], axis=1))
    return np.concatenate(clouds).astype(np.float32), np.repeat(np.arange(classes), samples)


def sine(samples: int = 1000) -> tuple[Floats, Floats]:
    """Return one period of a sine wave, for regression: X = i/samples and y = sin 2πX, both `(samples, 1)`.

    Raises:
        TypeError: a count that is not an integer.
        ValueError: a count below 1.

    >>> X, y = sine(4)
    >>> X.ravel(), y.round(6).ravel()
    (array([0.  , 0.25, 0.5 , 0.75], dtype=float32), array([ 0.,  1.,  0., -1.], dtype=float32))
    """
    _check_counts("sine", samples=samples)
    x = np.arange(samples).reshape(-1, 1) / samples
    return x.astype(np.float32), np.sin(2 * np.pi * x).astype(np.float32)


def _check_counts(function: str, **counts: Any) -> None:
    for name, count in counts.items():
        whole_number(f"datasets.{function}: {name}", count)
    if math.prod(counts.values()) > MOST_SAMPLES:
        asked = " · ".join(map(str, counts.values()))
        raise ValueError(f"datasets.{function}: at most {MOST_SAMPLES:,} samples can be made, got {asked}.")
