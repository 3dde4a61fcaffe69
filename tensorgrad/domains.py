"""Domains from which tests sample the inputs of an operation, declared beside the operation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad._typing import Shape


@dataclass(frozen=True)
class Domain:
    """Real numbers between `low` and `high`, at least `gap` away from each of `avoid` (kinks and poles)."""

    low: float = -2.0
    high: float = 2.0
    avoid: tuple[float, ...] = ()
    gap: float = 0.1

    def sample(self, rng: np.random.Generator, shape: Shape) -> NDArray[np.float64]:
        """Return random values of the given shape, all different, so that there are no ties."""
        size = int(np.prod(shape, dtype=int))
        grid = np.linspace(self.low, self.high, 4 * size + 23)[1:-1]
        for point in self.avoid:
            grid = grid[np.abs(grid - point) >= self.gap]
        return rng.permutation(grid)[:size].reshape(shape)


REAL = Domain()
POSITIVE = Domain(0.2, 3.0)
NONZERO = Domain(avoid=(0.0,))
ABOVE_MINUS_ONE = Domain(-0.8, 2.0)


@dataclass(frozen=True)
class Case:
    """A test call: one shape per input (a list for a sequence, None to omit it), and options."""

    shapes: tuple[Shape | list[Shape] | None, ...]
    options: dict[str, Any] = field(default_factory=dict)


def case(*shapes: Shape | list[Shape] | None, **options: Any) -> Case:
    """Return a `Case`, for example `case((2, 3), axis=0)`."""
    return Case(shapes, options)
