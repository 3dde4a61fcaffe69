"""Products of matrices, in the form that is fastest on each kind of device."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

NARROW = 32
"""Largest number of columns for which `_of_narrow` was never slower than `a.T @ b`, for matrices of 32 to 512 rows."""


def transposed_product(a: Any, b: Any) -> Any:
    """Return `a.T @ b` for two matrices of a program: the gradient of the weights of a dense layer."""
    if b.shape[1] > NARROW or b.shape[1] >= a.shape[1]:
        return a.T @ b
    return jax.lax.platform_dependent(a, b, cpu=_of_narrow, default=lambda a, b: a.T @ b)


def _of_narrow(a: Any, b: Any) -> Any:
    """Return `a.T @ b` as the transpose of `b.T @ a`, in 0.15 to 0.9 of the time.

    XLA's product on a CPU is slow if both matrices are read by columns. Without the barriers, XLA would merge the
    transpositions with the product again.
    """
    barrier: Any = jax.lax.optimization_barrier
    return barrier(barrier(b.T) @ a).T


def is_of_ones(values: Any, length: int) -> bool:
    """Return whether `values` is a constant vector of `length` ones. A product with it is a sum."""
    is_vector = isinstance(values, np.ndarray) and values.shape == (length,) and values.dtype.kind == "f"
    return is_vector and bool(np.all(values == 1))


def sum_by_product(matrix: Any, axis: int) -> Any:
    """Return the sum along one of the last two axes: on a CPU by a product with ones, in a third to half of the time.

    On other devices, XLA fuses a sum with the operations around it, but not a product.
    """
    ones = np.ones(matrix.shape[axis], matrix.dtype)
    return jax.lax.platform_dependent(
        matrix,
        cpu=lambda m: jnp.matmul(ones, m) if axis == -2 else jnp.matmul(m, ones),
        default=lambda m: jnp.sum(m, axis),
    )
