"""Exercise 03. Activation functions (the book's chapter 4).

    relu(x)     =  x where x > 0, else 0
    sigmoid(x)  =  1 / (1 + e⁻ˣ)
    softmax(x)  =  eˣ / Σ eˣ, for each row: the probabilities of the classes

e⁸⁰⁰ is more than a float can hold. Softmax stays the same if a number is taken off every score of a row; take the
largest one off first, and no power is above e⁰ = 1.
"""

import numpy as np


def relu(x):
    """What is positive passes."""
    raise NotImplementedError("exercise 03, activations: relu")


def sigmoid(x):
    """Any number becomes one between 0 and 1."""
    raise NotImplementedError("exercise 03, activations: sigmoid")


def softmax(scores):
    """Rows of scores (samples, classes) become rows of probabilities."""
    raise NotImplementedError("exercise 03, activations: softmax")
