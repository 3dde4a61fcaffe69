"""Checks of user-defined `update` methods."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nn.optimizers._arrays import Array


def checked_result(owner: str, result: Any, names: Sequence[str], gradient: Array) -> tuple[Array, dict[str, Array]]:
    """Return the change and the new state that `update` returned, the state as arrays of the gradient's dtype.

    Raises:
        TypeError: If the result is not a pair of a change and a dict.
        ValueError: If an array is missing or has another shape than the gradient.
    """
    owner = f"{owner}.update"
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
        raise TypeError(f"{owner}: expected it to return the change and a dict with the new state, got {result!r}.")
    change, state = result
    if getattr(change, "shape", None) != gradient.shape:
        raise ValueError(
            f"{owner}: expected it to return the change, an array of shape {gradient.shape} like the gradient, "
            f"got {change!r}."
        )
    if set(state) != set(names):
        raise ValueError(f"{owner}: expected it to return the state {list(names)}, got {list(state)}.")
    for name, array in state.items():
        if getattr(array, "shape", None) != gradient.shape:
            raise ValueError(
                f"{owner}: expected the state {name!r} in the gradient's shape {gradient.shape}, got {array!r}."
            )
    return change, {name: _kept(state[name], gradient) for name in names}


def check_signature(kind: type[Any]) -> None:
    """Reject subclasses written for the former signature `update(self, gradient, *state, room, *factors)`."""
    old = callable(vars(kind).get("factors"))
    if "update" in vars(kind) and not old:
        try:
            inspect.signature(kind.update).bind(None, None, None, None)
        except TypeError:
            old = True
    if old:
        raise TypeError(
            f"{kind.__name__}: optimizers define update(self, gradient, state, settings), which returns the change and "
            "the new state; factors() and updates in place are no longer used. See nn.Optimizer for an example."
        )


def _kept(array: Array, gradient: Array) -> Array:
    """Return a new state array in the gradient's dtype that does not share memory with the gradient."""
    if isinstance(gradient, np.ndarray):
        return np.require(array, gradient.dtype, "W")
    return array.astype(gradient.dtype)
