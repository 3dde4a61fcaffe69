"""Build objects from their descriptions. Only known classes and those passed by the caller are ever called."""

from __future__ import annotations

import functools
import inspect
import json
import math
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn._rng import Rng
from nn.module import Module
from nn.saving.config import BASES, Describer, is_start_only
from nn.saving.state import RandomSource, generator_from_state, set_generator_state
from tensorgrad import Tensor

SMALL = 1_000_000
"""Elements. Weights up to this size are allocated even if the file has fewer, so that the error names the tensor."""

MOST_OBJECTS = 20_000
"""Layers and other objects in a description, at most, counting repeated ones each time: a network that holds
itself twice in each of thirty levels is a short description, but takes forever to compute or to print."""

DTYPE = re.compile(r"[<>=|]?[A-Za-z]\w*")
"""Names of dtypes. NumPy also accepts strings such as "(2,3)f4", which it parses as Python."""


class Builder:
    """Builder of the objects described by `Describer`.

    Args:
        known: the classes and functions that may be named.
        arrays: the tensors of the file.
        elements: the number of elements of the network in the file; layers that would allocate more are rejected.

    Attributes:
        tensors: the targets of `{"tensor": name}`: at first arrays of the file, later the network's tensors.
        used: the names of the arrays referenced by `{"array": name}`.
    """

    def __init__(self, known: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], elements: int) -> None:
        self.tensors: Mapping[str, Any] = {}
        self.used: set[str] = set()
        self._known = known
        self._arrays = arrays
        self._most_elements = max(elements, SMALL)
        self._made_elements = 0
        self._objects = 0
        self._finished: list[tuple[Any, int]] = []
        self._generators: list[tuple[RandomSource, dict[str, Any]]] = []

    def build(self, described: Any) -> Any:
        """Return the value of a description.

        Raises:
            ValueError: it is malformed, names something unknown, or a constructor rejects its arguments.
        """
        match described:
            case None | bool() | int() | float() | str():
                return described
            case list():
                return [self.build(item) for item in described]
            case {"tuple": list(items)}:
                return tuple(self.build(item) for item in items)
            case {"dict": dict(items)}:
                return {key: self.build(item) for key, item in items.items()}
            case {"float": "nan" | "inf" | "-inf" as text}:
                return float(text)
            case {"dtype": str(name)}:
                return _dtype(name)
            case {"scalar": value, "of": str(name)}:
                return _scalar(self.build(value), name)
            case {"array": str(name)} if name in self._arrays:
                self.used.add(name)
                return self._arrays[name].copy()
            case {"tensor": str(name)} if name in self.tensors:
                return self.tensors[name]
            case {"again": int(number)} if 0 <= number < len(self._finished):
                made, objects = self._finished[number]
                self._count(objects)
                return made
            case {"generator": dict(state)}:
                source = generator_from_state(state)
                self._generators.append((source, state))
                return self._finish(source, self._objects)
            case {"name": str(name)}:
                return self._named(name)
            case {"class": str(name), "arguments": dict(given), **others} if not others:
                before = self._objects
                return self._finish(self._object(name, given), before)
        raise ValueError(f"expected a description of an object, got {str(described)[:80]}")

    def settle(self) -> None:
        """Restore the states of the generators, because constructors may have drawn from them."""
        for source, state in self._generators:
            set_generator_state(source, state)

    def _finish(self, made: Any, before: int) -> Any:
        """Number an object. `before` is the number of objects before it and those inside it."""
        self._count(1)
        self._finished.append((made, self._objects - before))
        return made

    def _count(self, objects: int) -> None:
        self._objects += objects
        if self._objects > MOST_OBJECTS:
            raise ValueError(f"the description has more than {MOST_OBJECTS:,} layers and other objects.")

    def _named(self, name: str) -> Any:
        if name not in self._known:
            raise ValueError(f"the class or function {name} is unknown. Pass it: custom=[{name}].")
        return self._known[name]

    def _object(self, name: str, given: Mapping[str, Any]) -> Any:
        cls = self._named(name)
        if not (isinstance(cls, type) and issubclass(cls, BASES)):
            raise ValueError(f"{name} is not a layer, loss, metric, optimizer or schedule.")
        arguments = {key: self.build(value) for key, value in given.items()}
        signature = _signature(cls)  # type: ignore[arg-type]
        is_own = name.startswith("nn.")
        for key in signature.parameters:
            if is_start_only(key) and (is_own or arguments.get(key) is None):
                arguments[key] = self._blank
        if is_own and issubclass(cls, Module):
            for key, value in arguments.items():
                if key != "rng" and _largest(value) > self._most_elements:
                    raise ValueError(f"{name}: {key}={str(value)[:80]} exceeds the number of elements in the file.")
        if unknown := arguments.keys() - signature.parameters.keys():
            raise ValueError(f"{name} has no argument {', '.join(sorted(unknown))}.")
        try:
            bound = inspect.BoundArguments(signature, arguments)
            return cls(*bound.args, **bound.kwargs)
        except Exception as error:
            raise ValueError(f"{name} cannot be recreated: {type(error).__name__}: {error}") from error

    def _blank(self, shape: tuple[int, ...], rng: Rng, dtype: DTypeLike) -> NDArray[Any]:
        """Initialise weights whose values are set later. Limits how much memory a file can make layers allocate."""
        self._made_elements += math.prod(shape)
        if self._made_elements > self._most_elements:
            raise ValueError(f"weights of shape {shape} have more elements than the file.")
        return np.zeros(shape, dtype)


@functools.cache
def _signature(cls: type) -> inspect.Signature:
    return inspect.signature(cls)


def _largest(value: Any) -> int:
    """Return the largest integer in an argument, or 0 if there is none."""
    if isinstance(value, (list, tuple)):
        return max(map(_largest, value), default=0)
    return int(value) if isinstance(value, (int, np.integer)) else 0


def check_objects(document: Any) -> None:
    """Reject a description of too many objects before any is built.

    Raises:
        ValueError: there are more than `MOST_OBJECTS`.
    """
    waiting, found = [document], 0
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            found += "class" in each
            waiting += each.values()
        elif isinstance(each, list):
            waiting += each
    if found > MOST_OBJECTS:
        raise ValueError(f"the description has {found:,} layers and other objects, more than {MOST_OBJECTS:,}.")


def _dtype(name: str) -> np.dtype[Any]:
    try:
        if not DTYPE.fullmatch(name):
            raise TypeError
        return np.dtype(name)
    except (TypeError, ValueError, OverflowError, MemoryError) as error:
        raise ValueError(f"unknown dtype: {name!r}") from error


def _scalar(value: Any, name: str) -> Any:
    dtype = _dtype(name)
    if dtype.kind not in "biuf" or type(value) not in (bool, int, float):
        raise ValueError(f"expected a number of dtype {name!r}, got {str(value)[:80]}")
    return dtype.type(value)


def check_same(network: Module, again: Module) -> None:
    """Reject a rebuilt network that differs from the original.

    It differs if a layer inside has another class or other settings, or if an array that the constructor creates and
    that is not part of the state has other values. Results that a layer keeps of its last call are ignored.

    Raises:
        ValueError: naming the layer.
    """
    first, second = _layers(network), _layers(again)
    for path in {**first, **second}:
        now, then = (layers.get(path, "missing") for layers in (first, second))
        if now != then:
            raise ValueError(f"{f'layer {path}' if path else 'the network'} is {now}, but would be {then}.")
    state = {id(tensor) for _, tensor in again.named_state()}
    modules = dict(network.named_modules())
    for path, module in again.named_modules():
        for name, made in vars(module).items():
            is_constant = isinstance(made, (Tensor, np.ndarray)) and id(made) not in state
            if is_constant and not _same(vars(modules[path]).get(name), made):
                raise ValueError(
                    f"{type(module).__name__}.{name} would have different values. Make it a tensor and name it in "
                    "state_names, or compute it from the constructor's arguments."
                )


def shared_parameters(network: Module) -> str:
    """Return an error message if a parameter occurs twice, else "": rebuilt layers do not share parameters."""
    first: dict[int, str] = {}
    for path, module in network.named_modules():
        for name, tensor in module.own_state():
            place = f"{path}.{name}".lstrip(".")
            if first.setdefault(id(tensor), place) != place:
                return (
                    f"{first[id(tensor)]} and {place} are the same parameter. Loading restores this only if a module "
                    "shares the parameter in its __init__. "
                )
    return ""


def _layers(network: Module) -> dict[str, str]:
    """Return the class and the settings of each inner module as JSON, by path."""
    describer = Describer(dict(network.named_state()))
    return {
        path: f"{type(module).__name__} {json.dumps(describer.describe(path, dict(module.settings())))}"
        for path, module in network.named_modules()
    }


def _same(held: Any, made: Any) -> bool:
    first, second = (each.data if isinstance(each, Tensor) else np.asarray(each) for each in (held, made))
    return np.array_equal(first, second, equal_nan=second.dtype.kind == "f")
