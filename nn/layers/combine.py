"""Layers that combine others: residual connections, parallel branches, concatenation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.layers.sequential import Sequential
from nn.module import Module
from tensorgrad import Tensor


class Residual(Module):
    """Residual connection: `shortcut(x) + layers(x)`.

    Args:
        *layers: modules, applied one after the other.
        shortcut: a module for the input, where its shape differs from the result's; by default the input itself is
            added.

    Raises:
        TypeError: no layers, or something that is not a module.
        ValueError: when called, the two parts differ in shape.

    References:
        He, Zhang, Ren, Sun, *Deep Residual Learning for Image Recognition*, 2015.

    >>> import numpy as np, nn
    >>> block = Residual(nn.Dense(4, 8, rng=0), nn.ReLU(), nn.Dense(8, 4, rng=1))
    >>> block(np.ones((2, 4), np.float32)).shape
    (2, 4)
    """

    def __init__(self, *layers: Module, shortcut: Module | None = None) -> None:
        if not layers:
            raise TypeError("Residual: expected at least one layer.")
        if shortcut is not None and not isinstance(shortcut, Module):
            raise TypeError(f"Residual: expected a module as the shortcut, got {shortcut!r}.")
        self.layers = Sequential(*layers).layers
        self.shortcut = shortcut

    def forward(self, x: ArrayLike, *, mask: ArrayLike | None = None) -> Tensor:
        """Return `shortcut(x)` plus the result of the layers."""
        x = x if isinstance(x, Tensor) else Tensor(x)
        result = _through(self.layers, x, mask)[0]
        direct = x if self.shortcut is None else _through([self.shortcut], x, mask)[0]
        if result.shape != direct.shape:
            raise ValueError(
                f"Residual: the layers return shape {result.shape}, but "
                f"{'the input' if self.shortcut is None else 'the shortcut'} has shape {direct.shape}. "
                "Pass a shortcut= that makes them equal, such as a 1×1 convolution."
            )
        total: Tensor = direct + result
        return total

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result for sequences with padding, and their mask."""
        return self(x, mask=mask), mask


class Parallel(Module):
    """Parallel branches with the same input. The result is the tuple of their results.

    Args:
        *branches: modules.

    Raises:
        TypeError: no branches, or something that is not a module.

    >>> import numpy as np, nn
    >>> inception = nn.Sequential(
    ...     Parallel(nn.Conv2D(3, 4, 1, rng=0), nn.Conv2D(3, 8, 3, padding="same", rng=1)),
    ...     Concatenate(),
    ... )
    >>> inception(np.ones((2, 9, 9, 3), np.float32)).shape
    (2, 9, 9, 12)
    """

    def __init__(self, *branches: Module) -> None:
        if not branches:
            raise TypeError("Parallel: expected at least one branch.")
        for position, branch in enumerate(branches):
            if not isinstance(branch, Module):
                raise TypeError(f"Parallel: expected modules, got {branch!r} at position {position}.")
        self.branches = branches

    def forward(self, x: ArrayLike) -> tuple[Any, ...]:
        """Return the result of every branch."""
        return tuple(branch(x) for branch in self.branches)

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the results for sequences with padding, and their mask, or None if a branch returns no sequences."""
        pairs = [branch.with_mask(x, mask) for branch in self.branches]
        return tuple(result for result, _ in pairs), None if any(after is None for _, after in pairs) else mask


def _through(layers: Iterable[Module], x: Any, mask: Any) -> tuple[Any, Any]:
    """Return the result of layers applied one after the other, and its mask."""
    for layer in layers:
        x, mask = (layer(x), None) if mask is None else layer.with_mask(x, mask)
    return x, mask


class Concatenate(Module):
    """Concatenate several tensors along an axis.

    Args:
        axis: by default the last, that of the channels or features.

    Raises:
        TypeError: when called, x is not a tuple or list of tensors.
        ValueError: when called, the other axes differ.

    >>> Concatenate()(([[1.0]], [[2.0, 3.0]]))
    Tensor([[1., 2., 3.]])
    """

    def __init__(self, axis: int = -1) -> None:
        self.axis = axis

    def forward(self, x: ArrayLike) -> Tensor:
        """Concatenate the tensors of `x`, a tuple or list."""
        if not isinstance(x, (tuple, list)):
            raise TypeError(f"Concatenate: expected a tuple or list of tensors, got {type(x).__name__}.")
        try:
            joined: Tensor = tg.concatenate(list(x), axis=self.axis)
        except ValueError as error:
            shapes = ", ".join(str(np.shape(each)) for each in x)
            raise ValueError(
                f"{self!r}: expected shapes that are equal along all axes but {self.axis}, got {shapes}."
            ) from error
        return joined
