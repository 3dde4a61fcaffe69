"""Solution of exercise 21: a step of a recurrent network, backward."""

import numpy as np


def rnn_step_backward(g, x, state, weights, recurrent, biases):
    """Return the gradients with respect to `x`, `state`, `weights`, `recurrent` and `biases`, in this order."""
    new_state = np.tanh(x @ weights + state @ recurrent + biases)
    d = g * (1 - new_state**2)
    return d @ weights.T, d @ recurrent.T, x.T @ d, state.T @ d, d.sum(axis=0)
