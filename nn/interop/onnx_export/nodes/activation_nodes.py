"""Activation functions. They are computed in the layout in which their input exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from nn.interop.onnx_export.functions.elementwise import elementwise
from nn.interop.onnx_export.functions.shapes import channels_first_axis
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.nodes.dense_nodes import in_common_dtype
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import (
    ELU,
    GELU,
    GLU,
    LeakyReLU,
    LogSoftmax,
    PReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from nn.layers.transformer import FeedForward
from tensorgrad import Tensor


def relu(x: Value) -> Any:
    """`Relu`."""
    return elementwise("Relu", x)


def silu(x: Value) -> Any:
    """`Sigmoid` and `Mul`."""
    return x * elementwise("Sigmoid", x)


def gelu(x: Value) -> Any:
    """`Gelu`, which opset 20 introduced; before, its parts."""
    if x.graph.opset >= 20:
        return elementwise("Gelu", x)
    return x * ((elementwise("Erf", x * math.sqrt(0.5)) + 1) * 0.5)


def gelu_tanh(x: Value) -> Any:
    """`Gelu` with `approximate="tanh"`; before opset 20, its parts."""
    if x.graph.opset >= 20:
        return elementwise("Gelu", x, approximate="tanh")
    return x * ((np.tanh((x * x * x * 0.044715 + x) * math.sqrt(2 / math.pi)) + 1) * 0.5)


ACTIVATIONS: dict[str, Callable[[Value], Any]] = {
    "relu": relu, "gelu": gelu, "gelu_tanh": gelu_tanh, "silu": silu, "swiglu": silu, "geglu": gelu,
}  # fmt: skip
"""The activations of `FeedForward`, by name."""

converts(ReLU)(lambda graph, layer, x: relu(x))
converts(SiLU)(lambda graph, layer, x: silu(x))
converts(GELU)(lambda graph, layer, x: gelu(x) if layer.approximate == "none" else gelu_tanh(x))
converts(LeakyReLU)(lambda graph, layer, x: elementwise("LeakyRelu", x, alpha=layer.negative_slope))
converts(ELU)(lambda graph, layer, x: elementwise("Elu", x, alpha=layer.alpha))
converts(Sigmoid)(lambda graph, layer, x: elementwise("Sigmoid", x))
converts(Tanh)(lambda graph, layer, x: elementwise("Tanh", x))
converts(Softplus)(lambda graph, layer, x: elementwise("Softplus", x))


@converts(PReLU)
def prelu(graph: Graph, layer: PReLU, x: Value) -> Any:
    """`PRelu` with a slope for each feature, or with one."""
    x, (weight,) = in_common_dtype(x, layer.weight)
    return elementwise("PRelu", x, weight)


@converts(Softmax, LogSoftmax)
def softmax(graph: Graph, layer: Softmax | LogSoftmax, x: Value) -> Any:
    """`Softmax` or `LogSoftmax` along one axis; along several, its parts are traced."""
    if not isinstance(layer.axis, int):
        return NotImplemented
    axis, first = normalize_axis_index(layer.axis, x.ndim), x.in_channels_last is None
    place = channels_first_axis(axis, x.ndim) if first else axis
    return graph.add(type(layer).__name__, x, axis=place, channels_first=first)


@converts(GLU)
def glu(graph: Graph, layer: GLU, x: Value) -> Any:
    """`Split`, `Sigmoid` and `Mul`, in the layout in which the input exists."""
    axis, first = normalize_axis_index(layer.axis, x.ndim), x.in_channels_last is None
    place = channels_first_axis(axis, x.ndim) if first else axis
    half, gate = graph.add("Split", x, axis=place, num_outputs=2, results=2, channels_first=first)
    return half * elementwise("Sigmoid", gate)


@converts(FeedForward)
def feed_forward(graph: Graph, layer: FeedForward, x: Value) -> Any:
    """Return the two dense layers, with the activation between them."""
    hidden = ACTIVATIONS[layer.activation](layer.expand(Tensor(x)).array)
    if layer.gate is not None:
        hidden = hidden * layer.gate(Tensor(x)).array
    return layer.contract(Tensor(hidden)).array
