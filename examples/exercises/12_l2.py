"""Exercise 12. L2 regularisation (the book's chapter 14).

L2 regularisation penalises large weights. The penalty is added to the loss, and its gradient to that of the weights:

    penalty  =  strength · Σ w², over all weights: one number

`strength` (the book's λ) is a number, `weights` an array of any shape.
"""

import numpy as np


def l2_penalty(weights, strength):
    """Return the penalty."""
    raise NotImplementedError("exercise 12, L2: the penalty")


def l2_gradient(weights, strength):
    """Return the gradient of the penalty with respect to `weights`."""
    raise NotImplementedError("exercise 12, L2: its gradient")
