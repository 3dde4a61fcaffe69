"""Arguments of a compiled function: the inputs of the program, and what decides which program runs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from tensorgrad._arrays import as_array
from tensorgrad.tensor import Tensor
from tensorgrad.xla._reachable import PLAIN
from tensorgrad.xla._refusals import name_of
from tensorgrad.xla.array import Array

_PLAIN = frozenset({int, bool, str, type(None)})


class Arguments:
    """The arguments of one call.

    Attributes:
        structure: containers, and the values of everything that is not an input.
        values: the arrays and floats, inputs of the program.
        floats: the positions of the floats in `values`.
        tensors: the tensors, each once.
        objects: everything else, such as layers and functions.
    """

    __slots__ = ("_static", "args", "floats", "kwargs", "objects", "structure", "tensors", "values")

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], static: frozenset[str | int]) -> None:
        self.args, self.kwargs, self._static = args, kwargs, static
        self.values: list[Any] = []
        self.floats: list[int] = []
        self.tensors: list[Tensor] = []
        self.objects: list[Any] = []
        if static:
            parts = [*enumerate(args), *kwargs.items()]
            tokens = [self._constant(value) if name in static else self._token(value) for name, value in parts]
            self.structure: Any = (len(args), tuple(kwargs), tuple(tokens))
        else:
            self.structure = (len(args), tuple(kwargs), tuple(map(self._token, (*args, *kwargs.values()))))

    def _token(self, value: Any) -> Any:
        """Return what describes `value` in the structure, and collect its inputs."""
        kind = value.__class__
        if kind is Array or kind is np.ndarray:
            self.values.append(value.value if kind is Array else value)
            return "array"
        if kind is Tensor:
            return self._token_of_tensor(value)
        if kind is float:
            self.floats.append(len(self.values))
            self.values.append(value)
            return "float"
        if kind is tuple or kind is list:
            return (kind, *map(self._token, value))
        if kind in _PLAIN:
            return kind, value
        if isinstance(value, dict):
            return (kind, *value, *map(self._token, value.values()))
        if isinstance(value, (tuple, list)):
            return (kind, *map(self._token, value))
        if isinstance(value, (np.generic, np.ndarray, jax.Array)):
            self.values.append(value if isinstance(value, jax.Array) else as_array(value))
            return "array"
        if isinstance(value, PLAIN):
            return kind, repr(value)
        self.objects.append(value)
        return "object"

    def _token_of_tensor(self, tensor: Tensor) -> Any:
        for place, other in enumerate(self.tensors):
            if other is tensor:
                return "tensor", place
        self.tensors.append(tensor)
        return "tensor", tensor.node is not None, tensor.grad is not None

    def _constant(self, value: Any) -> Any:
        """Return what describes a static argument."""
        if isinstance(value, (np.ndarray, Array)):
            array = np.asarray(value)
            return array.shape, array.dtype, array.tobytes()
        if isinstance(value, float):
            return float, repr(value)
        return self._token(value)

    def replaced(self, inputs: Iterator[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments with these arrays in place of their values."""
        args = tuple(
            value if place in self._static else _replaced(value, inputs) for place, value in enumerate(self.args)
        )
        return args, {
            name: value if name in self._static else _replaced(value, inputs) for name, value in self.kwargs.items()
        }


def _replaced(value: Any, inputs: Iterator[Any]) -> Any:
    if isinstance(value, dict):
        return type(value)((key, _replaced(item, inputs)) for key, item in value.items())
    if isinstance(value, (tuple, list)):
        items = [_replaced(item, inputs) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    is_input = isinstance(value, (Array, np.ndarray, np.generic, jax.Array)) or value.__class__ is float
    return next(inputs) if is_input else value


def static_names(function: Callable[..., Any], static: list[str | int]) -> frozenset[str | int]:
    """Return the names and positions of the static arguments: both for each argument that can be passed either way."""
    if not static:
        return frozenset()
    try:
        parameters = list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        parameters = []
    both: set[str | int] = set(static)
    for each in static:
        if isinstance(each, int) and each < len(parameters):
            both.add(parameters[each])
        elif isinstance(each, str) and each in parameters:
            both.add(parameters.index(each))
        elif isinstance(each, str) and parameters and not _takes_any(function):
            raise ValueError(f"compile: {name_of(function)} has no argument {each!r}, only {', '.join(parameters)}.")
    return frozenset(both)


def _takes_any(function: Callable[..., Any]) -> bool:
    return any(p.kind is p.VAR_KEYWORD for p in inspect.signature(function).parameters.values())
