"""Encodings of labels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nn._validation import as_array, whole_number


def one_hot(labels: ArrayLike, classes: int, *, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Return a row for each label, with 1 at the index of its class and 0 elsewhere.

    Args:
        labels: integers from 0 to `classes` - 1, of any shape.
        classes: the length of the rows.
        dtype: of the rows.

    Returns:
        An array of shape `(*labels.shape, classes)`.

    Raises:
        ValueError: a label out of range.
        TypeError: labels that are not integers.

    >>> one_hot([0, 2], 3)
    array([[1., 0., 0.],
           [0., 0., 1.]], dtype=float32)
    """
    values, classes = as_array(labels), whole_number("one_hot: classes", classes)
    if values.dtype.kind not in "iu":
        raise TypeError(f"one_hot: labels must be integers, got dtype {values.dtype}. Use y.astype(int).")
    if isinstance(values, np.ndarray) and values.size and not 0 <= values.min() <= values.max() < classes:
        wrong = values[(values < 0) | (values >= classes)].flat[0]
        raise ValueError(f"one_hot: labels must be 0 … {classes - 1}, got {wrong}.")
    rows: NDArray[Any] = (values[..., None] == np.arange(classes)).astype(dtype)
    return rows
