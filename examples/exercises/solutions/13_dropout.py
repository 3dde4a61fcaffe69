"""Solution of exercise 13: dropout."""


def dropout(x, rate, rng):
    """The output and the mask, in this order."""
    mask = (rng.random(x.shape) >= rate) / (1 - rate)
    return x * mask, mask


def dropout_backward(g, mask):
    """The gradient with respect to `x`, for the mask of the forward pass."""
    return g * mask
