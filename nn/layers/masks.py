"""Masks of sequences of different lengths: which steps are real, and which are padding."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn._validation import as_array
from nn.module import Module


def refuse_mask(layer: Module, x: Any, mask: Any) -> tuple[Any, Any]:
    """Reject sequences with padding: the `with_mask` of layers that combine steps regardless of padding.

    Raises:
        TypeError: always.
    """
    raise TypeError(
        f"{layer!r}: this layer combines the steps of a sequence, so padding would influence the result. It accepts "
        "neither lengths nor a mask. Use sequences of equal length, or a subclass with a method with_mask(self, x, "
        "mask)."
    )


def as_mask(asker: str, shape: tuple[int, ...], lengths: Any, mask: Any) -> Any:
    """Return a mask `(batch, time)`, True where a step is not padding; None if there is no padding.

    Raises:
        ValueError, TypeError: lengths or a mask of the wrong shape or dtype, or lengths out of range.
    """
    batch, time = shape[:2]
    if lengths is None:
        if mask is None:
            return None
        found = as_array(mask)
        if found.shape != (batch, time):
            raise ValueError(f"{asker}: expected a mask of shape (batch, time) = {(batch, time)}, got {found.shape}.")
        if found.dtype != bool:
            raise TypeError(
                f"{asker}: expected a mask of booleans, True where a step is not padding, got dtype {found.dtype}."
            )
        return found
    if mask is not None:
        raise ValueError(f"{asker}: expected either lengths or a mask of the padding, got both.")
    numbers = as_array(lengths)
    if numbers.shape != (batch,):
        raise ValueError(f"{asker}: expected lengths of shape (batch,) = {(batch,)}, got {numbers.shape}.")
    if numbers.dtype.kind not in "iu":
        raise TypeError(f"{asker}: expected integers as lengths, got dtype {numbers.dtype}.")
    wrong = (numbers < 0) | (numbers > time)
    if isinstance(wrong, np.ndarray) and wrong.any():
        first = int(np.argmax(wrong))
        raise ValueError(f"{asker}: expected lengths of 0 … {time}, got {numbers[first]} for sequence {first}.")
    return np.arange(time) < numbers[:, None]
