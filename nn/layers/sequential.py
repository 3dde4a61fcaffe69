"""Container that applies layers one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike

from nn.layers.masks import as_mask
from nn.module import Module


class Sequential(Module):
    """Layers applied one after the other.

    Args:
        *layers: modules. Their parameters are named `"0.weight"`, `"0.bias"`, `"2.weight"`, …

    **Sequences of different lengths** are padded to the same number of steps. `network(x, lengths=…)`, or `mask=…` with
    False for padding, passes the mask on to the layers that need it, such as recurrent layers, `BatchNorm` and
    `GlobalAveragePool`; see `Module.with_mask`. The padding then influences nothing.

    Indexing returns a layer, slicing a `Sequential` that shares the layers. `len` and iteration are supported.

    Raises:
        TypeError: something that is not a module.

    >>> import numpy as np, nn
    >>> network = nn.Sequential(nn.Dense(2, 64, rng=0), nn.ReLU(), nn.Dense(64, 3, rng=1))
    >>> network(np.ones((5, 2), np.float32)).shape
    (5, 3)
    >>> [name for name, parameter in network.named_parameters()]
    ['0.weight', '0.bias', '2.weight', '2.bias']
    """

    def __init__(self, *layers: Module) -> None:
        for position, layer in enumerate(layers):
            if not isinstance(layer, Module):
                raise TypeError(f"Sequential: expected modules, got {layer!r} at position {position}.{_hint(layer)}")
        self.layers = layers

    def forward(self, x: ArrayLike, *, lengths: ArrayLike | None = None, mask: ArrayLike | None = None) -> Any:
        """Return the result of the last layer.

        Args:
            x: the input of the first layer.
            lengths: `(batch,)`, the number of steps of each sequence. Later steps are padding.
            mask: `(batch, time)` booleans, False for padding, instead of `lengths`.

        Raises:
            ValueError, TypeError: lengths or a mask that do not fit, or a layer that combines steps and takes no mask.
        """
        if lengths is not None or mask is not None:
            return self.with_mask(x, as_mask("Sequential", np.shape(x), lengths, mask))[0]
        for layer in self.layers:
            x = layer(x)
        return x

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the result of the last layer for sequences with padding, and its mask."""
        for layer in self.layers:
            x, mask = (layer(x), None) if mask is None else layer.with_mask(x, mask)
        return x, mask

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the layers, named by their position."""
        return ((str(position), layer) for position, layer in enumerate(self.layers))

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Module]:
        return iter(self.layers)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> Sequential: ...
    def __getitem__(self, index: int | slice) -> Module:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


def _hint(layer: object) -> str:
    """Return a hint at what was probably meant."""
    if isinstance(layer, type) and issubclass(layer, Module):
        return f" Make one first: {layer.__name__}(...)."
    if isinstance(layer, (list, tuple)):
        return " Pass the layers one by one: Sequential(*layers)."
    if isinstance(layer, dict):
        return " Pass the layers one by one: Sequential(*layers.values())."
    if callable(layer):
        return " A function is not a layer: use nn.ReLU(), nn.Tanh(), or a subclass of nn.Module."
    return ""
