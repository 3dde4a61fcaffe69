"""Reading and writing the arrays of parameters: in place if they are NumPy's, else by assignment."""

from __future__ import annotations

from typing import Any

import numpy as np

from tensorgrad import Tensor

Array = Any
"""An array of NumPy, or of another library that implements NumPy's protocols."""


def read_only(array: Array) -> Array:
    """Return a view that refuses writes, if the array is NumPy's."""
    if isinstance(array, np.ndarray):
        array = array.view()
        array.flags.writeable = False
    return array


def writable(parameter: Tensor) -> Array:
    """Return the parameter's array to write into. If it is NumPy's, it is first made contiguous and writable."""
    array = parameter.own_array()
    if isinstance(array, np.ndarray):
        flags = array.flags
        if not (flags.c_contiguous and flags.writeable):
            parameter.data = np.array(array, order="C")
            array = parameter.array
    return array


def assign(parameter: Tensor, values: Array) -> None:
    """Give the parameter new values: in place if its array is NumPy's."""
    if isinstance(parameter.array, np.ndarray):
        array = writable(parameter)
        parameter.mark_changed()
        array[...] = values
    else:
        parameter.data = values.astype(parameter.dtype)
