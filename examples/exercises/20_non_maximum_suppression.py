"""Exercise 20. Non-maximum suppression (chapter 28).

A detector finds the same object several times, in boxes that overlap. Only the best box of each object is kept:

1. Keep the remaining box with the highest score.
2. Remove every other box that overlaps it by more than the threshold.
3. Repeat until no box is left.

A box that was removed removes no others. `overlaps[i, j]` is the intersection over union of the boxes i and j, from
exercise 19.
"""

import numpy as np


def suppressed(overlaps, scores, threshold):
    """Return the indices of the boxes to keep, best first; `overlaps` is (boxes, boxes), `scores` (boxes,)."""
    raise NotImplementedError("exercise 20, non-maximum suppression: keep the best, remove what overlaps it, repeat")
