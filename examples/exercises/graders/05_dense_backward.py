"""The three gradients of a dense layer."""

from grading import normal
from grading_gradients import gradients


def grade(answer):
    """As many inputs as neurons, so that a missing .T fits and is found by its numbers."""
    inputs = {"x": normal(4, 3), "weights": normal(3, 3), "biases": normal(3)}
    gradients(answer.dense_backward, lambda x, weights, biases: x @ weights + biases, inputs)
