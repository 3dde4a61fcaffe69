"""Checks of the operands and results of operations: tensors, arrays of any library, numbers."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray

from tensorgrad import _messages
from tensorgrad._arrays import as_array, is_foreign
from tensorgrad.modes import current_mode
from tensorgrad.tensor import DEEPEST, Tensor

NUMBERS = frozenset({float, int, bool, type(None)})
"""Types of operands that need no conversion; None is an omitted operand, such as a bound of `clip`."""

FIXED = frozenset({float, int, bool, type(None), str, slice, type(...)})
"""Immutable types of options."""

COPIED_BYTES = 16384
"""Maximum size of an array option that a node copies."""

REAL_KINDS = "fiub"
"""NumPy's codes for the kinds of dtypes that a tensor can hold."""

KEPT_BYTES = 1024
"""Maximum size of an operand without a gradient that a node keeps alive, so that drawings can show it."""


class Constant(NamedTuple):
    """Name and values of a small operand that requires no gradient. A node keeps this instead of the tensor."""

    array: Any
    name: str


def check_operand(value: Any, name: str) -> Any:
    """Return an operand unchanged if it is a tensor, a number or an array of any library, else as a NumPy array.

    Nested lists that contain tensors become a tensor, which passes its gradient on to them.
    """
    if value.__class__ is ndarray and value.dtype.kind in REAL_KINDS:  # the usual case, first for speed
        return value
    if isinstance(value, Tensor) or value.__class__ in NUMBERS:
        return value
    if isinstance(value, (list, tuple)) and contains_tensor(value):
        return joined(value)
    if not isinstance(value, np.generic):
        value = as_array(value)
    if value.dtype.kind not in REAL_KINDS:
        raise _messages.not_real(value.dtype, name)
    return value


def contains_tensor(value: Any, depth: int = 0) -> bool:
    """Return whether nested lists and tuples contain a tensor. The nesting is limited to an array's number of axes."""
    if isinstance(value, (list, tuple)):
        return depth <= DEEPEST and any(contains_tensor(item, depth + 1) for item in value)
    return isinstance(value, Tensor)


def joined(value: Any, dtype: Any = None) -> Any:
    """Return nested lists of tensors, arrays and numbers as one tensor, as `np.stack` joins arrays.

    Python numbers take the dtype of the neighbouring values, as in operations.
    """
    if not isinstance(value, (list, tuple)):
        return np.asarray(value, dtype) if value.__class__ in NUMBERS else value
    if dtype is None:
        dtype = np.result_type(*_dtypes(value))
    return np.stack([joined(item, dtype if dtype.kind == "f" else None) for item in value])  # the operation `stack`


def _dtypes(value: Any) -> list[Any]:
    """Return the dtypes of the tensors and arrays in nested lists."""
    if isinstance(value, (list, tuple)):
        return [dtype for item in value for dtype in _dtypes(item)]
    if value.__class__ in NUMBERS:
        return []
    return [value.dtype if isinstance(value, Tensor) else as_array(value).dtype]


def check_sequence(values: Any, name: str) -> list[Any]:
    """Return the operands of an operation that takes a sequence of tensors."""
    if getattr(values, "ndim", None) == 0 or isinstance(values, (int, float)):
        raise TypeError(f"{name}: expected a sequence of tensors, got a single number.")
    checked = [check_operand(value, name) for value in values]
    if not checked:
        raise ValueError(f"{name}: expected at least one tensor, got an empty sequence.")
    return checked


def check_option(value: Tensor, parameter: str, operation: Any) -> Any:
    """Return the array of a tensor that is the argument of a parameter without a derivative rule."""
    if value.node is not None:
        raise _messages.no_rule(parameter, operation.name, operation.no_rule)
    return value.array


def settled(option: Any, depth: int = 0) -> Any:
    """Return an argument that is not an operand in the form saved on the node: lists and small arrays as copies.

    The caller may write into an index or a mask before the backward pass. For arrays that are too large to be copied,
    anomaly mode detects such writes.
    """
    if depth > DEEPEST:  # a list may be inside itself
        return option
    if option.__class__ is tuple:
        return option if FIXED.issuperset(map(type, option)) else tuple([settled(item, depth + 1) for item in option])
    if option.__class__ is list:
        return [settled(item, depth + 1) for item in option]
    if option.__class__ is ndarray:
        return option.copy() if option.nbytes <= COPIED_BYTES else option
    return as_array(option) if is_foreign(option) else option


def check_result(value: Any, name: str) -> Any:
    """Return a result of a forward rule as an array of real numbers: NumPy returns scalars for 0-d results."""
    if isinstance(value, Tensor):
        raise _messages.tensor_result(name)
    array = np.asarray(value) if isinstance(value, np.generic) else as_array(value)
    if array.dtype.kind not in REAL_KINDS:
        raise _messages.not_real(array.dtype, name)
    return array


def shape_of(value: Any) -> Any:
    """Return the shape of an operand, or the shapes of a sequence of operands."""
    return [np.shape(item) for item in value] if isinstance(value, list) else np.shape(value)


def spread(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """Return the arguments of a call as a flat list, with sequences expanded."""
    return [i for v in (*args, *kwargs.values()) for i in (v if isinstance(v, (list, tuple)) else [v])]


def holds_foreign(values: list[Any]) -> bool:
    """Return whether an array of another library is among the operands."""
    for value in values:  # `any` with a generator takes twice as long
        array = value.array if isinstance(value, Tensor) else value
        if array.__class__ is not ndarray and is_foreign(array):
            return True
    return False


def for_foreign(operation: Any) -> Callable[..., Any]:
    """Return the form of an operation for other libraries' arrays: in a compiled program its lowering, if it has one.

    Raises:
        TypeError: the operation runs on NumPy arrays only.
    """
    if operation.lowering and current_mode().since:
        from pkgutil import resolve_name

        return resolve_name(operation.lowering)  # type: ignore[no-any-return]
    if operation.composed is None:
        raise _messages.numpy_only(operation.name, operation.numpy_only)
    return operation.composed  # type: ignore[no-any-return]


def without_gradient(value: Any) -> Any:
    """Return what a node keeps of an operand that requires no gradient, for drawing: weak references to large ones.

    Values needed by the rules are in `saved` until the graph is released. A graph must not keep a batch alive longer.
    """
    if value.__class__ is np.ndarray:
        return value if value.nbytes <= KEPT_BYTES else weakref.ref(value)
    array = value.array if isinstance(value, Tensor) else value
    if hasattr(array, "dtype") and array.size * array.dtype.itemsize > KEPT_BYTES:
        try:
            return weakref.ref(value)
        except TypeError:  # its type does not allow weak references
            return value
    if isinstance(value, Tensor) and value.name is not None:
        return Constant(array, value.name)
    return array
