"""Exercise 23. Attention, backward (chapter 33).

Each query is compared with all keys. The softmax of the scores gives the weights with which the values are averaged:

    scores   =  q @ k.T / √features            (queries, keys)
    weights  =  softmax(scores), each row
    out      =  weights @ v

    q (queries, features)    k (keys, features)    v (keys, features)    g, out (queries, features)

If d is the gradient with respect to the weights, the gradient with respect to the scores is

    weights · (d − Σ d · weights), the sum over each row
"""

import numpy as np


def attention_backward(g, q, k, v):
    """Return the gradients with respect to `q`, `k` and `v`, in this order."""
    raise NotImplementedError("exercise 23, backward of attention: from out to the weights, the scores, then q and k")
