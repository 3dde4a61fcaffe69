"""Solution of exercise 19: the overlap of boxes."""

import numpy as np


def overlaps(box, others):
    """Return the intersection over union of `box` (4,) with each of `others` (boxes, 4): an array (boxes,)."""
    width = np.minimum(box[2], others[:, 2]) - np.maximum(box[0], others[:, 0])
    height = np.minimum(box[3], others[:, 3]) - np.maximum(box[1], others[:, 1])
    shared = np.maximum(0, width) * np.maximum(0, height)
    area = (box[2] - box[0]) * (box[3] - box[1])
    areas = (others[:, 2] - others[:, 0]) * (others[:, 3] - others[:, 1])
    return shared / (area + areas - shared)
