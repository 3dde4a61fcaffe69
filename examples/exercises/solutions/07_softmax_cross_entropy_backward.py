"""Solution of exercise 07: backpropagation of softmax with cross-entropy."""

import numpy as np


def softmax_cross_entropy_backward(scores, classes):
    """Return the gradient of the loss with respect to `scores`."""
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    d_scores = powers / powers.sum(axis=1, keepdims=True)
    d_scores[range(len(classes)), classes] -= 1
    return d_scores / len(classes)
