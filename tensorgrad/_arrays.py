"""Arrays of any library: the engine uses only NumPy's protocols and never converts them.

Two optional methods replace slower formulas: `a.scattered(index, shape)`, zeros of that shape with `a` added at an
index, and `a.with_item(index, value)`, a copy of `a` with `value` at an index that names no place twice.

Arrays whose values may be read, unlike those of a traced program, have a method `a.alike(values)`. It copies a NumPy
array to the device of `a`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._tensor_methods import Methods


def is_foreign(value: Any) -> bool:
    """Return whether `value` is an array of another library that implements NumPy's protocols (NEP 18)."""
    return not isinstance(value, (np.ndarray, Methods)) and hasattr(type(value), "__array_function__")


def as_array(value: Any) -> Any:
    """Return `value` as a NumPy array, or unchanged if it is an array of another library.

    Raises:
        ValueError: `value` is a masked array with masked entries.
    """
    if value.__class__ is np.ndarray:
        return value
    if is_foreign(value):
        return _completed(value)
    if isinstance(value, np.ndarray) and np.any(getattr(value, "mask", False)):
        raise _messages.masked_entries(type(value).__name__)
    return np.asarray(value)


def _completed(array: Any) -> Any:
    """Return an array of another library as a type that implements all the NumPy functions that operations use."""
    if type(array).__module__ == "cupy":
        from tensorgrad._cupy import adopted

        return adopted(array)
    return array


def has_values(value: Any) -> bool:
    """Return whether the values of an array may be read: those on a GPU may, those of a traced program may not."""
    return not is_foreign(value) or hasattr(type(as_array(value)), "alike")


def on_device_of(array: Any, other: Any) -> Any:
    """Return `array`. If it is a NumPy array and `other` is on a GPU, return a copy on that GPU."""
    if isinstance(array, np.ndarray) and hasattr(type(other), "alike"):
        return other.alike(array)
    return array


def holds(condition: Any) -> bool:
    """Return whether `condition` is True everywhere; False for other libraries' arrays, whose values are not read.

    For shortcuts and checks that depend on values: without them, the general formula is computed.
    """
    return not is_foreign(condition) and bool(np.all(condition))


def read_only(array: Any) -> Any:
    """Return a read-only view of a NumPy array; other libraries' arrays are returned unchanged."""
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.flags.writeable = False
    return view
