"""Functional form of the layers: operations declared with their derivatives by the public `@tg.op`."""

from typing import Any

from nn._renamed import missing
from nn.functional.activations import elu, gelu, gelu_tanh, glu, leaky_relu, prelu, relu, silu
from nn.functional.attention import attention, attention_weights
from nn.functional.boxes import box_iou, non_maximum_suppression, overlap
from nn.functional.convolution import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from nn.functional.dense import linear, ones
from nn.functional.embedding import embedding
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
from nn.functional.pooling import (
    adaptive_average_pool2d,
    average_pool1d,
    average_pool2d,
    global_average_pool,
    global_max_pool,
    max_pool1d,
    max_pool2d,
)
from nn.functional.positions import rotary, rotary_angles, sinusoids
from nn.functional.recurrent import gru, lstm, rnn
from nn.functional.resampling import upsample2d, zero_pad2d

__all__ = [
    "BatchNormResult",
    "adaptive_average_pool2d",
    "attention",
    "attention_weights",
    "average_pool1d",
    "average_pool2d",
    "batch_norm",
    "batch_norm_with",
    "box_iou",
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
    "glu",
    "group_norm",
    "gru",
    "instance_norm",
    "layer_norm",
    "leaky_relu",
    "linear",
    "lstm",
    "max_pool1d",
    "max_pool2d",
    "non_maximum_suppression",
    "one_hot",
    "ones",
    "overlap",
    "prelu",
    "relu",
    "rms_norm",
    "rnn",
    "rotary",
    "rotary_angles",
    "silu",
    "sinusoids",
    "upsample2d",
    "zero_pad2d",
]


RENAMED = {
    "adaptive_avg_pool2d": "adaptive_average_pool2d",
    "avg_pool1d": "average_pool1d",
    "avg_pool2d": "average_pool2d",
    "binary_cross_entropy": "nn.BinaryCrossEntropy",
    "binary_cross_entropy_with_logits": "nn.SigmoidBinaryCrossEntropy",
    "cross_entropy": "nn.SoftmaxCrossEntropy",
    "dot_product_attention": "attention",
    "dropout": "nn.Dropout",
    "generalized_box_iou": "box_iou, with generalised=True",
    "interpolate": "upsample2d",
    "kl_div": "nn.KLDivergence",
    "l1_loss": "nn.MeanAbsoluteError",
    "log_softmax": "tensorgrad.log_softmax",
    "mse_loss": "nn.MeanSquaredError",
    "nll_loss": "nn.SoftmaxCrossEntropy, of the logits",
    "nms": "non_maximum_suppression",
    "normalize": "tensorgrad.linalg.norm, as in x / tensorgrad.linalg.norm(x, axis=-1, keepdims=True)",
    "pad": "tensorgrad.pad",
    "scaled_dot_product_attention": "attention",
    "sigmoid": "tensorgrad.sigmoid",
    "smooth_l1_loss": "nn.Huber",
    "softmax": "tensorgrad.softmax",
    "softplus": "tensorgrad.softplus",
    "tanh": "tensorgrad.tanh",
    "unfold": "tensorgrad.sliding_window_view",
}
"""PyTorch or Keras name → name here."""


def __getattr__(name: str) -> Any:
    if name == "logistic":
        raise AttributeError("nn.functional.logistic is now tensorgrad.sigmoid; in a derivative rule, sigmoid.apply.")
    raise missing("nn.functional", name, RENAMED)
