"""Solution of exercise 24: reparameterisation."""

import numpy as np


def sample(mean, log_variance, noise):
    """Return the code z."""
    return mean + np.exp(log_variance / 2) * noise


def sample_backward(g, mean, log_variance, noise):
    """Return the gradients with respect to `mean` and `log_variance`, in this order."""
    return g, g * noise * np.exp(log_variance / 2) / 2


def divergence(mean, log_variance):
    """Return the divergence from the standard normal distribution: one number."""
    return (mean**2 + np.exp(log_variance) - log_variance - 1).sum(axis=1).mean() / 2
