"""Solution of exercise 08: backpropagation of batch normalisation."""

import numpy as np


def batch_normalisation_backward(g, x, scale, shift, epsilon):
    """Return the gradients with respect to `x`, `scale` and `shift`, in this order."""
    root = np.sqrt(x.var(axis=0) + epsilon)
    h = (x - x.mean(axis=0)) / root
    d = g * scale
    d_x = (d - d.mean(axis=0) - h * (d * h).mean(axis=0)) / root
    return d_x, (g * h).sum(axis=0), g.sum(axis=0)
