"""Exercise 16. Convolution, forward (chapter 24).

A kernel moves over the image. At each position, the pixels under it are multiplied by its weights and added up:

    out[n, i, j, f]  =  Σ images[n, i + a, j + b, c] · kernels[a, b, c, f]  +  biases[f], the sum over a, b and c

    images (samples, height, width, channels)    kernels (kernel height, kernel width, channels, filters)
    biases (filters,)                            out (samples, windows down, windows across, filters)

The kernel stays inside the image, so there are height − kernel height + 1 windows down.
"""

import numpy as np


def convolution(images, kernels, biases):
    """Return the outputs of all filters at all positions, for all images."""
    raise NotImplementedError("exercise 16, convolution: add up each window times each kernel")
