"""Solution of exercise 17: convolution, backward."""

import numpy as np


def convolution_backward(g, images, kernels, biases):
    """Return the gradients with respect to `images`, `kernels` and `biases`, in this order."""
    rows, columns = kernels.shape[:2]
    d_images, d_kernels = np.zeros(images.shape), np.zeros(kernels.shape)
    for i in range(g.shape[1]):
        for j in range(g.shape[2]):
            window = images[:, i : i + rows, j : j + columns]
            d_images[:, i : i + rows, j : j + columns] += np.tensordot(g[:, i, j], kernels, axes=(1, 3))
            d_kernels += np.tensordot(window, g[:, i, j], axes=(0, 0))
    return d_images, d_kernels, g.sum(axis=(0, 1, 2))
