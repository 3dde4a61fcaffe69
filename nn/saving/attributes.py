"""Attributes changed by training, such as counters, that are not arguments of a constructor."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from nn.module import Module
from nn.saving.config import BASES, Describer
from nn.saving.format import SaveError
from nn.saving.state import RandomSource
from tensorgrad import Tensor

UNSAVED = frozenset({"training", "_parameter_paths", "_is_complete", "_layer_path", "_total", "_count"})
"""Attributes of `Module` and `Metric` that belong to the running program."""

MISSING = object()


def changed_attributes(holders: Mapping[str, Any], again: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return descriptions of the attributes in which objects differ from their rebuilt copies, by name.

    Only plain data is described: None, numbers, strings, and lists, tuples and dicts of these. An array or tensor where
    the constructor set nothing or None is a result that a layer keeps of its last call; it is ignored. Arguments of the
    constructor are described and compared separately.

    Raises:
        SaveError: an attribute that is not plain data differs.
    """
    found: dict[str, dict[str, Any]] = {}
    for path in holders.keys() & again.keys():
        for name, value in getattr(holders[path], "__dict__", {}).items():
            made = vars(again[path]).get(name, MISSING)
            if name in _not_saved(holders[path]) or not _differs(value, made):
                continue
            if not (is_plain(value) and (made is MISSING or is_plain(made))):
                raise SaveError(
                    f"{type(holders[path]).__name__}.{name} would have a different value. Store plain data in it "
                    "(numbers, text, lists, tuples, dicts), a tensor named in state_names, or arrays in an attribute "
                    "that is None when the object is created."
                )
            found.setdefault(path, {})[name] = _description(value)
    return {path: found[path] for path in holders if path in found}


def restore_attributes(holders: Mapping[str, Any], values: Mapping[str, Mapping[str, Any]]) -> None:
    """Assign attributes described by `changed_attributes` and built by a `Builder`.

    Raises:
        ValueError: a value is not plain data, or the attribute is something else, such as a method or a layer.
    """
    for path, attributes in values.items():
        thing = holders[path]
        for name, value in attributes.items():
            replaced = (getattr(type(thing), name, None), vars(thing).get(name))
            if name in _not_saved(thing) or not all(map(is_plain, (value, *replaced))):
                raise ValueError(f"{path}.{name} is not an attribute for plain data.")
            setattr(thing, name, value)


def _not_saved(thing: Any) -> frozenset[str]:
    return UNSAVED.union(inspect.signature(type(thing)).parameters) if isinstance(thing, BASES) else UNSAVED


def is_plain(value: Any) -> bool:
    """Return whether a value is None, a number, a string, or a list, tuple or dict of these."""
    if type(value) in (list, tuple):
        return all(map(is_plain, value))
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(is_plain, value.values()))
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, np.bool | np.number)


def _description(value: Any) -> Any:
    return Describer({}).describe("attribute", value)


def _differs(value: Any, made: Any) -> bool:
    """Return whether saving must record a value because the constructor sets another one."""
    if isinstance(value, (RandomSource, *BASES)):
        return False  # described or compared separately
    if is_plain(value):
        return (
            made is MISSING or not is_plain(made) or json.dumps(_description(value)) != json.dumps(_description(made))
        )
    arrays = _arrays_in(value)
    if made is MISSING or made is None:
        return not arrays and not _has_modules(value)
    if arrays:
        others = _arrays_in(made)
        if isinstance(value, (list, tuple, dict)):  # of the last call, unless the constructor makes some, too
            return bool(others) and not _same_arrays(arrays, others)
        return not others and is_plain(made)  # an array in the place of a number; other arrays are compared elsewhere
    if _has_modules(value):
        return False
    if type(value) is not type(made):
        return False
    if "__eq__" not in {name for each in type(value).__mro__[:-1] for name in vars(each)}:
        return _holds_other_data(value, made)
    try:
        return bool(value != made)
    except Exception:  # objects that cannot be compared
        return False


def _holds_other_data(value: Any, made: Any) -> bool:
    """Return whether plain attributes of two objects that are compared by identity differ."""
    inside, other = getattr(value, "__dict__", {}), getattr(made, "__dict__", {})
    return any(is_plain(each) and _differs(each, other.get(name, MISSING)) for name, each in inside.items())


def _arrays_in(value: Any) -> list[Any]:
    if isinstance(value, (Tensor, np.ndarray)):
        return [value.data if isinstance(value, Tensor) else value]
    if isinstance(value, (list, tuple)):
        return [array for item in value for array in _arrays_in(item)]
    return [array for item in value.values() for array in _arrays_in(item)] if isinstance(value, dict) else []


def _same_arrays(first: list[Any], second: list[Any]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(one, other, equal_nan=other.dtype.kind == "f") for one, other in zip(first, second)
    )


def _has_modules(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Module) or (isinstance(value, (list, tuple)) and any(map(_has_modules, value)))
