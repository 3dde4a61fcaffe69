"""Steps of Adam, compared with `nn.Adam`."""

import numpy as np
from grading import fixed, normal, several, values

import nn
import tensorgrad as tg

HINTS = (
    "Four lines of formulas are four lines of code, in the same order.",
    "Use separate names for m and s: the function returns mean and square, which are passed to the next step.",
    "mean = 0.9 * mean + 0.1 * g makes a new array; mean *= 0.9 would change the caller's.",
)
RATE = 0.05


def grade(answer):
    """Grade three steps with gradients so small that ε has an effect."""
    weights = tg.tensor(normal(3), requires_grad=True)
    adam = nn.Adam([weights], learning_rate=RATE)
    mean = square = fixed(np.zeros(3, dtype=np.float64))
    for t in (1, 2, 3):
        before, g = fixed(weights.data.copy()), 1e-6 * normal(3, seed=t)
        weights.grad = g
        adam.step()

        new_mean, new_square = 0.9 * mean + 0.1 * g, 0.999 * square + 0.001 * g**2
        m, s = new_mean / (1 - 0.9**t), new_square / (1 - 0.999**t)
        mistakes = {
            "wrong sign: a step uphill": before + RATE * m / (np.sqrt(s) + 1e-7),
            "no bias correction": before - RATE * new_mean / (np.sqrt(new_square) + 1e-7),
            "ε inside of the root": before - RATE * m / np.sqrt(s + 1e-7),
            "missing root": before - RATE * m / (s + 1e-7),
            "missing factor: the rate": before - m / (np.sqrt(s) + 1e-7),
        }
        returned = answer.adam_step(before, g, mean, square, t, RATE)
        names = [f"the {name} after step {t}" for name in ("weights", "mean", "square")]
        got = several(returned, *names)
        values(names[1], got[1], new_mean, {"kept corrected: m instead of mean": m})
        values(names[2], got[2], new_square, {"kept corrected: s instead of square": s})
        values(names[0], got[0], weights.data, mistakes)
        mean, square = fixed(new_mean), fixed(new_square)
