"""Solution of exercise 11: a step of Adam."""

import numpy as np


def adam_step(weights, g, mean, square, t, rate):
    """Return the new `weights`, `mean` and `square`, in this order, without changing the arguments."""
    mean = 0.9 * mean + (1 - 0.9) * g
    square = 0.999 * square + (1 - 0.999) * g**2
    m = mean / (1 - 0.9**t)
    s = square / (1 - 0.999**t)
    return weights - rate * m / (np.sqrt(s) + 1e-7), mean, square
