"""Exercise 18. Max-pooling, backward (chapter 24).

The image is cut into squares of size × size pixels, and the largest pixel of each square is kept:

    images (samples, height, width, channels)    out (samples, height / size, width / size, channels)

Only the largest pixel of a square influences `out`. It receives all of the square's gradient `g`, and the
others receive 0. Every channel of every image has its own largest pixels. No two pixels are equal here.
"""

import numpy as np


def max_pool_backward(g, images, size):
    """Return the gradient with respect to `images`."""
    raise NotImplementedError("exercise 18, backward of max-pooling: the largest pixel of each square receives g")
