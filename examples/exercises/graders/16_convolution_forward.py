"""The outputs of a convolution without padding."""

import numpy as np
from grading import normal, values
from numpy.lib.stride_tricks import sliding_window_view

HINTS = (
    "Two loops, over i and j, are enough: images[:, i : i + height, j : j + width] is the same window of all images.",
    "A window (samples, kernel height, kernel width, channels) and the kernels share three axes, over which to sum: "
    "np.tensordot(window, kernels, axes=3).",
    "Make out = np.empty((samples, windows down, windows across, filters)) first, and set out[:, i, j] in the loops.",
)


def grade(answer):
    """Grade with square kernels, for which a wrong order of the axes fits, then with kernels that are not square."""
    for shape in (2, 2), (1, 3):
        images, kernels, biases = normal(2, 4, 5, 3), normal(*shape, 3, 2), normal(2)
        expected = convolved(images, kernels) + biases
        padding = [(0, 0), (0, shape[0] - 1), (0, shape[1] - 1), (0, 0)]
        mistakes = {
            "reversed: the kernel is not flipped": convolved(images, kernels[::-1, ::-1]) + biases,
            "missing biases": convolved(images, kernels),
            "too few windows: there are height − kernel height + 1": expected[:, :-1, :-1],
            "padded: the kernel stays inside the image": convolved(np.pad(images, padding), kernels) + biases,
            "only the first channel is used": convolved(images[..., :1], kernels[:, :, :1]) + biases,
            "extra mean: the products are added up": convolved(images, kernels) / kernels[..., 0].size + biases,
        }
        if shape[0] == shape[1]:
            mistakes["transposed: rows and columns of the kernel"] = (
                convolved(images, kernels.transpose(1, 0, 2, 3)) + biases
            )
        values(f"convolution, kernels {kernels.shape}", answer.convolution(images, kernels, biases), expected, mistakes)


def convolved(images, kernels):
    """Return the sums without biases."""
    windows = sliding_window_view(images, kernels.shape[:2], axis=(1, 2))
    return np.einsum("nijcab,abcf->nijf", windows, kernels)
