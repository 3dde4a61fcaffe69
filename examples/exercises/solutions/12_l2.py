"""Solution of exercise 12: l2 regularisation."""

import numpy as np


def l2_penalty(weights, strength):
    """Return the penalty."""
    return strength * np.sum(weights**2)


def l2_gradient(weights, strength):
    """Return the gradient of the penalty with respect to `weights`."""
    return 2 * strength * weights
