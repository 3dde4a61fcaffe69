"""Exercise 02. Shapes and axes (the book's chapters 2 and 13).

In a batch, each row is a sample and each column a feature. A sum over axis=0 adds up the rows and leaves one number for
each column. A sum over axis=1 adds up the columns and leaves one number for each row:

    x (4, 3)    x.sum(axis=0) (3,)    x.sum(axis=1) (4,)    x.sum(axis=1, keepdims=True) (4, 1)

NumPy aligns shapes from the right: (3,) is combined with every row, (4, 1) with every column. A wrong shape can fit by
chance.
"""

import numpy as np


def centred(x):
    """Return `x` minus the mean of each column, so that every feature has the mean 0."""
    raise NotImplementedError("exercise 02, shapes: subtract its mean from every column")


def fractions(x):
    """Return `x` divided by the sum of each row, so that every row sums to 1."""
    raise NotImplementedError("exercise 02, shapes: divide every row by its sum")
