"""Sums over broadcast axes."""

from grading import normal
from grading_gradients import gradients

import tensorgrad as tg

HINTS = (
    "There are g.ndim - len(shape) axes in front. They come first, so their numbers are 0, 1, …",
    "sum takes several axes at once: g.sum(axis=(0, 1)). An empty tuple sums over nothing.",
    "After the first sum, collect the axes whose length in shape is 1, and sum over them with keepdims=True.",
)


def grade(answer):
    """Grade with axes in front, axes of length 1, both, a single number, and equal shapes."""
    for small, large in [((4, 3), (4, 3)), ((3,), (4, 3)), ((4, 1), (4, 3)), ((1, 3), (2, 4, 3)), ((), (4, 3))]:
        gradients(
            lambda g, x, shape=small: answer.unbroadcast(g, shape),
            lambda x, shape=large: tg.broadcast_to(x, shape),
            {"x": normal(*small)},
        )
