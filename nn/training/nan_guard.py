"""Detection of NaN and infinity in training, and the messages about them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn._several import named
from nn.data import Batches
from nn.data.arrays import slices
from tensorgrad import Tensor

READ_AT_ONCE = 1_000_000
"""Elements that are checked at a time."""


def not_finite_gradient(parameters: Iterable[Tensor]) -> str | None:
    """Return a description of the first parameter whose gradient has a NaN or infinite element.

    A sum of squares is finite only if all elements are finite. It takes one pass, 1.4 % of a step of a 784-128-64-10
    network. The sum can overflow for large elements; in that case every element is checked.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        for number, parameter in enumerate(parameters):
            if parameter.grad is not None:
                flat = parameter.grad.reshape(-1)
                if not (math.isfinite(flat @ flat) or np.all(np.isfinite(flat))):
                    return f"parameter {number}" + (f" {parameter.name!r}" if parameter.name else "")
    return None


def cause(data: Batches, learning_rate: float) -> str:
    """Return the probable cause of a NaN or infinite value."""
    if not all(_is_finite(array) for _, array in named(data.X) + named(data.y)):
        return "X or y contains values that are not finite."
    return (
        f"Often the learning rate is too high (here {learning_rate:g}), or a logarithm or a division received 0. "
        "Inside tg.detect_anomaly(), the error names the operation."
    )


def _is_finite(array: NDArray[Any]) -> bool:
    """Return whether all elements are finite. Large arrays, which may be on disk, are read in parts."""
    rows = max(1, len(array) * READ_AT_ONCE // max(1, array.size))
    return all(bool(np.isfinite(array[part]).all()) for part in slices(len(array), rows))
