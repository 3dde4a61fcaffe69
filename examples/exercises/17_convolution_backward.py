"""Exercise 17. Convolution, backward (chapter 24).

    out[n, i, j, f]  =  Σ images[n, i + a, j + b, c] · kernels[a, b, c, f]  +  biases[f], the sum over a, b and c

`g` has the shape of `out`. Each product above passes its part of g back to both of its factors:

    images[n, i + a, j + b, c]  receives  g[n, i, j, f] · kernels[a, b, c, f]
    kernels[a, b, c, f]         receives  g[n, i, j, f] · images[n, i + a, j + b, c]

A pixel lies in several windows, and a kernel is used in all of them, so their contributions are added up.
"""

import numpy as np


def convolution_backward(g, images, kernels, biases):
    """Return the gradients with respect to `images`, `kernels` and `biases`, in this order."""
    raise NotImplementedError("exercise 17, backward of convolution: return three gradients")
