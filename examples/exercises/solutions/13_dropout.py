"""Solution of exercise 13: dropout."""


def dropout(x, rate, rng):
    """Return the output and the mask, in this order."""
    mask = (rng.random(x.shape) >= rate) / (1 - rate)
    return x * mask, mask


def dropout_backward(g, mask):
    """Return the gradient with respect to `x`, for the mask of the forward pass."""
    return g * mask
