"""Exercise 10. The order of backpropagation (the book's chapter 9).

A value that is used twice gets its gradient in two parts. It may pass it on only when both have arrived: a value has
its turn after everything that was made from it. `made_from` says what each value was made from:

    y = x · x,  loss = x + y      made_from = {"loss": ["x", "y"], "y": ["x", "x"], "x": []}

Right is ["loss", "y", "x"]. Wrong is ["loss", "x", "y"]: when x has its turn, the part from y is still to come.
"""


def backward_order(made_from, loss):
    """The names of `loss` and of all it was made from, directly or not: each once, and after all that use it."""
    raise NotImplementedError("exercise 10, order of backpropagation: count the users of each value first")
