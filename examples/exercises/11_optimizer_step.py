"""Exercise 11. A step of Adam (the book's chapter 10).

Adam keeps an exponentially decaying mean of each weight's gradients, and one of their squares. Both start at 0, so at
first they are too small. In step t = 1, 2, 3, … a division corrects them. β₁ = 0.9, β₂ = 0.999, ε = 1e-7:

    mean    =  β₁ · mean   + (1 − β₁) · g              m  =  mean   / (1 − β₁ᵗ)
    square  =  β₂ · square + (1 − β₂) · g²             s  =  square / (1 − β₂ᵗ)

    weights =  weights − rate · m / (√s + ε)

All arrays have the shape of the weights. `mean` and `square` are kept for the next step, m and s are not.
"""

import numpy as np


def adam_step(weights, g, mean, square, t, rate):
    """Return the new `weights`, `mean` and `square`, in this order, without changing the arguments."""
    raise NotImplementedError("exercise 11, a step of Adam: return weights, mean, square")
