"""Exercise 14. A new operation for the engine (the book's chapters 8 and 9).

`@tg.op` makes an operation from a forward pass and a derivative rule for each input:

    rule(g, …)  =  g · (the derivative with respect to this input)

The names of a rule's parameters say what it needs: inputs by their names, `out` for the result. The operation is Swish:

    swish(x, beta)  =  x · s,  where s = sigmoid(beta · x); the slope of sigmoid is s · (1 − s)

x occurs twice, so its derivative has two parts. The engine undoes broadcasting, so beta may be a single number.
Rules made of operators and NumPy's functions can be differentiated again.
"""

import numpy as np

import tensorgrad as tg


def by_x(g, x, beta):
    """Return the gradient with respect to `x`."""
    raise NotImplementedError("exercise 14, a new operation: the rule of x")


def by_beta(g, x, beta):
    """Return the gradient with respect to `beta`, in the shape of the result."""
    raise NotImplementedError("exercise 14, a new operation: the rule of beta")


@tg.op(x=by_x, beta=by_beta)
def swish(x, beta):
    """A smooth ReLU (Ramachandran, Zoph and Le, 2017)."""
    return x / (1 + np.exp(-beta * x))
