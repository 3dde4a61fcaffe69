"""Attention, as one operation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional import _attention_definitions, _attention_tiles
from tensorgrad import domains

__all__ = ["attention", "attention_weights"]


# -- shapes and masks ----------------------------------------------------------------------------------------


def _check_shapes(q: Any, k: Any, v: Any, mask: Any, causal: bool) -> None:
    """Raise an error unless the shapes fit; `v` may be None."""
    of_q, of_k = np.shape(q), np.shape(k)
    shapes = f"q {of_q}, k {of_k}" if v is None else f"q {of_q}, k {of_k}, v {np.shape(v)}"
    if len(of_q) < 2 or len(of_q) != len(of_k) or (v is not None and len(of_q) != np.ndim(v)):
        raise ValueError(
            f"expected q, k and v of shape (…, time, features) with the same number of axes, got {shapes}."
        )
    if of_q[-1] != of_k[-1] or not of_q[-1]:
        raise ValueError(f"expected q and k with the same number of features, at least one, got {shapes}.")
    if v is not None and np.shape(v)[:-1] != of_k[:-1]:
        raise ValueError(f"expected v with the same shape as k, except for the features, got {shapes}.")
    if len(of_q) > 3 and of_q[:-3] == of_k[:-3] and of_q[-3] != of_k[-3]:
        if not of_k[-3] or of_q[-3] % of_k[-3]:
            raise ValueError(f"expected a number of heads of k that divides the {of_q[-3]} heads of q, got {shapes}.")
    elif of_q[:-2] != of_k[:-2]:
        raise ValueError(f"expected q and k with the same axes before time and features, got {shapes}.")
    if causal and of_q[-2] > of_k[-2]:
        raise ValueError(
            f"causal attention expects at least as many keys as queries, because the queries are the last positions, "
            f"got {shapes}."
        )
    if mask is not None:
        _check_mask(np.shape(mask), (*of_q[:-1], of_k[-2]))
        dtype = mask.dtype if hasattr(mask, "dtype") else np.asarray(mask).dtype
        if dtype.kind in "iu":
            raise TypeError(
                "expected a mask of booleans, True where a query may attend, or of floating-point numbers that are "
                f"added to the scores, got dtype {dtype}. Zeros and ones become booleans by mask.astype(bool)."
            )


def _check_mask(shape: tuple[int, ...], scores: tuple[int, ...]) -> None:
    padded = (1,) * (len(scores) - len(shape)) + shape
    if len(shape) <= len(scores) and all(length in (1, whole) for length, whole in zip(padded, scores)):
        return
    hint = ""
    if len(scores) == 4 and shape == (scores[0], *scores[2:]):
        hint = " For the same mask in all heads, write mask[:, None]."
    elif len(scores) > 2 and shape == (scores[0], scores[-1]):
        axes = ", ".join(["None"] * (len(scores) - 2))
        hint = f" A mask for the padding of keys is mask[:, {axes}]."
    raise ValueError(f"expected a mask that broadcasts to the scores, {scores}, got {shape}.{hint}")


def _grouped(q: Any, k: Any, v: Any) -> tuple[Any, Any, Any]:
    """Return arrays with the axes (samples, groups, members, time, features); as views where possible."""
    heads, groups = (q.shape[-3], k.shape[-3]) if q.ndim > 3 else (1, 1)
    samples = math.prod(k.shape[:-3] if q.ndim > 3 else k.shape[:-2])
    members = heads // groups if groups else 1
    return (
        q.reshape(samples, groups, members, *q.shape[-2:]),
        k.reshape(samples, groups, 1, *k.shape[-2:]),
        v.reshape(samples, groups, 1, *v.shape[-2:]),
    )


def _added(mask: Any, q_shape: tuple[int, ...], groups: int, dtype: np.dtype[Any]) -> Any:
    """Return what a mask adds to the scores, with the axes of `_grouped`."""
    if mask.dtype == bool:  # a table is faster than np.where, which mispredicts branches
        mask = np.array([-np.inf, 0], dtype)[mask.view(np.uint8)]
    mask = mask.astype(dtype, copy=False).reshape((1,) * (len(q_shape) - mask.ndim) + mask.shape)
    if len(q_shape) < 4:
        samples = mask.shape[:-2] if mask.ndim == 3 else (1,)
        return mask.reshape(*samples, 1, 1, *mask.shape[-2:])
    if len(q_shape) > 4 and math.prod(mask.shape[:-3]) > 1:
        mask = np.broadcast_to(mask, (*q_shape[:-3], *mask.shape[-3:]))
    heads = mask.shape[-3]
    by_group = (1, 1) if heads == 1 else (groups, heads // groups)
    return mask.reshape(math.prod(mask.shape[:-3]), *by_group, *mask.shape[-2:])


# -- attention -----------------------------------------------------------------------------------------------


def _attention_gradients(
    g: Any, wanted: Any, q: Any, k: Any, v: Any, mask: Any, out: Any, causal: Any, scale: Any, softmax: Any
) -> Any:
    dtype = softmax.inverse_sums.dtype
    queries, keys, values = _grouped(*(np.asarray(each, dtype) for each in (q, k, v)))
    shape = (*queries.shape[:4], values.shape[4])
    upstream, result = (np.asarray(each, dtype).reshape(shape) for each in (g, out))
    gradients = [_empty(each, np.shape(each), dtype) for each in (q, k, v)]
    to_mask = np.zeros_like(softmax.mask) if wanted[3] else None
    _attention_tiles.backward(
        upstream, queries, keys, values, result, softmax, causal, _scale(scale, q), _grouped(*gradients), to_mask
    )
    return *gradients, None if to_mask is None else _as_mask(to_mask, np.shape(mask), np.shape(q))


def _empty(like: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return an array with the memory layout of another, so that heads split by a view are joined by a view.

    Axes before the heads must be joined, which requires a contiguous array.
    """
    return np.empty_like(like, dtype, "K" if len(shape) < 5 else "C", shape=shape)


def _as_mask(gradient: Any, shape: tuple[int, ...], q_shape: tuple[int, ...]) -> Any:
    """Return the gradient of a mask in its own shape; leading axes that were broadcast are summed."""
    if gradient.size == math.prod(shape):
        return gradient.reshape(shape)
    padded = (1,) * (len(q_shape) - len(shape)) + shape
    whole = gradient.reshape(*q_shape[:-3], *padded[-3:])
    axes = tuple(axis for axis, length in enumerate(padded[:-3]) if length == 1)
    return whole.sum(axis=axes, keepdims=True).reshape(shape)


def _scale(scale: float | None, q: Any) -> float:
    return 1 / math.sqrt(q.shape[-1]) if scale is None else float(scale)


def _composed_weights(q: Any, k: Any, mask: Any, causal: bool, scale: float | None) -> Any:
    """Return the weights in recorded functions, with an axis for the members of each group before time."""
    scores = np.matmul(q * _scale(scale, q), np.swapaxes(k, -1, -2))
    allowed: Any = None
    if mask is not None:
        mask = mask if hasattr(mask, "dtype") else np.asarray(mask)  # arrays of other libraries are not converted
        if mask.dtype == bool:
            allowed = mask
        else:
            allowed = np.greater(mask, -math.inf)
            scores = scores + np.where(allowed, mask, 0)
    if causal:
        queries, keys = scores.shape[-2:]
        past = np.tri(queries, keys, keys - queries, dtype=bool)
        allowed = past if allowed is None else np.logical_and(allowed, past)
    if allowed is None:
        return tg.softmax(scores, axis=-1)
    lowest = float(np.finfo(scores.dtype).min)  # not -inf, so that a query that may attend to nothing gets no NaN
    return tg.softmax(np.where(allowed, scores, lowest), axis=-1) * allowed


def _by_group(q: Any, k: Any) -> tuple[int, ...]:
    """Return the shape of q with its heads split by groups; () if keys have as many heads."""
    if q.ndim < 4 or q.shape[-3] == k.shape[-3]:
        return ()
    return (*q.shape[:-3], k.shape[-3], q.shape[-3] // k.shape[-3], *q.shape[-2:])


def _mask_by_group(mask: Any, groups: int) -> Any:
    if mask is None or np.ndim(mask) < 3:
        return mask
    mask = mask if hasattr(mask, "dtype") else np.asarray(mask)
    heads = mask.shape[-3]
    split = (1, 1) if heads == 1 else (groups, heads // groups)
    return np.reshape(mask, (*mask.shape[:-3], *split, *mask.shape[-2:]))


def _composed(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, *, scale: float | None = None) -> Any:
    by_group = _by_group(q, k)
    if not by_group:
        return np.matmul(_composed_weights(q, k, mask, causal, scale), v)
    k, v = np.expand_dims(k, -3), np.expand_dims(v, -3)
    weights = _composed_weights(np.reshape(q, by_group), k, _mask_by_group(mask, by_group[-4]), causal, scale)
    return np.reshape(np.matmul(weights, v), (*q.shape[:-1], v.shape[-1]))


def _flops(
    q_shape: tuple[int, ...], k_shape: tuple[int, ...], out_shape: tuple[int, ...], mask_shape: Any, causal: bool
) -> int:
    """Return the number of operations of both products, the scaling, the mask and the softmax."""
    scores: int = math.prod(q_shape[:-1]) * k_shape[-2]
    of_score: int = 2 * q_shape[-1] + 2 * out_shape[-1] + 5 + 2 * (causal or mask_shape is not None)
    return scores * of_score + math.prod(q_shape)


_SOME = np.array([[True, False, True], [False, False, False]])
"""A mask for examples, where the second query may attend to nothing."""


@tg.op(
    joint=_attention_gradients,
    inputs=["q", "k", "v", "mask"],
    keep=["softmax"],
    composed=_composed,
    lowering="nn.functional._lowerings:attention",
    flops=_flops,
    reference=_attention_definitions.attention,
    examples=[
        domains.case((2, 3, 2), (2, 3, 2), (2, 3, 2), None),
        domains.case((2, 3, 2), (2, 3, 2), (2, 3, 2), None, causal=True),
        domains.case((1, 2, 3), (1, 4, 3), (1, 4, 1), None, causal=True, scale=0.3),
        domains.case((2, 2, 1), (2, 3, 1), (2, 3, 2), (2, 3)),
        domains.case((2, 2, 1), (2, 3, 1), (2, 3, 1), None, mask=_SOME),
        domains.case((1, 2, 2, 2), (1, 2, 3, 2), (1, 2, 3, 2), (2, 1, 3), scale=2.0),
        domains.case((2, 4, 2, 1), (2, 2, 3, 1), (2, 2, 3, 1), (1, 3), causal=True),
        domains.case((1, 4, 2, 2), (1, 1, 2, 2), (1, 1, 2, 2), (4, 2, 1)),
        domains.case((2, 1), (3, 1), (3, 2), (2, 3)),
        domains.case((0, 3, 2), (0, 3, 2), (0, 3, 2), None, causal=True),
        domains.case((2, 0, 2), (2, 3, 2), (2, 3, 2), None),
    ],
)
def attention(
    q: ArrayLike, k: ArrayLike, v: ArrayLike, mask: ArrayLike | None = None, causal: bool = False, *,
    scale: float | None = None,
) -> Any:  # fmt: skip
    """Return for each query an average of the values, weighted by how well keys match: `softmax(scale·q @ kᵀ) @ v`.

    Args:
        q: the queries, `(…, time, features)`: usually `(batch, time, features)` or `(batch, heads, time, features)`.
        k: the keys, `(…, keys, features)`. With four axes or more, they may have fewer heads than the queries, if the
            number of heads divides that of the queries. Consecutive query heads then share a head of keys and values
            (grouped-query attention).
        v: the values, `(…, keys, value features)`.
        mask: broadcasts to the scores, `(…, time, keys)`. Booleans are True where a query may attend to a key; numbers
            are added to the scores. A query that may attend to nothing gets zeros.
        causal: whether a query attends only to its own and earlier positions. The queries are the last of the
            positions that the keys have: if their numbers are equal, query t attends to the keys 0 … t.
        scale: the factor of the scores; default 1/√features.

    Returns:
        `(…, time, value features)`.

    Raises:
        ValueError: shapes that do not fit.
        TypeError: a mask of integers.

    References:
        Vaswani et al., *Attention Is All You Need*, 2017; Ainslie et al., *GQA*, 2023; Dao et al., *FlashAttention*,
        2022.

    >>> attention([[1.0], [1.0]], [[0.0], [0.0]], [[1.0], [3.0]], causal=True)
    Tensor([[1.],
            [2.]])
    """
    q, k, v, added = np.asarray(q), np.asarray(k), np.asarray(v), None if mask is None else np.asarray(mask)
    _check_shapes(q, k, v, added, causal)
    numbers = [q, k, v] if added is None or added.dtype == bool else [q, k, v, added]
    dtype = np.result_type(np.float16, *numbers)  # integers become float64
    computed = np.result_type(dtype, np.float32)  # sums of float16 would overflow
    queries, keys, values = _grouped(*(each.astype(computed, copy=False) for each in (q, k, v)))
    if added is not None:
        added = _added(added, q.shape, keys.shape[1], computed)
    out = _empty(q, (*q.shape[:-1], v.shape[-1]), computed)
    result = out.reshape(*queries.shape[:4], v.shape[-1])  # a view
    softmax = _attention_tiles.forward(queries, keys, values, added, bool(causal), _scale(scale, q), result)
    return out.astype(dtype, copy=False), (softmax,)


def attention_weights(
    q: ArrayLike, k: ArrayLike, mask: ArrayLike | None = None, causal: bool = False, *, scale: float | None = None
) -> tg.Tensor:
    """Return the weights with which `attention` averages the values: `softmax(scale·q @ kᵀ)`.

    Args:
        q, k, mask, causal, scale: as in `attention`.

    Returns:
        `(…, time, keys)`. Each row has the sum 1; a query that may attend to nothing has zeros.

    Raises:
        ValueError, TypeError: as in `attention`.

    >>> attention_weights([[1.0], [1.0]], [[0.0], [0.0]], causal=True)
    Tensor([[1. , 0. ],
            [0.5, 0.5]])
    """
    queries: Any = q if hasattr(q, "dtype") else tg.Tensor(q)
    keys: Any = k if hasattr(k, "dtype") else tg.Tensor(k)
    try:
        _check_shapes(queries, keys, None, mask, causal)
    except (ValueError, TypeError) as error:
        raise type(error)(f"attention_weights: {error}") from None
    by_group = _by_group(queries, keys)
    if not by_group:
        weights: tg.Tensor = _composed_weights(queries, keys, mask, causal, scale)
        return weights
    mask = _mask_by_group(mask, by_group[-4])
    grouped = _composed_weights(np.reshape(queries, by_group), np.expand_dims(keys, -3), mask, causal, scale)
    return tg.reshape(grouped, (*queries.shape[:-1], keys.shape[-2]))
