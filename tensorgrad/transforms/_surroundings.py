"""State that a function uses besides its arguments: random generators and stateful objects such as layers.

A checkpointed function is computed twice. The second call must draw the same random numbers and change no state.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from tensorgrad.tensor import Tensor

_LIMIT = 10_000
"""Maximum number of objects searched. If others change, the recomputation raises an error for different values."""

_COPIED_BYTES = 1 << 20
"""Maximum size of a buffer whose values are restored after a recomputation."""

_PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic, np.ndarray, np.dtype, type, ModuleType)

State = list[tuple[Callable[[Any], None], Any]]
"""For each generator, a function that restores its state, and the state."""


class Surroundings:
    """The generators and the objects with attributes that can be reached from a function and its arguments.

    They are found by following closures, defaults, global names that the code mentions, attributes and containers.

    Attributes:
        drawn_from: the states of the generators at creation time.
    """

    def __init__(self, *roots: Any) -> None:
        self._generators: list[Any] = []
        self._objects: list[Any] = []
        self._buffers: list[Tensor] = []
        self._find(list(roots))
        self.drawn_from = self._states()

    def forget_unused(self) -> None:
        """Keep only the states of generators that have been used since creation."""
        now = self._states()
        self.drawn_from = [entry for entry, (_, state) in zip(self.drawn_from, now) if not _equal(entry[1], state)]

    @contextmanager
    def as_before(self) -> Iterator[None]:
        """Replay the first call's random numbers inside the block, and restore all state afterwards."""
        states, attributes = self._states(), [(each, dict(vars(each))) for each in self._objects]
        arrays = [(each, each.array, np.copy(each.array)) for each in self._buffers]
        _restore(self.drawn_from)
        try:
            yield
        finally:
            _restore(states)
            for each, held in attributes:
                current = vars(each)
                current.update({name: value for name, value in held.items() if current.get(name) is not value})
            for buffer, array, values in arrays:
                if array.flags.writeable and not np.array_equal(array, values, equal_nan=True):
                    array[...] = values
                buffer.array = array

    def _states(self) -> State:
        of_numpy = np.random.get_state(legacy=False)  # noqa: NPY002 (state of the legacy functions)
        states: State = [(np.random.set_state, of_numpy), (random.setstate, random.getstate())]
        for each in self._generators:
            if isinstance(each, np.random.RandomState):
                states.append((each.set_state, each.get_state(legacy=False)))
            elif isinstance(each, random.Random):
                states.append((each.setstate, each.getstate()))
            else:
                states.append((functools.partial(setattr, each.bit_generator, "state"), each.bit_generator.state))
        return states

    def _find(self, waiting: list[Any]) -> None:
        seen: dict[int, Any] = {}
        while waiting and len(seen) < _LIMIT:
            each = waiting.pop()
            if isinstance(each, _PLAIN) or id(each) in seen:
                continue
            seen[id(each)] = each
            if isinstance(each, (np.random.Generator, np.random.RandomState, random.Random)):
                self._generators.append(each)
            elif isinstance(each, Tensor):
                if each.node is None and isinstance(each.array, np.ndarray) and each.array.nbytes <= _COPIED_BYTES:
                    self._buffers.append(each)
            else:
                waiting += _reached(each)
                if type(getattr(each, "__dict__", None)) is dict and not isinstance(each, FunctionType):
                    self._objects.append(each)
                    waiting += vars(each).values()


def _reached(value: Any) -> list[Any]:
    """Return the objects that a function or a container refers to."""
    if isinstance(value, FunctionType):
        enclosed = []
        for cell in value.__closure__ or ():
            with suppress(ValueError):  # a cell that is still empty
                enclosed.append(cell.cell_contents)
        named = [value.__globals__[name] for name in _names(value.__code__) if name in value.__globals__]
        return [*enclosed, *named, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]
    if isinstance(value, MethodType):
        return [value.__self__, value.__func__]
    if isinstance(value, functools.partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else []


def _names(code: CodeType) -> set[str]:
    """Return the names that the code of a function and of its nested functions looks up."""
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return {*code.co_names, *inner}


def _equal(a: Any, b: Any) -> bool:
    """Return whether two states of a generator, dicts that hold arrays, are equal."""
    if isinstance(a, dict):
        return all(_equal(value, b[key]) for key, value in a.items())
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else bool(a == b)


def _restore(states: State) -> None:
    for restore, state in states:
        restore(state)
