"""Products of matrices, in the form that is fastest on each kind of device."""

from __future__ import annotations

from typing import Any

import jax

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
