"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from nn.functional.activations import elu, gelu, gelu_tanh, leaky_relu, logistic, relu
from nn.functional.dense import linear, ones

__all__ = ["elu", "gelu", "gelu_tanh", "leaky_relu", "linear", "logistic", "ones", "relu"]
