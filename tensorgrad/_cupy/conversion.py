"""Conversion of arguments to the arrays that CuPy's own functions accept."""

from __future__ import annotations

from typing import Any

import cupy
import numpy as np


def on_gpu(value: Any) -> Any:
    """Return `value` with plain CuPy arrays in place of NumPy's and of subclasses, also in tuples, lists and dicts."""
    if isinstance(value, np.ndarray):
        return cupy.asarray(value)
    if isinstance(value, cupy.ndarray):
        return plain(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map(on_gpu, value))
    if isinstance(value, dict):
        return {name: on_gpu(each) for name, each in value.items()}
    return value


def plain(array: Any) -> Any:
    """Return a CuPy array of a subclass as one of CuPy's own class, in the same memory."""
    return array if array.__class__ is cupy.ndarray else array.view(None, cupy.ndarray)


def on_cpu(value: Any) -> Any:
    """Return `value` with NumPy arrays in place of CuPy's, also in tuples and lists."""
    if isinstance(value, cupy.ndarray):
        return value.get()
    return type(value)(map(on_cpu, value)) if isinstance(value, (tuple, list)) else value


def not_written(name: str) -> TypeError:
    """Return the error for writing a result on a GPU into a NumPy array."""
    return TypeError(
        f"np.{name}: a result on the GPU cannot be written into a NumPy array. Copy it to the CPU first: a.get()."
    )


def unsupported(name: str, argument: str | None = None) -> TypeError:
    """Return the error for a function of NumPy, or an argument of it, that CuPy does not implement."""
    what = "" if argument is None else f" with the argument {argument!r}"
    return TypeError(
        f"np.{name}{what} cannot run on CuPy arrays: CuPy does not implement it. "
        "Convert the operand to NumPy first (t.numpy(), a.get()), or compute the result with other functions."
    )
