"""Intersection over union, including boxes that do not overlap."""

import numpy as np
from grading import fixed, values

HINTS = (
    "others[:, 0] are the left sides of all other boxes: np.maximum(box[0], others[:, 0]) are those of the "
    "intersections.",
    "Where boxes lie apart, right − left is negative. It becomes 0 with np.maximum(0, …), for width and for height, "
    "before they are multiplied.",
    "The union is the area of box plus that of the others minus the intersection, which both areas contain.",
)
BOX = fixed(np.array([1.0, 1.0, 5.0, 4.0]))
OTHERS = fixed(
    np.array(
        [
            [3.0, 2.0, 7.0, 8.0],  # they share a corner
            [1.0, 1.0, 5.0, 4.0],  # equal
            [2.0, 2.0, 3.0, 3.0],  # inside
            [6.0, 1.0, 9.0, 4.0],  # to the right
            [7.0, 6.0, 9.0, 9.0],  # to the right and below
        ]
    )
)


def grade(answer):
    """Grade with boxes in five positions."""
    sides = np.minimum(BOX[2:], OTHERS[:, 2:]) - np.maximum(BOX[:2], OTHERS[:, :2])
    shared = np.maximum(0, sides).prod(axis=1)
    areas = (OTHERS[:, 2:] - OTHERS[:, :2]).prod(axis=1)
    own = (BOX[2:] - BOX[:2]).prod()
    product = np.maximum(0, sides.prod(axis=1))
    unclipped = sides.prod(axis=1)
    smallest = (np.maximum(BOX[2:], OTHERS[:, 2:]) - np.minimum(BOX[:2], OTHERS[:, :2])).prod(axis=1)
    expected = shared / (own + areas - shared)
    mistakes = {
        "negative sides: two of them have a positive product, so clip each": product / (own + areas - product),
        "negative sides: clip width and height at 0": unclipped / (own + areas - unclipped),
        "the intersection is counted twice: subtract it from the sum of the areas": shared / (own + areas),
        "divided by the area of the box, not of the union": shared / own,
        "divided by the areas of the others, not of the union": shared / areas,
        "divided by the smallest box around both, not by the union": shared / smallest,
        "the area of the intersection: divide by that of the union": shared,
        "upside down: the union over the intersection": (own + areas - shared) / np.where(shared, shared, np.nan),
    }
    values("overlaps(box, others)", answer.overlaps(BOX, OTHERS), expected, mistakes)
