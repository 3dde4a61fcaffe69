"""Broadcasting to a common shape: the gradient of an element is the sum over its copies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tensorgrad._composing import composed
from tensorgrad._typing import ArrayLike
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.shape.reshaping import reshape
from tensorgrad.tensor import Tensor

__all__ = ["broadcast_arrays", "broadcast_to", "meshgrid"]


@op(
    array=lambda g: g,
    numpy=np.broadcast_to,
    examples=[case((3,), shape=(2, 3)), case((2, 1), shape=(4, 2, 3)), case((), shape=(2,)), case((1,), shape=(0,))],
    linear=True,
    view=True,
)
def broadcast_to(array: ArrayLike, shape: int | Sequence[int]) -> Any:
    """Broadcast an array to `shape`; the gradient of an element is the sum over its copies.

    >>> broadcast_to([1.0, 2.0], (2, 2))
    Tensor([[1., 2.],
            [1., 2.]])
    """
    return np.broadcast_to(array, shape)


@composed(
    "args",
    sequence="args",
    numpy=np.broadcast_arrays,
    examples=[case([(3,), (2, 1)]), case([(), (2, 3)]), case([(2, 1, 3), (2, 1), ()]), case([(1,), (0, 1)])],
)
def broadcast_arrays(*args: ArrayLike) -> tuple[Tensor, ...]:
    """Broadcast all arguments to their common shape.

    >>> broadcast_arrays([1.0, 2.0], 3.0)
    (Tensor([1., 2.]), Tensor([3., 3.]))
    """
    shape = np.broadcast_shapes(*map(np.shape, args))
    return tuple(broadcast_to(each, shape) for each in args)


@composed(
    "xi",
    sequence="xi",
    numpy=np.meshgrid,
    examples=[
        case([(3,), (2,)]),
        case([(3,), (2,)], indexing="ij"),
        case([(2,), (), (3,)], sparse=True),
        case([(2,), (3,), (2,)], copy=False),
        case([(2,)]),
        case([(0,), (2,)]),
    ],
)
def meshgrid(*xi: ArrayLike, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Tensor, ...]:
    """Return coordinate arrays of the grid spanned by n coordinate vectors.

    Args:
        xi: the coordinates along each axis: numbers or vectors.
        copy: has no effect: tensors are values, whether they share memory or not.
        sparse: keep length 1 along the axes that a grid does not depend on.
        indexing: "xy" for grids of shape (len(y), len(x), …), "ij" for (len(x), len(y), …).

    Raises:
        ValueError: `indexing` has another value.

    >>> meshgrid([1.0, 2.0], [3.0, 4.0])
    (Tensor([[1., 2.],
            [1., 2.]]), Tensor([[3., 3.],
            [4., 4.]]))
    """
    if indexing not in ("xy", "ij"):
        raise ValueError(f"indexing must be 'xy' or 'ij', got {indexing!r}")
    places = list(range(len(xi)))
    if indexing == "xy":
        places[:2] = reversed(places[:2])
    grids = tuple(
        reshape(x, tuple(-1 if axis == place else 1 for axis in range(len(xi)))) for x, place in zip(xi, places)
    )
    return grids if sparse else broadcast_arrays(*grids)
