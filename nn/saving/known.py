"""Which classes a file may name: those of this package, and those the caller hands in."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any

from nn.losses import Loss
from nn.metrics import Metric
from nn.module import Module
from nn.optimizers import Optimizer, Schedule

BASES = (Module, Loss, Metric, Optimizer, Schedule)
"""What can be described: the classes derived from these."""


def known_classes() -> dict[str, type]:
    """The classes of this package by the names they have in files.

    >>> known_classes()["nn.Dense"]
    <class 'nn.layers.Dense'>
    """
    found = (subclass for base in BASES for subclass in _subclasses(base))
    return {f"nn.{each.__name__}": each for each in found if each.__module__.split(".")[0] == "nn"}


def with_custom(custom: Iterable[Any]) -> dict[str, Any]:
    """The known classes, and these classes and functions under their own names.

    Raises:
        TypeError: something that has no name, such as a layer in the place of its class.
        ValueError: two of one name.
    """
    if isinstance(custom, type) or not isinstance(custom, Iterable):
        raise TypeError(f"custom must be a list of classes and functions, got {custom!r}. Write custom=[…].")
    found: dict[str, Any] = {}
    for each in custom:
        name = name_of(each)
        if name is None:
            raise TypeError(f"custom: expected classes and functions, got {each!r}.")
        if found.setdefault(name, each) is not each:
            raise ValueError(f"custom: two are named {name!r}: {found[name]!r} and {each!r}.")
    return known_classes() | found


def name_of(thing: Any) -> str | None:
    """The name a class or function has in files: `nn.Dense`, or `MyLayer` for one of your own; None if it has none."""
    name = getattr(thing, "__name__", None)
    if not callable(thing) or inspect.ismethod(thing) or not isinstance(name, str) or not name.isidentifier():
        return None
    return f"nn.{name}" if known_classes().get(f"nn.{name}") is thing else name


def _subclasses(base: type) -> Iterator[type]:
    subclass: type
    for subclass in base.__subclasses__():
        yield subclass
        yield from _subclasses(subclass)
