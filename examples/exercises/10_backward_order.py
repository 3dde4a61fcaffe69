"""Exercise 10. The order of backpropagation (the book's chapter 9).

A value that is used twice receives its gradient in two parts. It may be processed only when both have arrived, so it
must come after everything that was made from it. `made_from` lists what each value was made from:

    y = x · x,  loss = x + y      made_from = {"loss": ["x", "y"], "y": ["x", "x"], "x": []}

The order ["loss", "y", "x"] is correct. ["loss", "x", "y"] is wrong: it processes x before the part from y arrives.
"""


def backward_order(made_from, loss):
    """Return the names of `loss` and of everything it was made from, each once and after all of its users."""
    raise NotImplementedError("exercise 10, order of backpropagation: count the users of each value first")
