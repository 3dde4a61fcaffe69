"""What a function uses besides its arguments: tensors, random generators, and values that decide what is computed."""

from __future__ import annotations

import functools
import itertools
import operator
import sys
from collections.abc import Collection, Iterator
from types import CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import jax
import numpy as np

from tensorgrad.tensor import Tensor
from tensorgrad.xla.array import Array

LIMIT = 20_000
"""Maximum number of objects that are searched."""

PLAIN = (int, float, complex, str, bytes, bool, type(None), np.generic, np.dtype, slice, range, type(...))
"""Types of values that are compared by value."""

CONSTANT = (np.ndarray, Array, jax.Array)
GENERATORS = (np.random.Generator, np.random.RandomState)
LIBRARIES = frozenset({"tensorgrad", "nn", "numpy", "jax", "jaxlib", "scipy"}) | sys.stdlib_module_names
"""Packages whose functions and classes hold no tensors."""

ARRAY, NODE, GRAD = map(operator.attrgetter, ("array", "node", "_grad"))
"""Getters of the contents of a tensor; faster than properties."""

CONTENTS = operator.attrgetter("cell_contents")

_is_none = functools.partial(operator.is_, None)
_MISSING = object()


class Surroundings:
    """Everything reachable from a function and from the objects among its arguments.

    Found by following closures, defaults, `__self__`, the global names that the code mentions, attributes and
    containers. A class can define `__searched__(self)`, which returns what is searched instead of its attributes.

    Attributes:
        tensors: the tensors, each once.
        places: the place of each tensor in `tensors`, by its id.
        generators: the NumPy random generators.
        key: what decides which program is right: the code, the structure, `training` flags and other plain attributes.
            Two searches with equal keys found the same structure, with tensors in the same order.
        with_grad: the tensors that have a gradient.
        holders: the namespaces, lists and cells that were searched.
    """

    def __init__(self, *roots: Any) -> None:
        self.tensors: list[Tensor] = []
        self.places: dict[int, int] = {}
        self.generators: list[Any] = []
        self.holders: list[Holder] = []
        self._seen: dict[int, tuple[int, Any]] = {}
        tokens: list[Any] = []
        waiting = list(reversed(roots))
        while waiting:
            waiting.extend(reversed(self._visit(waiting.pop(), tokens)))
        self.key = tuple(tokens)
        self._watch()

    def _watch(self) -> None:
        """Remember the objects in all places that were searched, for `unchanged`."""
        self._views = [view for holder in self.holders for view in holder.views()]
        self._lengths = list(map(len, self._views))
        self._cells = [holder.cell for holder in self.holders if isinstance(holder, Cell) and holder.before]
        variables = [
            (holder.namespace.get, name)
            for holder in self.holders
            if isinstance(holder, Globals)
            for name in holder.names
        ]
        self._getters, self._names = [get for get, _ in variables], [name for _, name in variables]
        self._watched = list(self._current())
        nodes, grads = self.flags()
        self._constants, self._leaves = _divided(self.tensors, nodes)
        self._without_grad, self.with_grad = _divided(self.tensors, grads)

    def _current(self) -> Iterator[Any]:
        """Return the current objects in all places that were searched."""
        contents, variables = map(CONTENTS, self._cells), map(operator.call, self._getters, self._names)
        return itertools.chain(*self._views, contents, variables)

    def unchanged(self) -> bool:
        """Return whether every place that was searched still holds the same objects, and no flag has changed.

        It runs no Python loop, because it is called in every step, for hundreds of objects.
        """
        nothing, same, other = itertools.repeat(None), operator.is_, operator.is_not
        try:
            return (
                list(map(len, self._views)) == self._lengths
                and all(map(same, self._current(), self._watched))
                and all(map(same, map(NODE, self._constants), nothing))
                and all(map(other, map(NODE, self._leaves), nothing))
                and all(map(same, map(GRAD, self._without_grad), nothing))
                and all(map(other, map(GRAD, self.with_grad), nothing))
            )
        except ValueError:  # a cell was emptied
            return False

    def flags(self) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
        """Return which tensors require no gradient, and which have none."""
        nodes, grads = map(NODE, self.tensors), map(GRAD, self.tensors)
        return tuple(map(_is_none, nodes)), tuple(map(_is_none, grads))

    def place(self, tensor: Tensor) -> int | None:
        """Return the place of a tensor in `tensors`; None if it was not found."""
        return self.places.get(id(tensor))

    def _visit(self, value: Any, tokens: list[Any]) -> list[Any]:
        """Add the tokens of `value` to the key, and return what to visit next."""
        kind = type(value)
        if isinstance(value, PLAIN):
            tokens.append((kind, repr(value) if value != value else _hashable(value)))
            return []
        if isinstance(value, Literal):
            tokens.append(value.token)
            return []
        if id(value) in self._seen:
            tokens.append(("again", self._seen[id(value)][0]))
            return []
        self._seen[id(value)] = len(self._seen), value
        if isinstance(value, Tensor):
            self.places[id(value)] = len(self.tensors)
            self.tensors.append(value)
            tokens.append("tensor")
            return []
        if isinstance(value, GENERATORS):
            self.generators.append(value)
            tokens.append("generator")
            return []
        if isinstance(value, CONSTANT) or len(self._seen) > LIMIT:
            tokens.append(Same(value))
            return []
        parts = self._parts(value)
        if parts is None:
            tokens.append(Same(value))
            return []
        tokens.append((kind, len(parts)))
        return parts

    def _parts(self, value: Any) -> list[Any] | None:
        """Return the parts of an object, with the names among them as `Literal`; None for an object without parts."""
        if isinstance(value, FunctionType):
            return self._parts_of_function(value)
        if isinstance(value, MethodType):
            return [value.__self__, value.__func__]
        if isinstance(value, functools.partial):
            return [value.func, value.args, value.keywords]
        if isinstance(value, dict):
            return self._held(Namespace(value))
        if isinstance(value, list):
            return self._held(Items(value))
        if isinstance(value, property):
            return [value.fget, value.fset]
        if isinstance(value, (staticmethod, classmethod)):
            return [value.__func__]
        if isinstance(value, (tuple, frozenset, set)):
            return list(value)
        if isinstance(value, type):
            return None if is_of_library(value) else [Literal(Same(value)), *self._held(ClassNamespace(value))]
        if isinstance(value, ModuleType) or type(value).__module__.partition(".")[0] in ("numpy", "jax", "jaxlib"):
            return None
        searched = getattr(type(value), "__searched__", None)
        if searched is not None:
            return list(searched(value))
        parts: list[Any] = [Literal(Same(type(value)))] if is_of_library(type(value)) else [type(value)]
        slots = [name for cls in type(value).__mro__ for name in _slots(cls) if hasattr(value, name)]
        parts += [part for name in slots for part in (Literal(name), getattr(value, name))]
        if type(getattr(value, "__dict__", None)) is dict:
            parts += self._held(Attributes(value))
        elif not slots:
            return None
        return parts

    def _parts_of_function(self, function: FunctionType) -> list[Any]:
        parts: list[Any] = [Literal(function.__code__)]
        for cell in function.__closure__ or ():
            parts += self._held(Cell(cell))
        parts += [function.__defaults__, function.__kwdefaults__]
        if not is_of_library(function):
            names = _names(function.__code__)
            parts += self._held(Globals(function.__globals__, names))
            for name in names:
                module = function.__globals__.get(name)
                if isinstance(module, ModuleType) and not is_of_library(module):
                    parts += self._held(Globals(vars(module), names))
        return parts

    def _held(self, holder: Holder) -> list[Any]:
        self.holders.append(holder)
        return [part for name, value in holder.differing() for part in (Literal(name), value)]


class Same:
    """Object that is compared by identity, for keys. It is kept alive, so that its id is not used again."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


class Literal:
    """Part of a key that does not belong to an object: a name, or code."""

    __slots__ = ("token",)

    def __init__(self, token: Any) -> None:
        self.token = token


class Holder:
    """Holder of objects by name, such as a namespace or a list. Tracing may change its contents."""

    def __init__(self) -> None:
        self.before = dict(self.items())

    def items(self) -> list[tuple[Any, Any]]:
        """Return the current contents, by name."""
        raise NotImplementedError

    def differing(self) -> list[tuple[Any, Any]]:
        """Return the contents that belong to the key."""
        return self.items()

    def is_new(self, name: Any) -> bool:
        """Return whether this is an attribute that did not exist before."""
        return False

    def views(self) -> list[Collection[Any]]:
        """Return the current objects, as containers that follow every change; none for cells and variables."""
        return []

    def restore(self, name: Any) -> None:
        """Restore the object under `name`."""
        raise NotImplementedError


class Namespace(Holder):
    """Attributes of an object, or a dict."""

    def __init__(self, names: dict[Any, Any]) -> None:
        self.names = names
        super().__init__()

    def items(self) -> list[tuple[Any, Any]]:
        """Return the entries."""
        return list(self.names.items())

    def views(self) -> list[Collection[Any]]:
        """Return the values of the dict."""
        return [self.names.values()]

    def restore(self, name: Any) -> None:
        """Restore one entry."""
        if name in self.before:
            self.names[name] = self.before[name]
        else:
            del self.names[name]


class Attributes(Namespace):
    """Attributes of an object."""

    def __init__(self, owner: Any) -> None:
        self.defaults = type(owner)
        super().__init__(vars(owner))

    def differing(self) -> list[tuple[Any, Any]]:
        """Return the attributes, except plain values that equal the default of the class, such as `training`."""
        return [(name, value) for name, value in self.names.items() if not self._is_default(name, value)]

    def is_new(self, name: Any) -> bool:
        """Return whether this is an attribute that did not exist before."""
        return name not in self.before

    def _is_default(self, name: str, value: Any) -> bool:
        default = getattr(self.defaults, name, _MISSING) if isinstance(value, PLAIN) else _MISSING
        return type(default) is type(value) and bool(default == value)


class ClassNamespace(Holder):
    """Attributes of the classes that an object inherits from, without those of libraries."""

    def __init__(self, cls: type) -> None:
        self.classes = [each for each in cls.__mro__ if not is_of_library(each)]
        super().__init__()

    def items(self) -> list[tuple[Any, Any]]:
        """Return the attributes, except those of every class."""
        return [
            (f"{cls.__qualname__}.{name}", value)
            for cls in self.classes
            for name, value in vars(cls).items()
            if not (name.startswith("__") and name.endswith("__")) or isinstance(value, FunctionType)
        ]

    def views(self) -> list[Collection[Any]]:
        """Return the values of each class."""
        return [vars(cls).values() for cls in self.classes]

    def restore(self, name: Any) -> None:
        """Restore one attribute."""
        for cls in self.classes:
            prefix, _, attribute = name.rpartition(".")
            if prefix == cls.__qualname__ and name in self.before:
                setattr(cls, attribute, self.before[name])


class Items(Holder):
    """Items of a list."""

    def __init__(self, values: list[Any]) -> None:
        self.values = values
        super().__init__()

    def items(self) -> list[tuple[Any, Any]]:
        """Return the items by position."""
        return list(enumerate(self.values))

    def views(self) -> list[Collection[Any]]:
        """Return the list."""
        return [self.values]

    def restore(self, name: Any) -> None:
        """Restore all items."""
        self.values[:] = self.before.values()


class Cell(Holder):
    """A variable of an enclosing function."""

    def __init__(self, cell: CellType) -> None:
        self.cell = cell
        super().__init__()

    def items(self) -> list[tuple[Any, Any]]:
        """Return the variable, unless it has no value yet."""
        try:
            return [("variable", self.cell.cell_contents)]
        except ValueError:
            return []

    def restore(self, name: Any) -> None:
        """Restore the variable."""
        if self.before:
            self.cell.cell_contents = self.before[name]
        else:
            del self.cell.cell_contents


class Globals(Holder):
    """The global variables that the code of a function mentions."""

    def __init__(self, namespace: dict[str, Any], names: list[str]) -> None:
        self.namespace = namespace
        known = {name: namespace[name] for name in names if name in namespace}
        self.names = [name for name, value in known.items() if not is_of_library(value)]
        super().__init__()

    def items(self) -> list[tuple[Any, Any]]:
        """Return the variables by name."""
        return [(name, self.namespace[name]) for name in self.names if name in self.namespace]

    def restore(self, name: Any) -> None:
        """Restore one variable."""
        self.namespace[name] = self.before[name]


def _divided(tensors: list[Tensor], flags: tuple[bool, ...]) -> tuple[list[Tensor], list[Tensor]]:
    """Return the tensors whose flag is set, and the others."""
    return list(itertools.compress(tensors, flags)), [t for t, is_set in zip(tensors, flags) if not is_set]


def is_of_library(value: Any) -> bool:
    """Return whether a function, class or module belongs to a package that holds no tensors."""
    if isinstance(value, ModuleType):
        module = value.__name__
    elif isinstance(value, (FunctionType, type)):
        module = value.__module__ or ""
    else:
        return False
    return module.partition(".")[0] in LIBRARIES


def _slots(cls: type) -> tuple[str, ...]:
    slots = vars(cls).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if name not in ("__dict__", "__weakref__"))


def _names(code: CodeType) -> list[str]:
    """Return the names that the code of a function and of its nested functions looks up."""
    inner = [name for constant in code.co_consts if isinstance(constant, CodeType) for name in _names(constant)]
    return list(dict.fromkeys((*code.co_names, *inner)))


def _hashable(value: Any) -> Any:
    return repr(value) if isinstance(value, slice) else value


def state_of(generator: Any) -> Any:
    """Return the state of a NumPy random generator."""
    legacy = isinstance(generator, np.random.RandomState)
    return generator.get_state(legacy=False) if legacy else generator.bit_generator.state


def set_state(generator: Any, state: Any) -> None:
    """Set the state of a NumPy random generator."""
    if isinstance(generator, np.random.RandomState):
        generator.set_state(state)
    else:
        generator.bit_generator.state = state
