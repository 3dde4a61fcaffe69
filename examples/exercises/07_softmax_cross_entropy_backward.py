"""Exercise 07. Backpropagation of softmax with cross-entropy (the book's chapter 9).

    probabilities  =  softmax(scores), each row          loss  =  the mean over the samples of −log p

where p is the probability of a sample's correct class. If both are derived together, nearly all terms cancel:

    gradient with respect to scores  =  (probabilities − one-hot rows of the classes) / samples

    scores (samples, classes)    classes (samples,), the correct class of each
"""

import numpy as np


def softmax_cross_entropy_backward(scores, classes):
    """Return the gradient of the loss with respect to `scores`."""
    raise NotImplementedError("exercise 07, backward of softmax with cross-entropy: softmax first, then the formula")
