"""Sorting written with JAX, for compiled programs.

XLA sorts the elements and their positions together. The rules, which can only use NumPy's functions, sort again.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad.xla.lowering import lowering


@lowering
def sort(a: Any, axis: Any = -1, kind: Any = None, *, stable: Any = None, descending: Any = None) -> Any:
    """Compute `tg.sort`."""
    if not descending:
        return _sorted("sort", a, axis)
    opposite = jnp.negative if jnp.issubdtype(a.dtype, jnp.inexact) else jnp.invert
    return opposite(_sorted("sort", opposite(a), axis))


@lowering
def partition(a: Any, kth: Any, axis: Any = -1, kind: Any = None) -> Any:
    """Compute `tg.partition`: a sorted array is a partition at every position."""
    if isinstance(kth, (int, tuple)):
        np.partition(np.zeros(a.size if axis is None else a.shape[axis]), kth)  # raises an error if out of range
    return _sorted("partition", a, axis)


def _sorted(name: str, a: Any, axis: int | None) -> Any:
    if axis is None:
        return _rows_sorted(a.reshape(-1))
    axis = normalize_axis_index(axis, a.ndim, name)
    return jnp.moveaxis(_rows_sorted(jnp.moveaxis(a, axis, -1)), -1, axis)


@jax.custom_jvp
def _rows_sorted(rows: Any) -> Any:
    """Return the rows in ascending order."""
    return jnp.sort(rows, -1)


@_rows_sorted.defjvp
def _derivative(primals: Any, tangents: Any) -> Any:
    """Return the sorted rows and their tangents, with the mean tangent for each run of equal elements."""
    (rows,), (moved,) = primals, tangents
    if not rows.size:
        return rows, moved
    positions = lax.broadcasted_iota(jnp.int32, rows.shape, rows.ndim - 1)
    values, order = lax.sort((rows, positions), num_keys=1)
    moved = jnp.take_along_axis(moved, order, -1)
    ties = values[..., 1:] == values[..., :-1]
    return values, lax.cond(ties.any(), partial(_means, ties), lambda moved: moved, moved)


def _means(ties: Any, moved: Any) -> Any:
    """Replace each tangent by the mean over its run of equal elements."""
    first = jnp.ones((*ties.shape[:-1], 1), bool)
    run = jnp.cumsum(jnp.concatenate([first, ~ties], -1).reshape(-1)) - 1
    sums = jax.ops.segment_sum(moved.reshape(-1), run, run.size, indices_are_sorted=True)
    lengths = jax.ops.segment_sum(jnp.ones_like(sums), run, run.size, indices_are_sorted=True)
    return (sums / jnp.maximum(lengths, 1))[run].reshape(moved.shape)
