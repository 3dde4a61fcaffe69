"""The three gradients of a dense layer."""

from grading import normal
from grading_gradients import gradients

HINTS = (
    "Write down the shapes of g, x and weights. Only one product of two of them has the shape of weights.",
    "(inputs, samples) @ (samples, neurons) has the shape of weights: x must be transposed.",
    "g @ weights.T for x, x.T @ g for weights, and the sum over the samples, axis 0, for biases.",
)


def grade(answer):
    """Grade with as many inputs as neurons, so that a missing .T fits and is recognised by its numbers."""
    inputs = {"x": normal(3, 2), "weights": normal(2, 2), "biases": normal(2)}
    gradients(answer.dense_backward, lambda x, weights, biases: x @ weights + biases, inputs)
