"""The three gradients of a convolution."""

import numpy as np
from grading import normal
from grading_gradients import correct, gradients

import nn

HINTS = (
    "Start with np.zeros of the shape of images and of kernels. Loop over the positions i and j of g, as in the "
    "forward pass, and add to both.",
    "At each position: d_images[:, i : i + rows, j : j + columns] += g[:, i, j] times the kernels, the sum over the "
    "filters. np.tensordot(g[:, i, j], kernels, axes=(1, 3)) has the shape of the window.",
    "d_kernels += np.tensordot(window, g[:, i, j], axes=(0, 0)), the sum over the samples. The biases are added "
    "everywhere: g.sum(axis=(0, 1, 2)).",
)


def grade(answer):
    """Grade with overlapping windows, and as many channels as filters, so that a transposed kernel fits."""
    inputs = {"images": normal(1, 3, 3, 2), "kernels": normal(2, 2, 2, 2), "biases": normal(2)}
    g, (d_images, d_kernels, d_biases) = correct(nn.functional.conv2d, inputs)
    kernels = inputs["kernels"]

    def of_the_images(kernels, *, overwrite=False):
        found = np.zeros((1, 3, 3, 2), dtype=np.float64)
        for i in range(2):
            for j in range(2):
                part = np.tensordot(g[:, i, j], kernels, axes=(1, 3))
                found[:, i : i + 2, j : j + 2] = part + (0 if overwrite else found[:, i : i + 2, j : j + 2])
        return found

    of_the_images_only = {
        "overwritten: windows overlap, so add up (+=)": of_the_images(kernels, overwrite=True),
        "reversed: the kernel is flipped": of_the_images(kernels[::-1, ::-1]),
        "transposed: channels and filters of the kernel": of_the_images(kernels.swapaxes(2, 3)),
        "transposed: rows and columns of the kernel": of_the_images(kernels.swapaxes(0, 1)),
    }
    mistakes = {mistake: [numbers, d_kernels, d_biases] for mistake, numbers in of_the_images_only.items()}
    last = np.tensordot(inputs["images"][:, 1:, 1:], g[:, 1, 1], axes=(0, 0))
    mistakes["overwritten: the kernels are used in all windows, so add up (+=)"] = [d_images, last, d_biases]
    gradients(answer.convolution_backward, nn.functional.conv2d, inputs, mistakes)
