"""Exercise 21. A step of a recurrent network, backward (chapter 29).

The new state depends on an input and on the previous state:

    new state  =  tanh(x @ weights + state @ recurrent + biases)

    x (samples, inputs)    state, g (samples, units)
    weights (inputs, units)    recurrent (units, units)    biases (units,)

`g` is the gradient with respect to the new state. The slope of tanh(z) is 1 − tanh(z)². The gradient with respect to
`state` is passed to the previous step: backpropagation through time calls this function for the last step first.
"""

import numpy as np


def rnn_step_backward(g, x, state, weights, recurrent, biases):
    """Return the gradients with respect to `x`, `state`, `weights`, `recurrent` and `biases`, in this order."""
    raise NotImplementedError("exercise 21, backward of a recurrent step: compute tanh again, then five gradients")
