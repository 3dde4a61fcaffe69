"""The three gradients of batch normalisation."""

from grading import normal
from grading_gradients import gradients

import tensorgrad as tg

HINTS = (
    "shift is added to every sample and scale is a factor of every sample, so both gradients are sums over axis 0.",
    "Compute h again, with np.sqrt(x.var(axis=0) + epsilon). scale receives (g * h).sum(axis=0).",
    "d = g * scale; x receives (d - d.mean(axis=0) - h * (d * h).mean(axis=0)) / root.",
)
EPSILON = 1e-3


def normalised(*, mean_path=True, variance_path=True):
    """Return the forward pass. Without a path, its value is treated as a constant."""

    def forward(x, scale, shift):
        mean = tg.mean(x, axis=0)
        variance = tg.mean((x - mean) ** 2, axis=0)
        mean = mean if mean_path else mean.detach()
        variance = variance if variance_path else variance.detach()
        return scale * ((x - mean) / tg.sqrt(variance + EPSILON)) + shift

    return forward


def grade(answer):
    """Recognise a missing path by leaving it out of the correct expression, too."""
    gradients(
        lambda g, x, scale, shift: answer.batch_normalisation_backward(g, x, scale, shift, EPSILON),
        normalised(),
        {"x": normal(4, 3), "scale": normal(3), "shift": normal(3, seed=2)},
        {
            "blocked: the path through the mean is missing": normalised(mean_path=False),
            "blocked: the path through the variance is missing": normalised(variance_path=False),
            "blocked: the paths through the mean and the variance are missing": normalised(
                mean_path=False, variance_path=False
            ),
        },
    )
