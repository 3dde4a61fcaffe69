"""Normalisation of batches, samples, groups and features."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.interop.onnx_export.functions.shapes import ints
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.nodes.dense_nodes import in_common_dtype
from nn.interop.onnx_export.sizes import is_dynamic
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm


def _scale_and_shift(graph: Graph, weight: Any, bias: Any, features: int, dtype: Any) -> list[Any]:
    """Return the weight and the bias as constants; ones and zeros where there are none."""
    weight = np.ones(features, dtype) if weight is None else weight
    bias = np.zeros(features, dtype) if bias is None else bias
    return [graph.constant(weight, "weight"), graph.constant(bias, "bias")]


@converts(BatchNorm)
def batch_norm(graph: Graph, layer: BatchNorm, x: Value, *, mask: Any = None) -> Any:
    """`BatchNormalization` with the running statistics."""
    x, (weight, bias, mean, variance) = in_common_dtype(
        x, layer.weight, layer.bias, layer.running_mean, layer.running_variance
    )
    parameters = _scale_and_shift(graph, weight, bias, layer.features, mean.dtype)
    statistics = [graph.constant(mean, "running_mean"), graph.constant(variance, "running_variance")]
    return graph.add("BatchNormalization", x, *parameters, *statistics, channels_first=True, epsilon=layer.epsilon)


@converts(LayerNorm)
def layer_norm(graph: Graph, layer: LayerNorm, x: Value) -> Any:
    """`LayerNormalization` of the last axis."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    weight = np.ones(layer.features, x.dtype) if weight is None else weight
    shift = None if bias is None else graph.constant(bias, "bias")
    return graph.add("LayerNormalization", x, graph.constant(weight, "weight"), shift, axis=-1, epsilon=layer.epsilon)


@converts(RMSNorm)
def rms_norm(graph: Graph, layer: RMSNorm, x: Value) -> Any:
    """`RMSNormalization`, which opset 23 introduced; before, its parts."""
    x, (weight,) = in_common_dtype(x, layer.weight)
    weight = np.ones(layer.features, x.dtype) if weight is None else weight
    if graph.opset >= 23:
        return graph.add("RMSNormalization", x, graph.constant(weight, "weight"), axis=-1, epsilon=layer.epsilon)
    squares = graph.add("ReduceMean", x * x, ints(-1), keepdims=1)
    return x / np.sqrt(squares + layer.epsilon) * weight


@converts(GroupNorm)
def group_norm(graph: Graph, layer: GroupNorm, x: Value) -> Any:
    """`InstanceNormalization` of the groups, and the weight and the bias of each feature."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    groups = graph.add("Reshape", graph.channels_first(x), ints(0, layer.groups, -1))
    ones, zeros = np.ones(layer.groups, x.dtype), np.zeros(layer.groups, x.dtype)
    groups = graph.add("InstanceNormalization", groups, ones, zeros, epsilon=layer.epsilon)
    if any(map(is_dynamic, x.shape[1:-1])):
        like = graph.channels_first(x)
        inputs = [graph.channels_last(groups), graph.emit("Shape", [like], {})[0]]
        whole = graph.value(graph.emit("Reshape", inputs, {}, known=(like.shape, x.dtype))[0])
    else:
        whole = graph.add("Reshape", groups, graph.constant(ints(-1, layer.features, *x.shape[1:-1]), "shape"))
    result = Value(graph, x.shape, x.dtype, channels_first=graph.channels_last(whole)) if x.ndim > 2 else whole
    result = result if weight is None else result * weight
    return result if bias is None else result + bias


@converts(InstanceNorm)
def instance_norm(graph: Graph, layer: InstanceNorm, x: Value) -> Any:
    """`InstanceNormalization`."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    parameters = _scale_and_shift(graph, weight, bias, layer.features, x.dtype)
    return graph.add("InstanceNormalization", x, *parameters, channels_first=True, epsilon=layer.epsilon)
