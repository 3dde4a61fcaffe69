"""The three gradients of attention."""

import numpy as np
from grading import normal
from grading_gradients import correct, gradients

import tensorgrad as tg

HINTS = (
    "Compute the weights again. out = weights @ v is a matrix product: d = g @ v.T, and v receives weights.T @ g.",
    "d_scores = weights * (d - (d * weights).sum(axis=1, keepdims=True)).",
    "scores = q @ k.T / √features: q receives d_scores @ k / √features, and k receives d_scores.T @ q / √features.",
)
ROOT = np.sqrt(2)
"""Square root of the number of features."""


def attention(q, k, v):
    """Return the forward pass."""
    return tg.softmax(q @ k.T / np.sqrt(q.shape[1]), axis=1) @ v


def grade(answer):
    """Grade with as many queries as keys, so that wrong axes fit."""
    inputs = {name: normal(3, 2, seed=seed) for seed, name in enumerate("qkv")}
    q, k, v = inputs.values()
    g, _ = correct(attention, inputs)
    weights = tg.softmax(q @ k.T / ROOT, axis=1).data
    d = g @ v.T

    def with_scores(d_scores, *, scale=ROOT, weights=weights):
        return [d_scores @ k / scale, d_scores.T @ q / scale, weights.T @ g]

    d_scores = weights * (d - (d * weights).sum(axis=1, keepdims=True))
    mistakes = {
        "missing factor: 1 / √features": with_scores(d_scores, scale=1.0),
        "factor 1 / features instead of 1 / √features": with_scores(d_scores, scale=2.0),
        "blocked: softmax without the sum over the row": with_scores(weights * d),
        "missing factor: the gradient of softmax": with_scores(d),
        "wrong axis: the sum over each row, not over each column": with_scores(
            weights * (d - (d * weights).sum(axis=0))
        ),
        "not aligned: the row sums are combined with columns (use keepdims=True)": with_scores(
            weights * (d - (d * weights).sum(axis=1))
        ),
        "the slope of the sigmoid: in softmax all scores of a row depend on each other": with_scores(
            d * weights * (1 - weights)
        ),
        "transposed: v receives weights.T @ g": with_scores(d_scores, weights=weights.T),
    }
    d_q, d_k, d_v = with_scores(d_scores)
    mistakes["transposed: q receives d_scores @ k, without a .T"] = [d_scores.T @ k / ROOT, d_k, d_v]
    mistakes["transposed: k receives d_scores.T @ q"] = [d_q, d_scores @ q / ROOT, d_v]
    gradients(answer.attention_backward, attention, inputs, mistakes)
