"""Batch normalisation in training and in evaluation."""

import numpy as np
from grading import normal, positive, several, values

HINTS = (
    "Mean and variance are taken over the samples, axis 0. Both have the shape (features,) and broadcast to x.",
    "np.var(x, axis=0) divides by samples, np.var(x, axis=0, ddof=1) by samples − 1. Only the running variance uses "
    "the second.",
    "h = (x - x.mean(axis=0)) / np.sqrt(x.var(axis=0) + epsilon). Evaluation is the same line with running_mean and "
    "running_variance.",
)
EPSILON, MOMENTUM = 0.05, 0.9


def grade(answer):
    """Grade with statistics far from 0 and 1, and an ε large enough to have an effect."""
    x, scale, shift = 2 * normal(4, 4) + 1, positive(4), normal(4)
    mean, variance = positive(4) + 1, positive(4)

    def output(mean, variance):
        return scale * (x - mean) / np.sqrt(variance + EPSILON) + shift

    def in_words(mean, variance):
        return {
            "ε outside of the root": scale * (x - mean) / (np.sqrt(variance) + EPSILON) + shift,
            "missing ε": scale * (x - mean) / np.sqrt(variance) + shift,
            "missing root": scale * (x - mean) / (variance + EPSILON) + shift,
            "missing scale and shift": (x - mean) / np.sqrt(variance + EPSILON),
        }

    rows = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    batch, unbiased = (x.mean(axis=0), x.var(axis=0)), x.var(axis=0, ddof=1)
    names = "the output in training", "the new running mean", "the new running variance"
    returned = answer.training(x, scale, shift, mean, variance, MOMENTUM, EPSILON)
    got = several(returned, *names)
    mistakes = {
        "wrong axis: the statistics of each row": output(*rows),
        "the unbiased variance: the batch itself is normalised with the biased one": output(batch[0], unbiased),
        "the running statistics: in training, use those of the batch": output(mean, variance),
        **in_words(*batch),
    }
    values(names[0], got[0], output(*batch), mistakes)
    mistakes = {
        "the factors are swapped: momentum belongs to the old value": 0.1 * mean + 0.9 * batch[0],
        "not averaged: this is the mean of the batch": batch[0],
        "not updated": mean,
    }
    values(names[1], got[1], 0.9 * mean + 0.1 * batch[0], mistakes)
    mistakes = {
        "biased: divide by samples − 1": 0.9 * variance + 0.1 * batch[1],
        "the factors are swapped: momentum belongs to the old value": 0.1 * variance + 0.9 * unbiased,
        "not averaged: this is the variance of the batch": unbiased,
        "not updated": variance,
    }
    values(names[2], got[2], 0.9 * variance + 0.1 * unbiased, mistakes)

    mistakes = {
        "the statistics of the batch: in evaluation, use the running ones": output(*batch),
        **in_words(mean, variance),
    }
    got = answer.evaluation(x, scale, shift, mean, variance, EPSILON)
    values("the output in evaluation", got, output(mean, variance), mistakes)
