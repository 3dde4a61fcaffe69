"""NumPy's universal functions on JAX arrays, with NumPy's dtypes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

REPLACED: dict[str, Callable[..., Any]] = {
    "divmod": lambda a, b: (jnp.floor_divide(a, b), jnp.remainder(a, b)),
    "matvec": lambda a, b: jnp.matmul(a, b[..., None])[..., 0],
    "vecmat": lambda a, b: jnp.matmul(a[..., None, :], b)[..., 0, :],
}
"""Functions that `jax.numpy` lacks."""

_REDUCTIONS: dict[str, str] = {
    "add": "sum", "multiply": "prod", "maximum": "max", "minimum": "min", "logical_and": "all", "logical_or": "any",
}  # fmt: skip


def call_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Return the result of `ufunc`, or of one of its methods, for JAX arrays, NumPy arrays and numbers."""
    name = ufunc.__name__
    if method != "__call__":
        return _call_method(name, method, inputs, options)
    function = REPLACED.get(name) or getattr(jnp, name, None)
    if function is None:
        raise TypeError(f"np.{name} cannot run on XLA arrays: jax.numpy has no such function.")
    where, dtype = options.pop("where", True), options.pop("dtype", None)
    options.pop("casting", None)
    if where is not True or options:
        raise TypeError(f"np.{name}: {', '.join(options) or 'where'} cannot be used with XLA arrays.")
    operands, results = _converted(ufunc, inputs, dtype)
    result = function(*operands)
    if results is None:
        return result
    if isinstance(result, tuple):
        return tuple(each.astype(kind) for each, kind in zip(result, results))
    return result if result.dtype == results[0] else result.astype(results[0])


def _converted(ufunc: np.ufunc, inputs: tuple[Any, ...], dtype: Any) -> tuple[list[Any], Any]:
    """Return the operands in the dtypes in which NumPy computes, and the dtypes of NumPy's results."""
    if dtype is not None:
        inputs = tuple(jnp.asarray(each, dtype) for each in inputs)
    kinds = [_kind(each) for each in inputs]
    if all(isinstance(kind, type) for kind in kinds):  # only Python numbers; the result is one, too
        return list(inputs), None
    resolved = ufunc.resolve_dtypes((*kinds, *(None,) * ufunc.nout))
    operands = [
        each if isinstance(kind, type) or kind == wanted else jnp.asarray(each).astype(wanted)
        for each, kind, wanted in zip(inputs, kinds, resolved)
    ]
    if any(isinstance(kind, type) for kind in kinds):
        operands = [
            jnp.asarray(each, wanted) if isinstance(kind, type) else each
            for each, kind, wanted in zip(operands, kinds, resolved)
        ]
    return operands, resolved[ufunc.nin :]


def _kind(value: Any) -> Any:
    """Return the dtype of a value; the type of a Python number, whose dtype adapts to the other operands."""
    if isinstance(value, jax.Array):
        return {"f": float, "i": int}.get(value.dtype.kind, value.dtype) if value.weak_type else value.dtype
    if type(value) in (int, float):
        return type(value)
    return np.dtype(bool) if value is True or value is False else value.dtype


def _call_method(name: str, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    if method == "reduce":
        axis = options.pop("axis", inputs[1] if len(inputs) > 1 else 0)
        options = {key: value for key, value in options.items() if value is not np._NoValue}  # noqa: SLF001
        if options.get("where", True) is True:
            options.pop("where", None)
        if name in _REDUCTIONS:
            return getattr(jnp, _REDUCTIONS[name])(inputs[0], axis=axis, **options)
    function = getattr(getattr(jnp, name, None), method, None)
    if function is None:
        raise TypeError(f"np.{name}.{method} cannot run on XLA arrays: jax.numpy has no such function.")
    if method == "reduce":
        return function(inputs[0], axis=axis, **options)
    return function(*inputs, **options)
