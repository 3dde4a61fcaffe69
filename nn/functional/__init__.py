"""What layers compute, as functions: operations declared beside their derivatives with the public `@tg.op`."""

from typing import Any

from nn.functional.activations import elu, gelu, gelu_tanh, glu, leaky_relu, prelu, relu, silu
from nn.functional.boxes import box_iou, non_maximum_suppression, overlap
from nn.functional.dense import linear, ones
from nn.functional.encoding import one_hot
from nn.functional.normalisation import (
    BatchNormResult,
    batch_norm,
    batch_norm_with,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
)

__all__ = [
    "BatchNormResult",
    "batch_norm",
    "batch_norm_with",
    "box_iou",
    "elu",
    "gelu",
    "gelu_tanh",
    "glu",
    "group_norm",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "linear",
    "non_maximum_suppression",
    "one_hot",
    "ones",
    "overlap",
    "prelu",
    "relu",
    "rms_norm",
    "silu",
]


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise AttributeError(f"module 'nn.functional' has no attribute {name!r}")
