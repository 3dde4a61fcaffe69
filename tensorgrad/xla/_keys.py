"""Random numbers that are drawn inside a program; see `tensorgrad.randomness`."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from tensorgrad.xla import _refusals
from tensorgrad.xla.array import Array


class Keys:
    """Replacements of NumPy's random generators in one program.

    Args:
        generators: the generators that the function uses.
        numbers: the number of the call, then the seed of each generator.
    """

    def __init__(self, generators: list[Any], numbers: Any) -> None:
        self._numbers = numbers
        self._places = {id(generator): place for place, generator in enumerate(generators, 1)}
        self._made: dict[int, TracedGenerator] = {}
        self._ahead = 0

    def advance(self) -> None:
        """Draw the numbers of the next call from now on."""
        self._ahead += 1
        self._made.clear()

    def __call__(self, generator: Any) -> TracedGenerator:
        """Return the replacement of a generator, always the same one.

        Raises:
            TraceError: the generator was not found before tracing.
        """
        place = self._places.get(id(generator))
        if place is None:
            raise _refusals.unknown_generator()
        if place not in self._made:
            key = jax.random.key(self._numbers[place])
            self._made[place] = TracedGenerator(jax.random.fold_in(key, self._numbers[0] + self._ahead))
        return self._made[place]


class TracedGenerator:
    """Random generator with the methods of NumPy's, which draws arrays inside a program."""

    def __init__(self, key: Any) -> None:
        self._key = key
        self._draws = 0

    def _next(self) -> Any:
        self._draws += 1
        return jax.random.fold_in(self._key, self._draws)

    def random(self, size: Any = None, dtype: Any = np.float64) -> Array:
        """Return numbers that are uniform in [0, 1)."""
        return Array(jax.random.uniform(self._next(), _shape(size), np.dtype(dtype)))

    def uniform(self, low: Any = 0.0, high: Any = 1.0, size: Any = None) -> Any:
        """Return numbers that are uniform in [low, high)."""
        return low + (high - low) * self.random(_common(size, low, high))

    def standard_normal(self, size: Any = None, dtype: Any = np.float64) -> Array:
        """Return numbers of the standard normal distribution."""
        return Array(jax.random.normal(self._next(), _shape(size), np.dtype(dtype)))

    def normal(self, loc: Any = 0.0, scale: Any = 1.0, size: Any = None) -> Any:
        """Return normally distributed numbers."""
        return loc + scale * self.standard_normal(_common(size, loc, scale))

    def integers(self, low: Any, high: Any = None, size: Any = None, dtype: Any = np.int64) -> Array:
        """Return integers in [low, high), or in [0, low)."""
        first, last = (0, low) if high is None else (low, high)
        return Array(jax.random.randint(self._next(), _shape(size), first, last, np.dtype(dtype)))


def _shape(size: Any) -> tuple[int, ...]:
    return () if size is None else (size,) if isinstance(size, int) else tuple(size)


def _common(size: Any, *parameters: Any) -> Any:
    return np.broadcast_shapes(*map(np.shape, parameters)) if size is None else size
