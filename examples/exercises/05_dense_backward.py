"""Exercise 05. Backpropagation of a dense layer (the book's chapter 9).

    out  =  x @ weights + biases

    x (samples, inputs)    weights (inputs, neurons)    biases (neurons,)    out (samples, neurons)

`g` is the gradient of the loss with respect to `out`, with the shape of `out`. Each gradient you return has the shape
of its input, which almost determines the formula. Every sample uses the same biases, so their gradient is a sum over
the samples.
"""

import numpy as np


def dense_backward(g, x, weights, biases):
    """Return the gradients with respect to `x`, `weights` and `biases`, in this order."""
    raise NotImplementedError("exercise 05, backward of Dense: return three gradients")
