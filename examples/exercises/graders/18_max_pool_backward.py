"""The gradient of max-pooling."""

from functools import partial

import numpy as np
from grading import normal
from grading_gradients import correct, gradients

import nn

HINTS = (
    "g has one number for each square, images one for each pixel. First enlarge g to the size of the "
    "image: np.repeat along the axes 1 and 2.",
    "A pixel is the largest of its square where it equals the square's maximum. "
    "images.reshape(samples, rows, size, columns, size, channels).max(axis=(2, 4)) returns the maxima.",
    "np.where(images == repeated maxima, repeated g, 0.0) is the gradient.",
)


def grade(answer):
    """Grade with two channels whose largest pixels are in different places."""
    inputs, pool = {"images": normal(1, 4, 4, 2)}, partial(nn.functional.max_pool2d, size=2)
    g, [right] = correct(pool, inputs)
    spread = g.repeat(2, axis=1).repeat(2, axis=2)
    largest = (right != 0).any(axis=3, keepdims=True)
    mistakes = {
        "unexpected gradient: all pixels of a square receive g, not only the largest": [spread],
        "divided among the square: that is average pooling": [spread / 4],
        "the largest pixels of one channel receive the gradients of all": [np.where(largest, spread, 0.0)],
        "not the chain rule: g is not used": [np.where(right != 0, 1.0, 0.0)],
        "not the chain rule: the maxima instead of g": [np.where(right != 0, inputs["images"], 0.0)],
    }
    gradients(lambda g, images: answer.max_pool_backward(g, images, 2), pool, inputs, mistakes)
