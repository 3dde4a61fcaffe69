"""Exercise 09. Undoing broadcasting (the book's chapter 9: why are the gradients of biases sums?).

When shapes differ, NumPy broadcasts the smaller array: biases (3,) are added to every row of a batch (4, 3). Each bias
is used four times and receives four gradients, which add up. So the gradient in the smaller shape is a sum of `g`

    - over each axis that was added in front:    (4, 3) from (3,)     sum over axis 0, which disappears
    - over each axis that had the length 1:      (4, 3) from (4, 1)   sum over axis 1, which is kept with length 1
"""

import numpy as np


def unbroadcast(g, shape):
    """Return the gradient with respect to an array of this `shape`; `g` is the gradient of the broadcast array."""
    raise NotImplementedError("exercise 09, unbroadcast: sum over the axes in front, then over those of length 1")
