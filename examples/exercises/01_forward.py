"""Exercise 01. The forward pass of a dense layer (the book's chapters 2 and 3).

Every neuron multiplies each input by a weight, and adds the products and its bias. For a whole batch:

    out[i, k]  =  Σⱼ x[i, j] · weights[j, k]  +  biases[k]

    x (samples, inputs)    weights (inputs, neurons)    biases (neurons,)    out (samples, neurons)
"""

import numpy as np


def dense(x, weights, biases):
    """Return the outputs of all neurons for all samples."""
    raise NotImplementedError("exercise 01, forward pass: return x times weights, plus biases")
