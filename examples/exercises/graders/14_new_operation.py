"""A new operation: its values, and its first and second derivatives."""

from grading import normal
from grading_gradients import operation

import tensorgrad as tg

HINTS = (
    "Both rules need s again: s = 1 / (1 + np.exp(-beta * x)).",
    "x · s is a product of two functions of x: s + x · (the slope of s), where the slope has the inner factor beta.",
    "beta occurs only in s: its rule is g · x · s · (1 − s) · (the inner slope, x).",
)


def grade(answer):
    """Grade with one beta for each feature, and with one for all."""
    for beta in (normal(3), normal()):
        operation(answer.swish, lambda x, beta: x * tg.sigmoid(beta * x), {"x": normal(2, 3), "beta": beta})
