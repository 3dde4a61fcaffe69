"""Loops of attention, forward and backward, over tiles of the scores.

All arrays have five axes: `(samples, groups, members, time, features)`. The queries have `members` heads in each group,
which share the one head that keys and values have there.

Blocks of samples and groups are computed one after the other, so that their scores stay in the cache. From `LONG`
queries on, the scores of all queries are never in memory at once: a tile has those of `ROWS` queries, and the backward
pass recomputes it, as in Dao et al., *FlashAttention*, 2022. Measurements are in benchmarks/NOTES.md.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from nn.functional.dense import ones

LONG = 128
"""Number of queries from which the scores are computed in tiles."""

ROWS = 64
"""Number of queries in a tile."""

NUMBERS = 131_072
"""Number of scores in a tile, if there are enough samples and heads."""

LARGEST = 30.0
"""Scores up to this size are exponentiated directly. Larger ones are first shifted by the maximum of their row."""

Block = tuple[slice, slice]
"""Some samples and groups."""


class Softmax(NamedTuple):
    """Values of the forward pass that the backward pass uses.

    Attributes:
        mask: what is added to the scores, or None.
        inverse_sums: for each query, 1 / Σ exp(score - shift); 0 if it may attend to nothing.
        exponentials: exp(score - shift), if the sequences are short; else None.
        shifts: for each query, what is subtracted from its scores; None if the sequences are short.
    """

    mask: NDArray[Any] | None
    inverse_sums: NDArray[Any]
    exponentials: NDArray[Any] | None
    shifts: NDArray[Any] | None


class Scores(NamedTuple):
    """Operands of the scores of a block.

    Attributes:
        queries: the queries of the block.
        keys: its transposed keys, times the scale.
        mask: the part of the mask, or None.
        causal: whether queries attend to their own and earlier positions only.
    """

    queries: NDArray[Any]
    keys: NDArray[Any]
    mask: NDArray[Any] | None
    causal: bool

    def masked(self, scores: NDArray[Any], rows: slice) -> NDArray[Any]:
        """Add the mask to the scores of some queries, in place: -inf where they may not attend."""
        if self.mask is not None:
            by_row = self.mask if self.mask.shape[3] == 1 else self.mask[..., rows, :]
            scores += by_row if by_row.shape[4] == 1 else by_row[..., : scores.shape[4]]
        if self.causal:
            length = rows.stop - rows.start
            scores[..., scores.shape[4] - length :] += _future(length, scores.dtype)
        return scores

    def unmasked(self, rows: slice, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the scores of some queries with all keys that they may see, before the mask is added."""
        seen = self.keys.shape[4]
        if self.causal:
            seen += rows.stop - self.queries.shape[3]
        scores: NDArray[Any] = np.matmul(self.queries[..., rows, :], self.keys[..., :seen], out=out)
        return scores


@functools.lru_cache(maxsize=16)
def _future(length: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return -inf above the diagonal, and 0 elsewhere."""
    future = np.triu(np.full((length, length), -np.inf, dtype), 1)
    future.flags.writeable = False
    return future


def _tiles(queries: int) -> list[slice]:
    """Return the queries of each tile. The last queries come first, because only these see all keys if `causal`."""
    rows = ROWS if queries >= LONG else max(queries, 1)
    return [slice(start, min(start + rows, queries)) for start in reversed(range(0, queries, rows))]


def _tiles_of(q_shape: tuple[int, ...], keys: int) -> Iterator[Block]:
    """Yield blocks with as many samples, or groups of a sample, as fit into a tile."""
    samples, groups, members, queries, _ = q_shape
    rows = ROWS if queries >= LONG else queries
    at_once = max(NUMBERS // max(members * rows * keys, 1), 1)
    step = max(at_once // max(groups, 1), 1)
    for sample in range(0, samples, step):
        for group in range(0, groups, at_once):
            yield slice(sample, sample + step), slice(group, group + at_once)


def _part(mask: NDArray[Any] | None, block: Block) -> NDArray[Any] | None:
    """Return the part of a mask for a block. The mask may have axes of length 1."""
    if mask is None:
        return None
    samples, groups = (slice(None) if length == 1 else part for length, part in zip(mask.shape, block))
    return mask[samples, groups]


def _transposed(values: Any, scale: float = 1.0, *, more: int = 0) -> NDArray[Any]:
    """Return `scale`·values with the last two axes swapped, and `more` rows of ones.

    A product with a transposed copy takes half the time of a product with a transposed view.
    """
    *front, time, features = values.shape
    copy = np.empty((*front, features + more, time), values.dtype)
    np.multiply(values.swapaxes(-1, -2), scale, out=copy[..., :features, :])
    copy[..., features:, :] = 1
    return copy


# -- forward -------------------------------------------------------------------------------------------------


def forward(q: Any, k: Any, v: Any, mask: Any, causal: bool, scale: float, out: NDArray[Any]) -> Softmax:
    """Write the result into `out`, and return what the backward pass uses."""
    rows, is_long = q.shape[:4], q.shape[3] >= LONG
    softmax = Softmax(
        mask,
        np.empty((*rows, 1), q.dtype),
        None if is_long else np.empty((*rows, k.shape[3]), q.dtype),
        np.zeros((*rows, 1), q.dtype) if is_long else None,
    )
    largest = LARGEST if mask is None else LARGEST - np.abs(mask).max(initial=0, where=mask != -np.inf)
    for block in _tiles_of(q.shape, k.shape[3]):
        scores = Scores(q[block], _transposed(k[block], scale), _part(mask, block), causal)
        kept = None if softmax.exponentials is None else softmax.exponentials[block]
        for tile in _tiles(rows[3]):
            values = scores.unmasked(tile, out=kept)
            # Row maxima only prevent overflow, and finding them takes a quarter of the whole time.
            small = -largest <= values.min(initial=0) and values.max(initial=0) <= largest  # no NaN either
            exponentials = scores.masked(values, tile)
            if not small:
                maxima = exponentials.max(axis=4, keepdims=True, initial=-np.inf)
                maxima[maxima == -np.inf] = 0  # the query may attend to nothing
                exponentials -= maxima
                if softmax.shifts is not None:
                    softmax.shifts[block][..., tile, :] = maxima
            np.exp(exponentials, out=exponentials)
            seen = exponentials.shape[4]
            sums = exponentials @ ones(seen, exponentials.dtype)[:, None]  # a fifth of the time of `sum`
            sums[sums == 0] = np.inf
            inverse = np.divide(1, sums, out=softmax.inverse_sums[block][..., tile, :])
            result = out[block][..., tile, :]
            np.matmul(exponentials, v[block][..., :seen, :], out=result)
            result *= inverse  # cheaper than scaling the exponentials, of which there are more
    return softmax


# -- backward ------------------------------------------------------------------------------------------------


def backward(
    g: Any, q: Any, k: Any, v: Any, out: Any, softmax: Softmax, causal: bool, scale: float, gradients: Any, to_mask: Any
) -> None:
    """Write the gradients of queries, keys and values into `gradients`, and add that of the mask to `to_mask`, if any.

    With P the softmax of the scores and O = P @ V, ∂V = Pᵀ @ G and ∂scores = P * (G @ Vᵀ - Σ G * O). The last
    sum runs over the features of the result instead of the keys. G is divided by the sums, because dividing the
    exponentials would take longer.
    """
    q_gradient, k_gradient, v_gradient = gradients
    if not q.size:
        k_gradient[...], v_gradient[...] = 0, 0
    tiles = _tiles(q.shape[3])
    for block in _tiles_of(q.shape, k.shape[3]):
        upstream, values = _upstream(g[block], softmax.inverse_sums[block], out[block]), _transposed(v[block], more=1)
        keys = _transposed(k[block], scale) if softmax.exponentials is None else values  # not used if they are kept
        scores = Scores(q[block], keys, _part(softmax.mask, block), causal)
        part_to_mask = _part(to_mask, block)
        to_k, to_v = k_gradient[block], v_gradient[block]
        if len(tiles) > 1:  # adding to contiguous arrays takes a third of the time
            to_k, to_v = np.zeros(to_k.shape, to_k.dtype), np.zeros(to_v.shape, to_v.dtype)
        for tile in tiles:
            g_tile = upstream[..., tile, :]
            exponentials = _exponentials(scores, softmax, block, tile)
            seen = exponentials.shape[4]
            to_scores = g_tile @ values[..., :seen]
            to_scores *= exponentials
            np.matmul(to_scores, k[block][..., :seen, :], out=q_gradient[block][..., tile, :])
            _add(to_k, to_scores, scores.queries[..., tile, :], len(tiles) == 1)
            _add(to_v, exponentials, g_tile[..., :-1], len(tiles) == 1)
            if part_to_mask is not None:
                _add_to_mask(part_to_mask, to_scores, tile)
        np.multiply(to_k, scale, out=k_gradient[block])
        if len(tiles) > 1:
            v_gradient[block] = to_v
    q_gradient *= scale


def _upstream(g: Any, inverse_sums: Any, out: Any) -> NDArray[Any]:
    """Return G, divided by the sums of the exponentials, and a column that subtracts Σ G * O in the product with Vᵀ."""
    upstream = np.empty((*g.shape[:4], g.shape[4] + 1), out.dtype)
    divided = np.multiply(g, inverse_sums, out=upstream[..., :-1])
    np.negative(np.einsum("...i,...i->...", divided, out), out=upstream[..., -1])
    return upstream


def _exponentials(scores: Scores, softmax: Softmax, block: Block, tile: slice) -> NDArray[Any]:
    """Return the exponentials of a tile, kept or recomputed."""
    if softmax.exponentials is not None:
        kept: NDArray[Any] = softmax.exponentials[block]
        return kept
    found = scores.masked(scores.unmasked(tile), tile)
    shifts = None if softmax.shifts is None else softmax.shifts[block][..., tile, :]
    if shifts is not None and shifts.any():
        found -= shifts
    np.exp(found, out=found)
    return found


def _add(total: NDArray[Any], weights: NDArray[Any], of_queries: NDArray[Any], only: bool) -> None:
    """Add weightsᵀ @ of_queries, summed over the members of each group, to the total; if `only`, overwrite it."""
    if only and weights.shape[2] == 1:
        np.matmul(weights.swapaxes(-1, -2), of_queries, out=total)
        return
    product = weights.swapaxes(-1, -2) @ of_queries
    product = product if product.shape[2] == 1 else product.sum(axis=2, keepdims=True)
    if only:
        total[...] = product
    else:
        total[..., : product.shape[3], :] += product


def _add_to_mask(total: NDArray[Any], to_scores: NDArray[Any], tile: slice) -> None:
    """Add the gradients of a tile, summed over the axes that the mask does not have."""
    place = total if total.shape[3] == 1 else total[..., tile, :]
    place = place if total.shape[4] == 1 else place[..., : to_scores.shape[4]]
    axes = tuple(axis for axis, length in enumerate(place.shape) if length == 1)
    place += to_scores.sum(axis=axes, keepdims=True)
