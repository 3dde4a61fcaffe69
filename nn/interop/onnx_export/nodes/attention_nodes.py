"""Attention with several heads."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.sizes import is_dynamic
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import MultiHeadAttention
from tensorgrad import Tensor


@converts(MultiHeadAttention)
def multi_head_attention(
    graph: Graph, layer: MultiHeadAttention, query: Value, key: Any = None, value: Any = None, *, mask: Any = None,
    lengths: Any = None, key_mask: Any = None, return_weights: bool = False,
) -> Any:  # fmt: skip
    """Return the four dense layers, and between them `Attention`, which opset 23 introduced, or its parts."""
    if lengths is not None or key_mask is not None or isinstance(mask, Value):
        raise ExportError("its lengths or masks are inputs; export it for sequences of equal length")
    key = query if key is None else key
    value = key if value is None else value
    q = _heads(layer, layer.query(Tensor(query)), layer.heads)
    k = _heads(layer, layer.key(Tensor(key)), layer.kv_heads)
    v = _heads(layer, layer.value(Tensor(value)), layer.kv_heads)
    if layer.rotary is not None:
        q, k = layer.rotary(Tensor(q)).array, layer.rotary(Tensor(k)).array
    if layer.causal and is_dynamic(query.shape[1]):
        added = _later_keys(graph, query, key, mask).astype(q.dtype)
    else:
        added = _added(layer, mask, query.shape[1], key.shape[1])
        added = None if added is None else added.astype(q.dtype)
    if graph.opset >= 23 and not return_weights:
        averages, weights = graph.add("Attention", q, k, v, added), None
    else:
        averages, weights = _averages(graph, layer, q, k, v, added)
    output = layer.output(Tensor(np.reshape(np.swapaxes(averages, 1, 2), query.shape))).array
    return (output, weights) if return_weights else output


def _averages(graph: Graph, layer: MultiHeadAttention, q: Any, k: Any, v: Any, added: Any) -> tuple[Any, Any]:
    """Return the averages of the values, and the weights."""
    if layer.kv_heads != layer.heads:
        k, v = (np.repeat(each, layer.heads // layer.kv_heads, axis=1) for each in (k, v))
    scores = np.matmul(q / math.sqrt(layer.head_features), np.swapaxes(k, -1, -2))
    weights = graph.add("Softmax", scores if added is None else scores + added, axis=-1)
    return np.matmul(weights, v), weights


def _heads(layer: MultiHeadAttention, projected: Tensor, heads: int) -> Any:
    """Return `(batch, heads, time, features)`."""
    x: Any = projected.array
    return np.swapaxes(np.reshape(x, (*x.shape[:2], heads, layer.head_features)), 1, 2)


def _later_keys(graph: Graph, query: Value, key: Value, mask: Any) -> Any:
    """Return the causal mask to add to the scores of a sequence of free length: -inf for the keys after each query.

    Raises:
        ExportError: there is another mask, or the keys come from another sequence.
    """
    if mask is not None or key is not query:
        raise ExportError(
            "with a free number of steps, a causal mask can be exported only for self-attention without another mask"
        )
    positions = graph.positions(query, 1)
    return np.where(positions[:, None] >= positions, 0.0, -np.inf)


def _added(layer: MultiHeadAttention, mask: Any, queries: int, keys: int) -> Any:
    """Return the mask to add to the scores: -inf where a query must not attend to a key; None without a mask."""
    if mask is None and not layer.causal:
        return None
    mask = np.ones((queries, keys), bool) if mask is None else np.asarray(mask)
    added = np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask
    if layer.causal:
        added = added + np.where(np.tri(queries, keys, keys - queries, dtype=bool), 0.0, -np.inf)
    if np.isneginf(added).all(axis=-1).any():
        raise ExportError("its mask leaves a query without any key")
    return added[:, None] if added.ndim == 3 else added
