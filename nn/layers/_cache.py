"""Cache of the keys and values of earlier positions, for generation."""

from __future__ import annotations

from contextlib import ExitStack
from contextvars import ContextVar
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nn.module import Module
from tensorgrad import no_grad

_current: ContextVar[KeyValueCache | None] = ContextVar("nn_key_value_cache", default=None)

current_cache = _current.get
"""Return the cache whose `with` block is running, or None."""

FIRST_CAPACITY = 64


class KeyValueCache:
    """Keys and values of earlier positions, so that generation does not compute them again.

    Inside `with cache:`, causal attention also attends to the positions of earlier calls, and layers that encode
    positions continue counting. After a prompt, the network then needs only the next step of each sequence. Nothing is
    recorded for gradients. If the block raises an error, the cache is restored to its state before the block.

    Attributes:
        length: the number of positions in the cache.

    >>> import numpy as np, nn
    >>> network = nn.Sequential(nn.Embedding(9, 4, rng=0), nn.TransformerBlock(4, 2, causal=True, rng=1))
    >>> ids = np.array([[3, 1, 4, 1]])
    >>> cache = nn.KeyValueCache()
    >>> with cache:
    ...     prompt = network(ids[:, :3])
    ...     step = network(ids[:, 3:])
    >>> bool(np.allclose(step.data, network(ids).data[:, 3:], atol=1e-6))
    True
    >>> cache
    KeyValueCache(length=4)
    """

    def __init__(self) -> None:
        self._entries: dict[int, _Entry] = {}
        self._before: list[dict[int, int]] = []
        self._open: list[ExitStack] = []

    @property
    def length(self) -> int:
        """The number of positions in the cache."""
        return max((entry.length for entry in self._entries.values()), default=0)

    def clear(self) -> None:
        """Remove all positions, to start with other sequences."""
        self._entries.clear()

    def advance(self, layer: Module, steps: int) -> int:
        """Return the number of earlier positions of a layer, and add `steps` to it."""
        entry = self._entries.setdefault(id(layer), _Entry(layer))
        entry.length += steps
        return entry.length - steps

    def seen(self, layer: Module) -> int:
        """Return the number of earlier positions of a layer."""
        entry = self._entries.get(id(layer))
        return 0 if entry is None else entry.length

    def extend(
        self, layer: Module, keys: NDArray[Any], values: NDArray[Any]
    ) -> list[NDArray[Any]]:  # fmt: skip
        """Append the keys and values of new positions, `(batch, heads, time, features)`, and return those of all.

        Raises:
            ValueError: the number of sequences differs from that of earlier calls.
        """
        entry = self._entries.setdefault(id(layer), _Entry(layer))
        if entry.held and len(entry.held[0]) != len(keys):
            raise ValueError(
                f"{layer!r}: the cache has {len(entry.held[0])} sequences, got {len(keys)}. Use a new cache for other "
                "sequences."
            )
        return entry.extended(keys, values)

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            stack.enter_context(no_grad())
            token = _current.set(self)
            stack.callback(_current.reset, token)
            self._before.append({key: entry.length for key, entry in self._entries.items()})
            self._open.append(stack.pop_all())
        return self

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        before = self._before.pop()
        if kind is not None:
            self._entries = {key: entry for key, entry in self._entries.items() if key in before}
            for key, length in before.items():
                self._entries[key].length = length
        self._open.pop().close()

    def __repr__(self) -> str:
        return f"KeyValueCache(length={self.length})"


class _Entry:
    """The positions of one layer."""

    def __init__(self, layer: Module) -> None:
        self.layer = layer  # so that no other layer gets its id
        self.length = 0
        self.held: list[NDArray[Any]] = []

    def extended(self, *new: NDArray[Any]) -> list[NDArray[Any]]:
        """Append arrays along the axis of time, and return all of each. The capacity doubles when it is exhausted."""
        stop = self.length + new[0].shape[2]
        if not self.held or self.held[0].shape[2] < stop:
            capacity = max(FIRST_CAPACITY, 2 * stop)
            larger = [np.empty((*each.shape[:2], capacity, each.shape[3]), each.dtype) for each in new]
            for array, held in zip(larger, self.held):
                array[:, :, : self.length] = held[:, :, : self.length]
            self.held = larger
        for array, each in zip(self.held, new):
            array[:, :, self.length : stop] = each
        self.length = stop
        return [array[:, :, :stop] for array in self.held]
