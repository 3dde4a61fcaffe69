"""Exercise 02. Shapes and axes (the book's chapters 2 and 13).

In a batch each row is a sample and each column a feature. axis=0 goes down the rows, and what is left is one number for
each column. axis=1 goes along the columns, and what is left is one number for each row:

    x (4, 3)    x.sum(axis=0) (3,)    x.sum(axis=1) (4,)    x.sum(axis=1, keepdims=True) (4, 1)

NumPy lines shapes up from the right: (3,) meets every row, (4, 1) meets every column. A wrong one can fit by chance.
"""

import numpy as np


def centred(x):
    """`x` less the mean of each column: every feature then has the mean 0."""
    raise NotImplementedError("exercise 02, shapes: subtract from every column its mean")


def shares(x):
    """`x` divided by the sum of each row: every row then has the sum 1."""
    raise NotImplementedError("exercise 02, shapes: divide every row by its sum")
