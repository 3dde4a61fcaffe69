"""Exercise 15. Batch normalisation, forward (chapter 23).

In training, each feature (column) is normalised with the mean and the variance of its batch. In evaluation, a
prediction must not depend on the rest of the batch, so averages over earlier batches take their place:

    h  =  (x − mean) / √(variance + ε)            out  =  scale · h + shift

    new running mean  =  momentum · running mean  +  (1 − momentum) · mean

and the same for the variance. The running variance averages the unbiased variance: the sum of squares divided by
samples − 1. The batch itself is normalised with the biased variance, the sum divided by samples.

    x (samples, features)    all others but momentum and ε (features,)
"""

import numpy as np


def training(x, scale, shift, running_mean, running_variance, momentum, epsilon):
    """Return the output, the new running mean and the new running variance, in this order."""
    raise NotImplementedError("exercise 15, batch normalisation: normalise with the batch, average its statistics")


def evaluation(x, scale, shift, running_mean, running_variance, epsilon):
    """Return the output, normalised with the running mean and variance."""
    raise NotImplementedError("exercise 15, batch normalisation: evaluation")
