"""Exercise 19. The overlap of boxes (chapter 28).

Two boxes are compared by their intersection over union, IoU: the area that both cover, divided by the area that at
least one of them covers. It is 1 for equal boxes, and 0 for boxes that do not touch.

- A box is `(left, top, right, bottom)`.
- The intersection extends from the larger left to the smaller right, and from the larger top to the smaller bottom.

Two boxes may be apart in one direction or in both.
"""

import numpy as np


def overlaps(box, others):
    """Return the intersection over union of `box` (4,) with each of `others` (boxes, 4): an array (boxes,)."""
    raise NotImplementedError("exercise 19, overlap of boxes: the area of the intersection over that of the union")
