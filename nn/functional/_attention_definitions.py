"""Reference implementations of attention and rotary positions as plain loops, for tests."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


def attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, *, scale: float | None = None) -> Any:
    """Return Σ weight·v over the keys that a query may attend to, with weights in proportion to exp(scale·q·k)."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    queries, keys = q.shape[-2], k.shape[-2]
    scores = None if mask is None else np.broadcast_to(mask, (*q.shape[:-1], keys))
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for *before, t in np.ndindex(*q.shape[:-1]):
        head = tuple(before)
        if len(head) > 1:
            head = (*head[:-1], head[-1] // (q.shape[-3] // k.shape[-3]))
        weights = {}
        for s in range(min(keys, keys - queries + t + 1) if causal else keys):
            score = scale * sum(a * b for a, b in zip(q[*before, t], k[*head, s]))
            extra = 0 if scores is None else scores[*before, t, s]
            if scores is not None and scores.dtype == bool:
                extra = 0 if extra else -math.inf
            weights[s] = math.exp(score + extra)
        total = sum(weights.values())
        for s, weight in weights.items():
            out[*before, t] += weight / total * v[*head, s] if total else 0
    return out


def rotary(x: Any, cosines: Any, sines: Any, *, interleaved: bool = True) -> Any:
    """Return a + bi times cos + i·sin, for the pairs (a, b) of features."""
    features = x.shape[-1]
    order = np.arange(features).reshape((-1, 2) if interleaved else (2, -1))
    first, second = order.T if interleaved else order
    product = (x[..., first] + 1j * x[..., second]) * (cosines + 1j * sines)
    out = np.zeros(x.shape)
    out[..., first], out[..., second] = product.real, product.imag
    return out
