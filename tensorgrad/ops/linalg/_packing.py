"""Several results in one: an operation records one array, so those that give several pack them into a row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad._typing import Shape


def packed(arrays: Sequence[Any]) -> Any:
    """All elements of the arrays in one row."""
    return np.concatenate([np.reshape(array, (-1,)) for array in arrays])


def unpacked(row: Any, shapes: Sequence[Shape]) -> list[Any]:
    """The arrays of the given shapes back from a row, or from the gradient of one; works on tensors too."""
    arrays, start = [], 0
    for shape in shapes:
        stop = start + int(np.prod(shape, dtype=int))
        arrays.append(np.reshape(row[start:stop], shape))
        start = stop
    return arrays
