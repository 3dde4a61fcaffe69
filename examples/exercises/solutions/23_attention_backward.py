"""Solution of exercise 23: attention, backward."""

import numpy as np


def attention_backward(g, q, k, v):
    """Return the gradients with respect to `q`, `k` and `v`, in this order."""
    scale = np.sqrt(q.shape[1])
    scores = q @ k.T / scale
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)
    d = g @ v.T
    d_scores = weights * (d - (d * weights).sum(axis=1, keepdims=True))
    return d_scores @ k / scale, d_scores.T @ q / scale, weights.T @ g
