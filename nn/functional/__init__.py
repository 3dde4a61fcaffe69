"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from typing import Any

from nn.functional.activations import elu, gelu, gelu_tanh, leaky_relu, relu
from nn.functional.dense import linear, ones

__all__ = ["elu", "gelu", "gelu_tanh", "leaky_relu", "linear", "ones", "relu"]


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise AttributeError(f"module 'nn.functional' has no attribute {name!r}")
