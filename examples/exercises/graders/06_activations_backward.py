"""The slopes of ReLU and sigmoid."""

from grading import normal
from grading_gradients import gradients

import tensorgrad as tg

HINTS = (
    "g is a factor of both answers. What is missing is the slope at each x.",
    "ReLU: np.where(x > 0, …, 0.0) lets g pass where x is positive.",
    "Sigmoid: compute s = 1 / (1 + np.exp(-x)) first; the answer is g * s * (1 - s).",
)


def grade(answer):
    """Grade with x and g of both signs."""
    mistakes = {"blocked: x > 0 is, and the rest passes": lambda x: tg.minimum(x, 0.0)}
    gradients(answer.relu_backward, lambda x: tg.maximum(x, 0.0), {"x": normal(2, 3)}, mistakes)
    gradients(answer.sigmoid_backward, lambda x: 1 / (1 + tg.exp(-x)), {"x": normal(2, 3)})
