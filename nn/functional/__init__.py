"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from typing import Any

from nn.functional.activations import elu, gelu, gelu_tanh, leaky_relu, relu
from nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from nn.functional.dense import linear, ones

__all__ = [
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "elu",
    "gelu",
    "gelu_tanh",
    "leaky_relu",
    "linear",
    "ones",
    "relu",
]


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise AttributeError(f"module 'nn.functional' has no attribute {name!r}")
