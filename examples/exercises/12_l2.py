"""Exercise 12. L2 regularisation (the book's chapter 14).

Large weights are made to cost something. The penalty joins the loss, and its gradient joins that of the weights:

    penalty  =  strength · Σ w², over all weights: one number

`strength` (the book's λ) is a number, `weights` an array of any shape.
"""

import numpy as np


def l2_penalty(weights, strength):
    """What the weights cost."""
    raise NotImplementedError("exercise 12, L2: the penalty")


def l2_gradient(weights, strength):
    """The gradient of the penalty with respect to `weights`."""
    raise NotImplementedError("exercise 12, L2: its gradient")
