"""Normalisation of the batch, of samples, of groups of features and of neighbouring channels."""

from __future__ import annotations

import math
from typing import Any

import nn
import tensorgrad as tg
from nn import functional
from tests.onnx_vectors.layouts import Attributes, first, last


def batch_normalization(a: Attributes, x: Any, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    layer = nn.BatchNorm(len(scale), momentum=a.get("momentum", 0.9), epsilon=a.get("epsilon", 1e-5))
    layer.weight.data, layer.bias.data = scale, bias
    layer.running_mean.data, layer.running_variance.data = mean, variance
    if not a.get("training_mode", 0):
        return first(layer.eval()(last(x)))
    output = first(layer(last(x)))
    count = x.size // len(scale)  # ONNX averages the biased variances: undo the correction of the batch's
    moved = layer.running_variance.data - layer.momentum * variance
    return output, layer.running_mean.data, layer.momentum * variance + moved * (count - 1) / count


def layer_normalization(a: Attributes, x: Any, scale: Any, bias: Any = None) -> Any:
    axes, epsilon = x.ndim - a.get("axis", -1) % x.ndim, a.get("epsilon", 1e-5)
    if axes > 1:
        return functional.layer_norm(x, scale, bias, axes=axes, epsilon=epsilon), None, None
    layer = nn.LayerNorm(len(scale), epsilon=epsilon)
    layer.weight.data, layer.bias.data = scale, bias
    return layer(x), None, None


def rms_normalization(a: Attributes, x: Any, scale: Any) -> Any:
    axes = x.ndim - a.get("axis", -1) % x.ndim
    return functional.rms_norm(x, scale, axes=axes, epsilon=a.get("epsilon", 1e-5))


def group_normalization(a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    layer = nn.GroupNorm(len(scale), a["num_groups"], epsilon=a.get("epsilon", 1e-5))
    layer.weight.data, layer.bias.data = scale, bias
    return first(layer(last(x)))


def instance_normalization(a: Attributes, x: Any, scale: Any, bias: Any) -> Any:
    layer = nn.InstanceNorm(len(scale), epsilon=a.get("epsilon", 1e-5))
    layer.weight.data, layer.bias.data = scale, bias
    return first(layer(last(x)))


def mean_variance_normalization(a: Attributes, x: Any) -> Any:
    assert a.get("axes", [0, 2, 3]) == [0, 2, 3]
    return first(nn.BatchNorm(x.shape[1], affine=False, epsilon=1e-9)(last(x)))


def lp_normalization(a: Attributes, x: Any) -> Any:
    return x / tg.linalg.norm(x, ord=a.get("p", 2), axis=a.get("axis", -1), keepdims=True)


def local_response_normalization(a: Attributes, x: Any) -> Any:
    """x / (bias + alpha · the mean of the squares of neighbouring channels)^beta."""
    size = a["size"]
    across = last(x)[..., None]  # the channels as steps of a sequence
    sides = (math.ceil((size - 1) / 2), (size - 1) // 2)
    squares = functional.average_pool1d(across * across, size, stride=1, padding=sides)
    return first((across / (a.get("bias", 1.0) + a.get("alpha", 1e-4) * squares) ** a.get("beta", 0.75))[..., 0])


OPERATORS = {
    "BatchNormalization": batch_normalization,
    "LayerNormalization": layer_normalization,
    "RMSNormalization": rms_normalization,
    "GroupNormalization": group_normalization,
    "InstanceNormalization": instance_normalization,
    "MeanVarianceNormalization": mean_variance_normalization,
    "LpNormalization": lp_normalization,
    "LRN": local_response_normalization,
}
LEFT_OUT = {r"test_l2normalization_axis_0": "versions of onnx differ in 0 / 0"}
