"""The fraction that is dropped and the scale of the rest, over 10,000 draws."""

import numpy as np
from grading import Wrong, fixed, normal, positive, several, values
from grading_gradients import gradients

HINTS = (
    "rng.random(x.shape) < rate is True with the probability rate. These values are dropped.",
    "(rng.random(x.shape) >= rate) / (1 - rate) is the whole mask: True counts as 1.",
    "out = x * mask is a product with a constant, so the backward pass is g * mask.",
)


def grade(answer):
    """Grade with a rate that differs from 1 - rate."""
    rate, x = 0.2, positive(100, 100)
    out, mask = several(answer.dropout(x, rate, np.random.default_rng(0)), "the output", "the mask")
    if mask.shape != x.shape:
        raise Wrong("wrong shape", f"expected a mask {x.shape}, got {mask.shape}.")
    dropped = float(np.mean(mask == 0))
    if abs(dropped - (1 - rate)) < 0.03:
        raise Wrong("rate is the fraction that is dropped, not kept", f"rate {rate}: {dropped:.0%} are 0.")
    if abs(dropped - rate) > 0.03:
        raise Wrong("wrong fraction", f"expected {rate:.0%} zeros in the mask, got {dropped:.0%}.")
    scale = np.full(x.shape, 1 / (1 - rate))
    mistakes = {
        "missing factor 1 / (1 - rate)": mask != 0,
        "factor 1 / rate instead of 1 / (1 - rate)": mask.astype(bool) / rate,
    }
    values("the mask", mask, np.where(mask == 0, 0.0, scale), mistakes)
    values("the output", out, x * mask, {"the mask is not used": x})

    mask = fixed(np.array([[0.0, 1.25, 1.25], [1.25, 0.0, 1.25]]))
    gradients(
        lambda g, x: answer.dropout_backward(g, mask),
        lambda x: x * mask,
        {"x": normal(2, 3)},
        {"the mask is not used": lambda x: x, "missing factor 1 / (1 - rate)": lambda x: x * np.sign(mask)},
    )
