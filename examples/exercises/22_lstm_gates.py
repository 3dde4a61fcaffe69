"""Exercise 22. The gates of an LSTM (chapter 30).

An LSTM keeps a cell beside its state. Gates, numbers between 0 and 1, decide what is written to the cell, what is kept
of it, and what is read from it. `scores` holds four blocks (samples, units), side by side, in this order:

    i = sigmoid(first)    f = sigmoid(second)    n = tanh(third)    o = sigmoid(fourth)

    new cell  =  f · cell  +  i · n            new state  =  o · tanh(new cell)

In the backward pass, a gate is a factor like any other: in f · cell, each factor receives g times the other. The slope
of the sigmoid is f · (1 − f).
"""

import numpy as np


def lstm_step(scores, cell):
    """Return the new state and cell, in this order; `scores` is (samples, 4 · units), `cell` (samples, units)."""
    raise NotImplementedError("exercise 22, gates of an LSTM: split the scores, then two formulas")


def forget_gate_backward(g, score, cell):
    """Return the gradients of sigmoid(score) · cell with respect to `score` and `cell`, in this order."""
    raise NotImplementedError("exercise 22, gates of an LSTM: backward of the forget gate")
