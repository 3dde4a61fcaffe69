"""Draw the initial weights of layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn import init
from nn._rng import Rng
from nn._validation import as_array


def drawn(
    layer: str, argument: str, initializer: Any, shape: tuple[int, ...], rng: Rng, dtype: DTypeLike
) -> NDArray[Any]:
    """Return the initial values that an initialiser draws for a layer.

    Raises:
        TypeError: the dtype is not floating-point, or the argument is not an initialiser.
        ValueError: the values have the wrong shape.
    """
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"{layer}: expected a floating-point dtype, got {np.dtype(dtype)}.")
    if not callable(initializer):
        raise TypeError(f"{layer}: {argument} must be an initialiser such as nn.init.he(), got {initializer!r}.")
    for name, maker in vars(init).items():
        if initializer is maker:
            raise TypeError(f"{layer}: {argument}=nn.init.{name} makes an initialiser. Call it: nn.init.{name}().")
    own = getattr(initializer, "__module__", "").partition(".")[0] == "nn"  # others may keep the array they return
    values: NDArray[Any] = as_array(initializer(shape, rng, dtype)).astype(dtype, copy=not own)
    if values.shape != shape:
        raise ValueError(f"{layer}: {argument} gave an array of shape {values.shape}, expected {shape}.")
    return values
