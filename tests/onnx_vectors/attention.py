"""Attention and rotary positions."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn import functional
from tests.onnx_vectors.layouts import Attributes


def split_heads(x: Any, heads: int | None) -> Any:
    """From (batch, time, heads·features), if there are three axes, to (batch, heads, time, features)."""
    if x.ndim == 4:
        return x
    assert heads is not None
    return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)


def allowed(a: Attributes, queries: int, keys: int, past: int, lengths: Any) -> Any:
    """Where queries may attend, (batch or 1, 1, time, keys), by position alone.

    The first query is at the position `past`, or with `lengths` of the keys, the last is at the last of them.
    """
    first = np.array([past]) if lengths is None else lengths - queries
    distance = first[:, None, None, None] + np.arange(queries)[:, None] - np.arange(keys)
    seen = np.ones(distance.shape, bool)
    if a.get("is_causal", 0):
        seen &= distance >= 0
    left, right = a.get("left_window_size", -1), a.get("right_window_size", -1)
    seen &= (distance <= left) | (left < 0)
    seen &= (-distance <= right) | (right < 0)
    return seen if lengths is None else seen & (np.arange(keys) < lengths[:, None, None, None])


def whole_mask(mask: Any, seen: Any, keys: int) -> Any:
    """ONNX's mask, which may lack the last keys, together with the positions."""
    if mask is None:
        return seen
    missing = [(0, 0)] * (mask.ndim - 1) + [(0, keys - mask.shape[-1])]
    if mask.dtype == bool:
        return np.pad(mask, missing) & seen
    mask = np.pad(mask, missing, constant_values=-np.inf)
    return mask + np.where(seen, 0, -np.inf).astype(mask.dtype)


def attention(
    a: Attributes, q: Any, k: Any, v: Any, mask: Any = None, past_key: Any = None, past_value: Any = None,
    lengths: Any = None,
) -> Any:  # fmt: skip
    known = {"is_causal", "q_num_heads", "kv_num_heads", "scale", "qk_matmul_output_mode", "softmax_precision", "opset"}
    assert a.keys() <= known | {"outputs", "left_window_size", "right_window_size"}
    joined = q.ndim == 3
    q = split_heads(q, a.get("q_num_heads"))
    k, v = (split_heads(each, a.get("kv_num_heads")) for each in (k, v))
    past = 0 if past_key is None else past_key.shape[2]
    if past_key is not None:
        k, v = np.concatenate([past_key, k], axis=2), np.concatenate([past_value, v], axis=2)
    queries, keys = q.shape[2], k.shape[2]
    window_attributes = {"left_window_size", "right_window_size"} & a.keys()
    if a.get("is_causal", 0) and past + queries == keys and lengths is None and not window_attributes:
        options: dict[str, Any] = {"mask": mask, "causal": True}
    else:
        options = {"mask": whole_mask(mask, allowed(a, queries, keys, past, lengths), keys)}
    options["scale"] = a.get("scale")
    y = functional.attention(q, k, v, **options).data
    weights = functional.attention_weights(q, k, **options) if a.get("qk_matmul_output_mode", 0) == 3 else None
    return y.swapaxes(1, 2).reshape(*y.shape[::2], -1) if joined else y, k, v, weights


def rotary_embedding(a: Attributes, x: Any, cosines: Any, sines: Any, positions: Any = None) -> Any:
    heads = split_heads(x, a.get("num_heads"))
    if positions is not None:
        cosines, sines = cosines[positions], sines[positions]
    width = a.get("rotary_embedding_dim", 0) or heads.shape[-1]
    rotated = functional.rotary(
        heads[..., :width], cosines[:, None], sines[:, None], interleaved=bool(a.get("interleaved", 0))
    ).data
    result = np.concatenate([rotated, heads[..., width:]], axis=-1)
    return result if x.ndim == 4 else result.swapaxes(1, 2).reshape(x.shape)


OPERATORS = {"Attention": attention, "RotaryEmbedding": rotary_embedding}
LEFT_OUT = {
    r"test_attention_.*softcap.*|test_attention_local_window_gqa_rank4_mask": "scores are not capped",
    r"test_attention_.*_bf16": "NumPy has no bfloat16",
}
