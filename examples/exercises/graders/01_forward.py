"""The outputs of a dense layer."""

from grading import normal, values

HINTS = (
    "A matrix product sums over the inputs, the last axis of x and the first of weights.",
    "x @ weights has the shape (samples, neurons). The biases (neurons,) broadcast to every row.",
    "return x @ weights + biases",
)


def grade(answer):
    """Grade with square weights, so that their transpose fits as well."""
    x, weights, biases = normal(4, 3), normal(3, 3), normal(3)
    mistakes = {
        "transposed: x @ weights.T": x @ weights.T + biases,
        "missing biases": x @ weights,
        "wrong sign of the biases": x @ weights - biases,
    }
    values("dense(x, weights, biases)", answer.dense(x, weights, biases), x @ weights + biases, mistakes)
