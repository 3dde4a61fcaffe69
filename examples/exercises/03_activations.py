"""Exercise 03. Activation functions (the book's chapter 4).

    relu(x)     =  x where x > 0, else 0
    sigmoid(x)  =  1 / (1 + e⁻ˣ)
    softmax(x)  =  eˣ / Σ eˣ, for each row: the probabilities of the classes

e⁸⁰⁰ overflows. Softmax stays the same if a number is subtracted from every score of a row. Subtract the largest score
first, so that no power is above e⁰ = 1.
"""

import numpy as np


def relu(x):
    """Return positive elements unchanged, and 0 for the others."""
    raise NotImplementedError("exercise 03, activations: relu")


def sigmoid(x):
    """Map any number to the range from 0 to 1."""
    raise NotImplementedError("exercise 03, activations: sigmoid")


def softmax(scores):
    """Turn rows of scores (samples, classes) into rows of probabilities."""
    raise NotImplementedError("exercise 03, activations: softmax")
