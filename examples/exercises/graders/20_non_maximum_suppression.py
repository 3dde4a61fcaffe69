"""Non-maximum suppression of boxes in a chain."""

import numpy as np
from grading import fixed, values

HINTS = (
    "np.argsort(-scores) returns the indices of the boxes, best first. Keep the first of them.",
    "Filter what is left: waiting = waiting[overlaps[best, waiting] <= threshold]. That removes the best box, "
    "too, as it overlaps itself by 1.",
    "while len(waiting): best, waiting = waiting[0], waiting[1:]; keep best; filter waiting.",
)
SCORES = fixed(np.array([0.6, 0.9, 0.7, 0.4, 0.8, 0.5]))
PAIRS = {(1, 4): 0.7, (4, 2): 0.6, (0, 3): 0.5, (2, 5): 0.55, (1, 0): 0.2}
"""A chain: box 1 removes 4, so that 4 does not remove 2, and 2 removes 5. Boxes 0 and 3 overlap by the threshold."""


def grade(answer):
    """Grade with a chain of boxes and a pair at the threshold, then with a single box and with none."""
    overlaps = np.eye(6)
    for (i, j), overlap in PAIRS.items():
        overlaps[i, j] = overlaps[j, i] = overlap
    fixed(overlaps)
    right = [1, 2, 0, 3]
    every, better = range(6), SCORES[:, None] > SCORES
    not_only_kept = [i for i in np.argsort(-SCORES) if not any(overlaps[i, j] > 0.5 and better[j, i] for j in every)]
    mistakes = {
        "removed boxes still remove others": not_only_kept,
        "in the order of the boxes: the best comes first": sorted(right),
        "reversed: the best comes first": right[::-1],
        "a box at the threshold is kept: more than the threshold removes": [1, 2, 0],
        "worst first: start with the highest score": _suppressed(overlaps, -SCORES),
        "the scores: return the indices of the boxes": SCORES[right],
        "a mask: return the indices of the boxes": np.isin(every, right),
        "turned around: those that overlap by more than the threshold are removed": [1, 4],
        "nothing is removed": np.argsort(-SCORES),
        "only the best: repeat with the boxes that are left": [1],
        "the others: those that overlap are removed": [4, 5],
    }
    values("suppressed(overlaps, scores, 0.5)", answer.suppressed(overlaps, SCORES, 0.5), right, mistakes)
    values("for a single box", answer.suppressed(fixed(np.eye(1)), SCORES[:1], 0.5), [0])
    values("for no boxes", answer.suppressed(fixed(np.eye(0)), SCORES[:0], 0.5), [])


def _suppressed(overlaps, scores):
    kept, waiting = [], np.argsort(-scores)
    while waiting.size:
        kept.append(waiting[0])
        waiting = waiting[overlaps[waiting[0], waiting] <= 0.5]
    return kept
