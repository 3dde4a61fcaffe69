"""JSON descriptions of objects: the class and the arguments of its constructor.

A description is a tree of plain values. Types that JSON lacks are dicts with a marker key:
`{"tuple": […]}`, `{"dict": {…}}`, `{"float": "inf"}`, `{"dtype": "float32"}`, `{"scalar": 0.5, "of": "float32"}`,
`{"array": "settings.0"}` (a tensor of the file), `{"tensor": "0.weight"}` (one of the network), `{"generator": {…}}`,
`{"name": "nn.ReLU"}` (a class or function). An object is

    {"class": "nn.Dense", "arguments": {"inputs": 784, "neurons": 10}}

A repeated object or generator is `{"again": 3}`: the fourth that was finished.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn.losses import Loss
from nn.metrics import Metric
from nn.module import Module
from nn.optimizers import Optimizer, Schedule
from nn.saving.format import SaveError
from nn.saving.state import RandomSource, generator_state
from tensorgrad import Tensor

BASES = (Module, Loss, Metric, Optimizer, Schedule)
"""Base classes of the objects that can be described."""


def known_classes() -> dict[str, type]:
    """Return the classes of this package by their names in files.

    >>> known_classes()["nn.Dense"]
    <class 'nn.layers.dense.Dense'>
    """
    found = (subclass for base in BASES for subclass in _subclasses(base))
    return {f"nn.{each.__name__}": each for each in found if each.__module__.split(".")[0] == "nn"}


def with_custom(custom: Iterable[Any]) -> dict[str, Any]:
    """Return the known classes together with these classes and functions, by name.

    Raises:
        TypeError: an object without a name, such as a layer instead of its class.
        ValueError: two objects have the same name.
    """
    if isinstance(custom, type) or not isinstance(custom, Iterable):
        raise TypeError(f"custom must be a list of classes and functions, got {custom!r}. Write custom=[…].")
    found: dict[str, Any] = {}
    for each in custom:
        name = name_of(each)
        if name is None:
            raise TypeError(f"custom: expected classes and functions, got {each!r}.")
        if found.setdefault(name, each) is not each:
            raise ValueError(f"custom: two objects are named {name!r}: {found[name]!r} and {each!r}.")
    return known_classes() | found


def name_of(thing: Any) -> str | None:
    """Return the name of a class or function in files, such as `nn.Dense` or `MyLayer`; None if it has none."""
    name = getattr(thing, "__name__", None)
    if not callable(thing) or inspect.ismethod(thing) or not isinstance(name, str) or not name.isidentifier():
        return None
    return f"nn.{name}" if known_classes().get(f"nn.{name}") is thing else name


def _subclasses(base: type) -> Iterator[type]:
    subclass: type
    for subclass in base.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)


def is_start_only(name: str) -> bool:
    """Return whether an argument of this name is an initialiser, whose values are replaced by those of the file."""
    return name.endswith("_init")


class Describer:
    """Describes objects and collects the arrays and classes that they refer to.

    Args:
        tensors: the tensors of the network by name, which the file already holds.

    Attributes:
        arrays: constant arrays among the arguments, by their names in the file.
        custom: the classes and functions found that are not part of this package.
    """

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self.custom: list[Any] = []
        self._names = {id(tensor): name for name, tensor in tensors.items()}
        self._finished: dict[int, int] = {}
        self._begun: set[int] = set()

    def describe(self, what: str, value: Any) -> Any:
        """Return the description of a value; `what` names it in messages.

        Raises:
            SaveError: the value cannot be described.
        """
        if value is None or type(value) in (bool, int, str):
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": repr(value)}
        if type(value) is list:
            return [self.describe(what, item) for item in value]
        if type(value) is tuple:
            return {"tuple": [self.describe(what, item) for item in value]}
        if type(value) is dict and all(type(key) is str for key in value):
            return {"dict": {key: self.describe(f"{what}[{key!r}]", item) for key, item in value.items()}}
        if isinstance(value, Tensor):
            name = self._names.get(id(value))
            return self._array(value.array) if name is None else {"tensor": name}
        if isinstance(value, np.generic) and type(value.item()) in (bool, int, float):
            return {"scalar": self.describe(what, value.item()), "of": value.dtype.name}
        if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
            return self._array(value)
        if isinstance(value, np.dtype) or (isinstance(value, type) and issubclass(value, np.generic)):
            return {"dtype": _dtype_name(np.dtype(value))}
        if isinstance(value, (RandomSource, *BASES)):
            return self._once(what, value)
        name = name_of(value)
        if name is None:
            raise SaveError(f"{what} is {value!r}, which cannot be saved.")
        self._note(name, value)
        return {"name": name}

    def _array(self, values: NDArray[Any]) -> dict[str, str]:
        name = f"settings.{len(self.arrays)}"
        self.arrays[name] = values
        return {"array": name}

    def _note(self, name: str, thing: Any) -> None:
        """Record a class or function that is not part of this package."""
        if name.startswith("nn.") or any(each is thing for each in self.custom):
            return
        if any(name == each.__name__ for each in self.custom):
            raise SaveError(f"two different classes or functions are named {name!r}. A file refers to them by name.")
        self.custom.append(thing)

    def _once(self, what: str, thing: Any) -> dict[str, Any]:
        """Return the description of an object, or a reference to its previous occurrence."""
        if id(thing) in self._finished:
            return {"again": self._finished[id(thing)]}
        if id(thing) in self._begun:
            raise SaveError(f"{what}: {type(thing).__name__} contains itself.")
        self._begun.add(id(thing))
        made = self._generator(what, thing) if isinstance(thing, RandomSource) else self._object(what, thing)
        self._finished[id(thing)] = len(self._finished)
        return made

    def _generator(self, what: str, source: RandomSource) -> dict[str, Any]:
        try:
            return {"generator": generator_state(source)}
        except ValueError as error:
            raise SaveError(f"{what} is {error}.") from error

    def _object(self, what: str, thing: Any) -> dict[str, Any]:
        name = name_of(type(thing))
        if name is None:
            raise SaveError(f"{what}: the class of the object has no name: {type(thing)!r}.")
        self._note(name, type(thing))
        given = arguments(what, thing)
        described = {key: self.describe(f"{type(thing).__name__}.{key}", value) for key, value in given.items()}
        return {"class": name, "arguments": described}


def _dtype_name(dtype: np.dtype[Any]) -> str:
    return dtype.name if dtype.isnative else dtype.str


def arguments(what: str, thing: Any) -> dict[str, Any]:
    """Return the constructor's arguments for an object, read from the attributes of the same names.

    A module whose class defines `settings` for its constructor returns them from there.

    Raises:
        SaveError: an attribute is missing.
    """
    cls = type(thing)
    if _answers_for_itself(cls):
        return dict(thing.settings())
    found: dict[str, Any] = {}
    for name, parameter in inspect.signature(cls).parameters.items():
        if is_start_only(name) and callable(getattr(thing, name, print)):
            continue
        if name == "parameters" and isinstance(thing, Optimizer):
            found[name] = thing.grouped_parameters()
        elif hasattr(thing, name):
            found[name] = getattr(thing, name)
        elif name != "rng":
            raise SaveError(
                f"{what}: the constructor of {cls.__name__} takes {name!r}, but the object has no attribute of that "
                f"name. Write self.{name} = {name} in __init__."
            )
        elif parameter.default is parameter.empty:
            found[name] = None
    return found


def _answers_for_itself(cls: type) -> bool:
    """Return whether `settings` belongs to the constructor of this class and not only to that of a base class."""
    if not issubclass(cls, Module) or cls.settings is Module.settings:
        return False
    return issubclass(_definer(cls, "settings"), _definer(cls, "__init__"))


def _definer(cls: type, name: str) -> type:
    return next(each for each in cls.__mro__ if name in vars(each))
