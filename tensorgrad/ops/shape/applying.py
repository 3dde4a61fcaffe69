"""Functions applied along axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tensorgrad._arrays import as_array
from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.ops.shape.axes import expand_dims, moveaxis
from tensorgrad.ops.shape.joining import stack
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor, plain

__all__ = ["apply_along_axis", "apply_over_axes"]


@composed(
    "arr",
    numpy=np.apply_along_axis,
    examples=[
        case((3,), func1d=np.cumsum, axis=0),
        case((2, 3), func1d=np.sum, axis=-1),
        case((2, 3), func1d=np.diag, axis=0),
    ],
)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: ArrayLike, *args: object, **kwargs: object) -> Tensor:
    """Apply a function to each vector of elements along `axis`; its results take the place of that axis.

    Each vector is a tensor of one axis. The function is called once per vector, so it is slower than operations on
    the whole array.

    Raises:
        ValueError: there are no vectors.

    >>> apply_along_axis(np.cumsum, 1, [[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [3., 7.]])
    """
    array = arr if isinstance(arr, Tensor) else Tensor(as_array(arr))
    axis = normalize_axis_index(axis, array.ndim)
    rows = moveaxis(array, axis, -1)
    others = rows.shape[:-1]
    count = int(np.prod(others, dtype=int))
    if not count:
        raise ValueError(
            f"cannot apply a function to vectors along axis {axis} of shape {array.shape}: there are none."
        )
    rows = reshape(rows, (count, -1))
    results = stack([func1d(rows[i], *args, **kwargs) for i in range(count)])
    results = reshape(results, (*others, *results.shape[1:]))
    added = results.ndim - len(others)
    return moveaxis(results, range(len(others), results.ndim), range(axis, axis + added))


@composed(
    "a",
    numpy=np.apply_over_axes,
    examples=[
        case((3,), func=np.sum, axes=0),
        case((2, 3), func=np.mean, axes=[0, -1]),
        case((2, 3), func=np.cumsum, axes=1),
    ],
)
def apply_over_axes(func: Callable[..., Any], a: ArrayLike, axes: int | Sequence[int]) -> Tensor:
    """Apply `func(a, axis)` for one axis after the other; axes that it removes are kept with length 1.

    Raises:
        ValueError: the function adds axes, or removes more than one.

    >>> apply_over_axes(np.sum, [[1.0, 2.0], [3.0, 4.0]], [0, 1])
    Tensor([[10.]])
    """
    result: Tensor = a if isinstance(a, Tensor) else Tensor(as_array(a))
    ndim = result.ndim
    for axis in np.ravel(plain(axes)).tolist():
        axis = axis + ndim if axis < 0 else axis
        result = func(result, axis)
        if np.ndim(result) == ndim - 1:
            result = expand_dims(result, axis)
        elif np.ndim(result) != ndim:
            raise ValueError(
                f"expected a function that keeps or removes one axis, got shape {np.shape(result)} from it."
            )
    return result
