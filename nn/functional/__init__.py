"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from typing import Any

from nn.functional.activations import elu, gelu, gelu_tanh, leaky_relu, relu
from nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from nn.functional.dense import linear, ones
from nn.functional.embedding import embedding
from nn.functional.pooling import (
    adaptive_average_pool2d,
    average_pool1d,
    average_pool2d,
    global_average_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from nn.functional.recurrent import gru, lstm, rnn
from nn.functional.resampling import upsample2d, zero_pad2d

__all__ = [
    "adaptive_average_pool2d",
    "average_pool1d",
    "average_pool2d",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "elu",
    "embedding",
    "gelu",
    "gelu_tanh",
    "global_average_pool",
    "global_max_pool",
    "gru",
    "leaky_relu",
    "linear",
    "lstm",
    "max_pool1d",
    "max_pool2d",
    "ones",
    "relu",
    "rnn",
    "upsample2d",
    "zero_pad2d",
]


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise AttributeError(f"module 'nn.functional' has no attribute {name!r}")
