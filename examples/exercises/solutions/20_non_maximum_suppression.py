"""Solution of exercise 20: non-maximum suppression."""

import numpy as np


def suppressed(overlaps, scores, threshold):
    """Return the indices of the boxes to keep, best first; `overlaps` is (boxes, boxes), `scores` (boxes,)."""
    kept, waiting = [], np.argsort(-scores)
    while len(waiting):
        best, waiting = waiting[0], waiting[1:]
        kept.append(best)
        waiting = waiting[overlaps[best, waiting] <= threshold]
    return kept
