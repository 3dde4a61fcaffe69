"""Exercise 13. Dropout (the book's chapter 15).

In training, each value becomes 0 with the probability `rate`. The others are divided by 1 − rate, so that the expected
value is unchanged. Both are done by a mask of the shape of x, which is drawn anew in each forward pass:

    mask  =  0 with the probability rate, else 1 / (1 − rate)            out  =  x · mask

In the backward pass, the gradient is multiplied by the same mask.
`rng.random(shape)` returns numbers between 0 and 1, uniformly distributed.
"""

import numpy as np


def dropout(x, rate, rng):
    """Return the output and the mask, in this order."""
    raise NotImplementedError("exercise 13, dropout: draw the mask, return x * mask and mask")


def dropout_backward(g, mask):
    """Return the gradient with respect to `x`, for the mask of the forward pass."""
    raise NotImplementedError("exercise 13, dropout: backward")
