"""Embedding lookup, as one operation with a fast gradient."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from tensorgrad import Tensor, domains

__all__ = ["embedding"]

_BLOCK, _BLOCKS = 64, 8
"""Ids whose rows are summed by one product, and products that are computed together."""


def _summed_rows(g: Any, ids: Any, weight_shape: Any, padding_index: Any) -> Any:
    """Return the gradient with respect to the table: the rows of `g` summed by id.

    The rows are sorted by id, so that a block of them has few different ids, and a product with a small matrix of zeros
    and ones adds them up. `np.add.at` takes twice to eight times as long. As 0·NaN is NaN, a NaN in `g` also reaches
    ids next to its own.
    """
    gradient = np.zeros(weight_shape, g.dtype)
    ids = np.ravel(ids)
    ids = ids.astype(np.uint16) if weight_shape[0] <= 2**16 else ids  # radix sort: a quarter of the time
    order = np.argsort(ids, kind="stable")
    ids, rows = ids[order], g.reshape(len(ids), math.prod(weight_shape[1:])).take(order, axis=0)
    first = np.ones(len(ids), bool)
    np.not_equal(ids[1:], ids[:-1], out=first[1:])
    place = np.cumsum(first) - 1  # of each row among the sums
    sums = np.zeros((np.count_nonzero(first), rows.shape[1]), rows.dtype)
    for start, stop, size in _blocks(len(ids)):
        _add_blocks(sums, place[start:stop].reshape(-1, size), rows[start:stop].reshape(-1, size, rows.shape[1]))
    gradient[ids[first]] = sums.reshape(len(sums), *weight_shape[1:])
    if padding_index is not None:
        gradient[padding_index] = 0
    return gradient


def _add_blocks(sums: NDArray[Any], places: NDArray[Any], rows: NDArray[Any]) -> None:
    """Add blocks of rows to the sums at their places. The places of a block ascend, without gaps."""
    lowest, highest = places[:, 0], places[:, -1]
    numbers = np.arange(np.max(highest - lowest) + 1)
    choice = ((places - lowest[:, None])[:, None] == numbers[:, None]).astype(rows.dtype)
    for low, high, product in zip(lowest.tolist(), highest.tolist(), choice @ rows):
        sums[low : high + 1] += product[: high + 1 - low]


def _blocks(length: int) -> Iterator[tuple[int, int, int]]:
    """Yield the start and the stop of several blocks, and their size: whole blocks, then a smaller last one."""
    whole = length // _BLOCK * _BLOCK
    for start in range(0, whole, _BLOCK * _BLOCKS):
        yield start, min(start + _BLOCK * _BLOCKS, whole), _BLOCK
    if whole < length:
        yield whole, length, length - whole


def _composed(ids: Any, weight: Any, *, padding_index: int | None = None) -> Any:
    """Return the rows in recorded functions."""
    ids = ids if hasattr(ids, "dtype") else np.asarray(ids)  # of another library, they stay there
    rows = np.take(weight, ids, axis=0)
    if padding_index is None:
        return rows
    constant = np.take(weight.detach() if isinstance(weight, Tensor) else weight, ids, axis=0)
    return np.where((ids == padding_index).reshape(*ids.shape, *[1] * (rows.ndim - ids.ndim)), constant, rows)


def _reference(ids: Any, weight: Any, padding_index: Any = None) -> Any:
    """Return the rows as a product with one-hot rows."""
    ids = np.asarray(ids)
    one_hot = (ids[..., None] == np.arange(len(weight))).astype(weight.dtype)
    return np.tensordot(one_hot, weight, axes=1)


@tg.op(
    weight=_summed_rows,
    composed=_composed,
    lowering="nn.functional._lowerings:embedding",
    flops=lambda: 0,
    reference=_reference,
    examples=[
        domains.case((4, 3), ids=[[0, 2, 2], [3, 0, 2]]),
        domains.case((4, 3), ids=[1, 1, 1]),
        domains.case((3, 2), ids=2),
        domains.case((3,), ids=[[2, 0], [2, 2]]),
        domains.case((2, 2, 2), ids=[1, 0, 1]),
        domains.case((3, 2), ids=np.zeros((2, 0), int)),
        domains.case((2, 1), ids=[0, 1] * 70),
    ],
)
def embedding(ids: ArrayLike, weight: ArrayLike, *, padding_index: int | None = None) -> Any:
    """Return the rows `weight[ids]`.

    Args:
        ids: integers of any shape, 0 … vocabulary - 1.
        weight: the table, `(vocabulary, features)`.
        padding_index: an id whose row receives no gradient.

    Returns:
        `(*ids.shape, features)`.

    Raises:
        TypeError: ids that are not integers.
        ValueError: an id outside the table, naming the first.

    >>> embedding([0, 1, 0], [[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [3., 4.],
            [1., 2.]])
    """
    weight = np.asarray(weight)
    if weight.ndim == 0:
        raise ValueError("expected a table of shape (vocabulary, features), got a single number.")
    rows: NDArray[Any] = weight.take(_checked_ids(ids, len(weight)), axis=0)
    return rows


def _checked_ids(ids: ArrayLike, vocabulary: int) -> NDArray[Any]:
    array = np.asarray(ids)
    if array.dtype.kind not in "iu":
        raise TypeError(f"expected integers as ids, got dtype {array.dtype}.")
    places = array.astype(np.intp, copy=False)
    if places.size and places.view(np.uintp).max() >= vocabulary:  # as unsigned numbers, negative ids are huge
        index = tuple(int(i) for i in np.argwhere((places < 0) | (places >= vocabulary))[0])
        where = index[0] if len(index) == 1 else index
        raise ValueError(f"expected ids of 0 … {vocabulary - 1}, got {places[index]} at index {where}.")
    return places
