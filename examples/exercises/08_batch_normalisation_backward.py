"""Exercise 08. Backpropagation of batch normalisation (after the book; Ioffe and Szegedy, 2015).

Each feature (column) of a batch is normalised to mean 0 and variance 1, then scaled and shifted by learned factors:

    mean  =  x.mean(axis=0)             variance  =  ((x − mean)²).mean(axis=0)
    h     =  (x − mean) / √(variance + ε)             out  =  scale · h + shift

    x (samples, features)    scale, shift (features,)

x has three paths to out: directly, through the mean, and through the variance. With all three, and d = g · scale:

    gradient of x  =  (d − the mean of d − h · the mean of d · h) / √(variance + ε), the means over the samples
"""

import numpy as np


def batch_normalisation_backward(g, x, scale, shift, epsilon):
    """Return the gradients with respect to `x`, `scale` and `shift`, in this order."""
    raise NotImplementedError("exercise 08, backward of batch normalisation: compute h again, then three gradients")
