"""Read and write the arrays of parameters: in place for NumPy arrays, otherwise by assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import Tensor

Array = Any
"""An array of NumPy, or of another library that implements NumPy's protocols."""


def read_only(array: Array) -> Array:
    """Return a read-only view of a NumPy array. Arrays of other libraries are returned unchanged."""
    if isinstance(array, np.ndarray):
        array = array.view()
        array.flags.writeable = False
    return array


def beside(array: Array, other: Array) -> Array:
    """Return `array` as an array of the library of `other`. A network may have been moved to a GPU, or back."""
    if type(array) is type(other):
        return array
    return np.asarray(array) if isinstance(other, np.ndarray) else np.asarray(array, like=other)


def writable(parameter: Tensor) -> Array:
    """Return the parameter's array for writing. A NumPy array is first made contiguous and writable."""
    array = parameter.own_array()
    if isinstance(array, np.ndarray) and not array.flags.carray:
        parameter.data = np.array(array, order="C")
        array = parameter.array
    return array


def assign(parameter: Tensor, values: Array) -> None:
    """Assign new values to a parameter, in place if its array is a NumPy array."""
    if isinstance(parameter.array, np.ndarray):
        array = writable(parameter)
        parameter.mark_changed()
        array[...] = values
    else:
        parameter.data = values.astype(parameter.dtype)
