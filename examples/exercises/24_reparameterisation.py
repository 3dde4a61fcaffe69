"""Exercise 24. Reparameterisation (chapter 35).

A variational autoencoder draws its code z from a normal distribution whose mean and variance the encoder computes. A
draw has no derivative. The noise is therefore drawn first, with mean 0 and standard deviation 1, and then shifted and
scaled:

    z  =  mean  +  deviation · noise,  where deviation = √variance = e^(log variance / 2)

Now z has derivatives with respect to the mean and to the logarithm of the variance. The loss keeps the distribution
near the standard one with the Kullback–Leibler divergence, summed over the features and averaged over the samples:

    divergence  =  ½ Σ (mean² + variance − log variance − 1)

    mean, log_variance, noise, z, g (samples, features)
"""

import numpy as np


def sample(mean, log_variance, noise):
    """Return the code z."""
    raise NotImplementedError("exercise 24, reparameterisation: shift and scale the noise")


def sample_backward(g, mean, log_variance, noise):
    """Return the gradients with respect to `mean` and `log_variance`, in this order."""
    raise NotImplementedError("exercise 24, reparameterisation: two gradients")


def divergence(mean, log_variance):
    """Return the divergence from the standard normal distribution: one number."""
    raise NotImplementedError("exercise 24, reparameterisation: the divergence")
