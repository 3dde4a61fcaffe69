"""Cross-entropy. Each remaining error is named."""

from itertools import product

import numpy as np
from grading import values

HINTS = (
    "Print the shape after every line. Which one has more numbers than there are samples?",
    "clipped[:, classes] takes all rows for each class. One class for each row needs two lists of the same length.",
    "clipped[range(len(classes)), classes] fixes the first error. The others are a sign, and a sum instead of a mean.",
)


def grade(answer):
    """Grade with four samples, for which the loss with any combination of the three errors is known."""
    probabilities = np.array([[0.7, 0.2, 0.1], [0.0, 0.9, 0.1], [0.3, 0.3, 0.4], [0.2, 0.5, 0.3]])
    classes = np.array([0, 1, 2, 0])
    clipped = np.clip(probabilities, 1e-7, 1 - 1e-7)

    one_each = ("", clipped[range(4), classes])
    all_pairs = ("every sample with every class: each needs its own", clipped[:, classes])
    results = {}
    for (pairs, chosen), (sign, factor), (mean, reduced) in product(
        (one_each, all_pairs), (("", -1), ("wrong sign", 1)), (("", np.mean), ("missing mean", np.sum))
    ):
        results[", ".join(filter(None, (sign, mean, pairs)))] = reduced(factor * np.log(chosen))
    expected = results.pop("")
    values("cross_entropy(probabilities, classes)", answer.cross_entropy(probabilities, classes), expected, results)
