"""NumPy's functions on JAX arrays: those of the same name in `jax.numpy`, and replacements for the others."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from tensorgrad.xla import _refusals

REPLACED: dict[Any, Callable[..., Any]] = {}
"""NumPy's functions that `jax.numpy` lacks, or computes differently."""


def call_function(function: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Return the result of NumPy's `function` for JAX arrays, NumPy arrays and numbers."""
    kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}  # noqa: SLF001
    if function in REPLACED:
        return REPLACED[function](*args, **kwargs)
    module = jnp.linalg if function.__module__.endswith("linalg") else jnp
    theirs = getattr(module, function.__name__, None)
    if theirs is None:
        raise _refusals.unknown_function(function)
    try:
        return theirs(*args, **kwargs)
    except (jax.errors.ConcretizationTypeError, jax.errors.NonConcreteBooleanIndexError) as error:
        raise _refusals.shape_from_values(function) from error


def replaces(function: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Register the decorated function as the replacement of NumPy's `function`."""

    def register(replacement: Callable[..., Any]) -> Callable[..., Any]:
        REPLACED[function] = replacement
        return replacement

    return register


@replaces(np.lib.stride_tricks.sliding_window_view)
def _sliding_window_view(x: Any, *args: Any, **kwargs: Any) -> Any:
    places = np.arange(x.size).reshape(x.shape)
    return x.reshape(-1)[np.lib.stride_tricks.sliding_window_view(places, *args, **kwargs)]


@replaces(np.bincount)
def _bincount(x: Any, weights: Any = None, minlength: int = 0) -> Any:
    return jnp.bincount(x, weights, length=minlength)  # XLA must know the length of the result


@replaces(np.copy)
def _copy(a: Any, order: str = "K", subok: bool = False) -> Any:
    return a


@replaces(np.shape)
def _shape(a: Any) -> Any:
    return a.shape


@replaces(np.ndim)
def _ndim(a: Any) -> Any:
    return a.ndim


@replaces(np.size)
def _size(a: Any, axis: Any = None) -> Any:
    return int(a.size) if axis is None else a.shape[axis]


@replaces(np.choose)
def _choose(a: Any, choices: Any, mode: str = "raise") -> Any:
    if mode == "raise" and not isinstance(a, jax.core.Tracer):
        np.choose(np.asarray(a), [np.zeros(())] * len(choices))  # raises an error for numbers out of range
    return jnp.choose(jnp.asarray(a), choices, mode="clip" if mode == "raise" else mode)


@replaces(np.take)
def _take(a: Any, indices: Any, axis: Any = None, mode: Any = "raise") -> Any:
    return jnp.take(jnp.asarray(a), jnp.asarray(indices), axis, mode="fill" if mode == "raise" else mode)


@replaces(np.compress)
def _compress(condition: Any, a: Any, axis: Any = None) -> Any:
    if isinstance(condition, jax.core.Tracer):
        raise _refusals.shape_from_values(np.compress)
    return jnp.take(jnp.ravel(a) if axis is None else a, np.flatnonzero(np.asarray(condition)), axis or 0)


@replaces(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    return _compress(np.ravel(np.asarray(condition)), arr)


@replaces(np.delete)
def _delete(arr: Any, obj: Any, axis: Any = None) -> Any:
    return jnp.delete(jnp.asarray(arr), obj if isinstance(obj, (int, slice)) else np.asarray(obj), axis)


@replaces(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: Any = None) -> Any:
    return jnp.insert(arr, obj if isinstance(obj, (int, slice)) else np.asarray(obj), jnp.asarray(values), axis)


@replaces(np.partition)
def _partition(a: Any, kth: Any, axis: Any = -1, kind: Any = None) -> Any:
    return jnp.sort(a, axis)  # the sorted array is a partition at every position


@replaces(np.tensordot)
def _tensordot(a: Any, b: Any, axes: Any = 2) -> Any:
    return jnp.tensordot(a, b, axes if isinstance(axes, int) else [list(np.atleast_1d(each)) for each in axes])


def _dtype_of(value: Any) -> Any:
    return np.dtype(value.dtype) if isinstance(value, jax.Array) else value


@replaces(np.result_type)
def _result_type(*arrays_and_dtypes: Any) -> Any:
    return np.result_type(*map(_dtype_of, arrays_and_dtypes))


@replaces(np.can_cast)
def _can_cast(from_: Any, to: Any, casting: Any = "safe") -> Any:
    return np.can_cast(_dtype_of(from_), _dtype_of(to), casting)


@replaces(np.iscomplexobj)
def _iscomplexobj(x: Any) -> Any:
    return _dtype_of(x).kind == "c"


@replaces(np.shares_memory)
@replaces(np.may_share_memory)
def _shares_memory(a: Any, b: Any, max_work: Any = None) -> bool:
    return False


def _on_values(name: str) -> Callable[..., Any]:
    def function(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(each, jax.core.Tracer) for each in args):
            raise _refusals.value_needed(f"np.{name}", ())
        return getattr(np, name)(
            *(np.asarray(each) if isinstance(each, jax.Array) else each for each in args), **kwargs
        )

    return function


for _name in ("array2string", "array_repr", "array_str", "save", "savez", "savetxt"):
    REPLACED[getattr(np, _name)] = _on_values(_name)
