"""ReLU, sigmoid and softmax, including very large scores."""

import numpy as np
from grading import normal, values

import tensorgrad as tg

HINTS = (
    "np.maximum compares elementwise; np.max returns the largest element of an array. ReLU needs the first.",
    "Softmax: subtract scores.max(axis=1, keepdims=True) before np.exp, then divide by the sum of each row.",
    "powers = np.exp(scores - scores.max(axis=1, keepdims=True)); powers / powers.sum(axis=1, keepdims=True)",
)


def grade(answer):
    """Grade with square scores, so that wrong axes fit."""
    x = normal(3, 3)
    mistakes = {"the absolute value": np.abs(x), "the negative part passes": np.minimum(x, 0), "the step": x > 0}
    values("relu(x)", answer.relu(x), np.maximum(0, x), mistakes)

    mistakes = {"wrong sign in the exponent": tg.sigmoid(-x).data}
    values("sigmoid(x)", answer.sigmoid(x), tg.sigmoid(x).data, mistakes)

    x = x - x.max(axis=1, keepdims=True)  # then mistakes look the same with and without taking the largest off
    powers = np.exp(x)
    mistakes = {
        "wrong axis: each column has the sum 1": powers / powers.sum(axis=0),
        "the whole batch has the sum 1, not each row": powers / powers.sum(),
        "not aligned: the row sums are combined with columns (use keepdims=True)": powers / powers.sum(axis=1),
        "not normalised": powers,
    }
    values("softmax(scores)", answer.softmax(x), tg.softmax(x, axis=1).data, mistakes)
    large = np.array([[800.0, 801.0, 799.0], [-900.0, -901.0, -900.0]])
    values("softmax of scores around 800", answer.softmax(large), tg.softmax(large, axis=1).data)
