"""A sample with its gradients, and the divergence."""

import numpy as np
from grading import normal, values
from grading_gradients import correct, gradients

import tensorgrad as tg

HINTS = (
    "The deviation is np.exp(log_variance / 2), which is positive whatever number the encoder returns.",
    "z depends on log_variance through the exponential: its slope is the exponential itself, times the inner slope ½.",
    "Divergence: .sum(axis=1) over the features, then .mean() over the samples; the variance is np.exp(log_variance).",
)


def grade(answer):
    """Grade with logarithms of both signs."""
    mean, log_variance, noise = (normal(3, 2, seed=seed) for seed in range(3))
    variance, deviation = np.exp(log_variance), np.exp(log_variance / 2)
    mistakes = {
        "the variance instead of the deviation: halve the logarithm": mean + variance * noise,
        "the logarithm itself: missing exponential": mean + log_variance * noise,
        "half of the logarithm: missing exponential": mean + log_variance / 2 * noise,
        "the noise is not scaled": mean + noise,
        "missing mean": deviation * noise,
        "wrong sign of the logarithm": mean + noise / deviation,
    }
    values("the sample z", answer.sample(mean, log_variance, noise), mean + deviation * noise, mistakes)

    inputs = {"mean": mean, "log_variance": log_variance}
    expression = lambda mean, log_variance: mean + tg.exp(log_variance / 2) * noise  # noqa: E731
    g, [d_mean, right] = correct(expression, inputs)
    mistakes = {
        "missing factor: the inner slope ½": [d_mean, 2 * right],
        "missing factor: the noise": [d_mean, g * deviation / 2],
        "missing factor: the deviation, the slope of the exponential": [d_mean, g * noise / 2],
        "the gradient of the deviation, not of the logarithm of the variance": [d_mean, g * noise],
        "the variance instead of the deviation": [d_mean, g * noise * variance / 2],
    }
    gradients(lambda g, *inputs: answer.sample_backward(g, *inputs, noise), expression, inputs, mistakes)

    terms = mean**2 + variance - log_variance - 1
    mistakes = {
        "wrong sign": -terms.sum(axis=1).mean() / 2,
        "missing factor ½": terms.sum(axis=1).mean(),
        "missing mean over the samples": terms.sum() / 2,
        "extra mean: add up over the features": terms.mean() / 2,
        "the logarithm instead of the variance: missing exponential": (mean**2 - 1).sum(axis=1).mean() / 2,
        "the mean is not squared": (terms - mean**2 + mean).sum(axis=1).mean() / 2,
        "missing 1: the divergence of the standard normal distribution is 0": (terms + 1).sum(axis=1).mean() / 2,
        "one number for each sample: missing mean": terms.sum(axis=1) / 2,
    }
    values("divergence", answer.divergence(mean, log_variance), terms.sum(axis=1).mean() / 2, mistakes)
