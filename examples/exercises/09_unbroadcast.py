"""Exercise 09. Undoing broadcasting (the book's chapter 9: why are the gradients of biases sums?).

When shapes differ, NumPy spreads the smaller one: biases (3,) meet every row of a batch (4, 3). What is used four times
gets a gradient four times, and the gradients add up. So the way back from `g` to the smaller shape is a sum

    - over each axis that was put in front:      (4, 3) from (3,)     sum over axis 0, which goes away
    - over each axis that had the length 1:      (4, 3) from (4, 1)   sum over axis 1, which stays, with length 1
"""

import numpy as np


def unbroadcast(g, shape):
    """The gradient with respect to an array x of this `shape`. `g` is that of what x was broadcast to."""
    raise NotImplementedError("exercise 09, unbroadcast: add up over the axes in front, then over those of length 1")
