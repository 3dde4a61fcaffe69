"""Sources of random numbers. NumPy's global state is never used."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

Rng: TypeAlias = np.random.Generator | np.random.RandomState | int | None
"""A source of random numbers, a seed for one, or None for one that differs on every run."""


def generator(rng: Rng) -> np.random.Generator | np.random.RandomState:
    """Return the random generator for an `rng` argument.

    Args:
        rng: a `Generator` or a `RandomState` is used directly, so that several users share one stream; an integer
            (at least 0) seeds a new `Generator`; None gives a new one seeded by the operating system.

    Raises:
        TypeError: `rng` has another type.
        ValueError: a negative seed.

    >>> float(generator(7).random()) == float(generator(7).random())
    True
    """
    if isinstance(rng, (np.random.Generator, np.random.RandomState)):
        return rng
    if rng is None:
        return np.random.default_rng()
    if isinstance(rng, bool) or not isinstance(rng, (int, np.integer)):
        raise TypeError(f"rng: expected a np.random.Generator, a RandomState, an integer seed or None, got {rng!r}.")
    if rng < 0:
        raise ValueError(f"rng: expected a seed of at least 0, got {rng}.")
    return np.random.default_rng(rng)
