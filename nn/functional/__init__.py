"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from typing import Any

from nn.functional.activations import elu, gelu, gelu_tanh, leaky_relu, relu
from nn.functional.dense import linear, ones
from nn.functional.embedding import embedding
from nn.functional.recurrent import gru, lstm, rnn

__all__ = ["elu", "embedding", "gelu", "gelu_tanh", "gru", "leaky_relu", "linear", "lstm", "ones", "relu", "rnn"]


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise AttributeError(f"module 'nn.functional' has no attribute {name!r}")
