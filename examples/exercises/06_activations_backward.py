"""Exercise 06. Backpropagation of activation functions (the book's chapters 9 and 16).

An activation acts on each element separately, so the chain rule is an elementwise product:

    gradient with respect to x  =  g · (the slope of the function at x)

    relu:     the slope is 1 where x > 0, else 0
    sigmoid:  the slope is s · (1 − s), where s = sigmoid(x)

`g` is the gradient of the loss with respect to the result, with the shape of x.
"""

import numpy as np


def relu_backward(g, x):
    """Return the gradient with respect to `x`."""
    raise NotImplementedError("exercise 06, backward of activations: relu")


def sigmoid_backward(g, x):
    """Return the gradient with respect to `x`."""
    raise NotImplementedError("exercise 06, backward of activations: sigmoid")
