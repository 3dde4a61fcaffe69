"""Solution of exercise 04: a loss to debug."""

import numpy as np


def cross_entropy(probabilities, classes):
    """Return the mean loss, one number."""
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)
    of_the_right_class = clipped[range(len(classes)), classes]
    losses = -np.log(of_the_right_class)
    return losses.mean()
