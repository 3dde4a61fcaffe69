"""Validation of the inputs of plots."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nn.module import Module


@runtime_checkable
class Model(Protocol):
    """The part of `nn.Model` that plots use. Training imports plots, so plots cannot import it."""

    network: Module
    loss: Any

    def predict(self, X: ArrayLike, *, batch_size: int | None = None) -> NDArray[Any]:
        """Return the outputs of the network for samples X."""


def checked_model(asker: str, model: Any) -> Model:
    """Return the model.

    Raises:
        TypeError: it is not an `nn.Model`.
    """
    if not isinstance(model, Model):
        raise TypeError(f"{asker}: expected an nn.Model, got {type(model).__name__}. Wrap a network: nn.Model(...).")
    return model


def checked_pair(
    asker: str, first: ArrayLike, second: ArrayLike, names: tuple[str, str] = ("X", "y")
) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return both as arrays of finite numbers, of the same nonzero length.

    Raises:
        TypeError: they are not real numbers.
        ValueError: they are empty, of different length, or not finite.
    """
    arrays = np.asarray(first), np.asarray(second)
    for what, array in zip(names, arrays):
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{asker}: {what} must hold real numbers, got dtype {array.dtype}.")
        if not array.ndim or not array.size:
            raise ValueError(f"{asker}: {what} must hold at least one sample, got shape {array.shape}.")
        if not np.isfinite(array).all():
            raise ValueError(f"{asker}: {what} holds NaN or infinity.")
    if len(arrays[0]) != len(arrays[1]):
        raise ValueError(f"{asker}: {names[0]} has {len(arrays[0])} samples, but {names[1]} has {len(arrays[1])}.")
    return arrays


def checked_outputs(asker: str, outputs: NDArray[Any]) -> NDArray[Any]:
    """Return the outputs of a model for finite samples, which must be finite to be plotted.

    Raises:
        ValueError: some are not finite.
    """
    if not np.isfinite(outputs).all():
        raise ValueError(f"{asker}: the model gives NaN or infinity. Has its training diverged?")
    return outputs


def checked_names(asker: str, names: Sequence[str] | None, classes: int) -> list[str]:
    """Return a name for each class: `names`, or the class numbers.

    Raises:
        ValueError: there are too few or too many names.
    """
    if names is None:
        return [str(label) for label in range(classes)]
    if isinstance(names, str) or len(names) != classes:
        raise ValueError(f"{asker}: expected a list of {classes} names, one for each class, got {names!r}.")
    return [str(name) for name in names]


def percent(share: float) -> str:
    """`97.3 %`: all of them is 100 %, and less than all never is.

    >>> percent(1.0), percent(0.9999), percent(0.5), percent(0.0001)
    ('100 %', '99.9 %', '50 %', '0.1 %')
    """
    rounded = round(1000 * share) / 10
    if 0 < share < 1:
        rounded = min(max(rounded, 0.1), 99.9)
    return f"{rounded:g} %"
