"""The penalty and its gradient."""

import numpy as np
from grading import normal, values
from grading_gradients import gradients

import tensorgrad as tg

HINTS = (
    "np.sum sums over all axes, whatever the shape.",
    "The sum has one term for each weight, so the gradient with respect to a weight is the slope of its term.",
    "The slope of strength · w² is 2 · strength · w.",
)
STRENGTH = 0.01


def grade(answer):
    """Grade with weights of both signs."""
    weights = normal(3, 2)
    mistakes = {
        "extra mean": STRENGTH * np.mean(weights**2),
        "missing factor: strength": np.sum(weights**2),
        "L1: the absolute values instead of the squares": STRENGTH * np.abs(weights).sum(),
        "squared too late: (Σ w)² instead of Σ w²": STRENGTH * np.sum(weights) ** 2,
        "half: the book has no factor 1/2": STRENGTH * np.sum(weights**2) / 2,
    }
    values("l2_penalty(weights, 0.01)", answer.l2_penalty(weights, STRENGTH), STRENGTH * np.sum(weights**2), mistakes)
    gradients(
        lambda weights: answer.l2_gradient(weights, STRENGTH),
        lambda weights: STRENGTH * tg.sum(weights**2),
        {"weights": weights},
        {"missing factor: strength": lambda weights: tg.sum(weights**2)},
        takes_g=False,
    )
