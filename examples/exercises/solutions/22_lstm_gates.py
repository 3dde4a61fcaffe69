"""Solution of exercise 22: the gates of an LSTM."""

import numpy as np


def lstm_step(scores, cell):
    """Return the new state and cell, in this order; `scores` is (samples, 4 · units), `cell` (samples, units)."""
    first, second, third, fourth = np.split(scores, 4, axis=1)
    new_cell = cell / (1 + np.exp(-second)) + np.tanh(third) / (1 + np.exp(-first))
    return np.tanh(new_cell) / (1 + np.exp(-fourth)), new_cell


def forget_gate_backward(g, score, cell):
    """Return the gradients of sigmoid(score) · cell with respect to `score` and `cell`, in this order."""
    f = 1 / (1 + np.exp(-score))
    return g * cell * f * (1 - f), g * f
