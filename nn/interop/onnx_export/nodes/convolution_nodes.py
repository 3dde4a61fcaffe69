"""Convolutions and transposed convolutions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn.functional.windows import Axis, slide, slide_back
from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.nodes.dense_nodes import in_common_dtype
from nn.interop.onnx_export.sizes import is_dynamic
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D


def windows_of(axes: Sequence[Axis]) -> dict[str, Any]:
    """Return the attributes of ONNX for windows that slide along these axes."""
    return {
        "strides": [axis.stride for axis in axes],
        "dilations": [axis.dilation for axis in axes],
        "pads": [axis.before for axis in axes] + [axis.after for axis in axes],
    }


def sizes_between(x: Value, count: int) -> tuple[int, ...]:
    """Return the lengths of the axes between the batch and the channels.

    Raises:
        ExportError: there are more axes or fewer.
    """
    if x.ndim != count + 2:
        raise ExportError(f"it needs an input with {count + 2} axes, got shape {x.shape}")
    return x.shape[1:-1]


def check_padding(layer: Any, axes: Sequence[Axis]) -> None:
    """Reject windows whose padding depends on the length of a free axis.

    Raises:
        ExportError: the padding depends on such a length.
    """
    if not any(is_dynamic(axis.size) and axis.stride > 1 for axis in axes):
        return
    if layer.padding == "same":
        raise ExportError("its padding depends on the length of a free axis. Use numbers for padding")
    if getattr(layer, "ceil_mode", False):  # only pools have it
        raise ExportError("its last window depends on the length of a free axis. Use ceil_mode=False")


@converts(Conv1D, Conv2D)
def convolution(graph: Graph, layer: Conv1D | Conv2D, x: Value) -> Any:
    """`Conv`, with the weight as ONNX has it: `(filters, channels / groups, *kernel)`."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    axes = slide(sizes_between(x, layer.axes), weight.shape[:-2], layer.stride, layer.padding, layer.dilation)
    check_padding(layer, axes)
    kernel = graph.constant(np.moveaxis(weight, (-1, -2), (0, 1)), "weight")
    added = None if bias is None else graph.constant(bias, "bias")
    return graph.add("Conv", x, kernel, added, channels_first=True, group=layer.groups, **windows_of(axes))


@converts(ConvTranspose1D, ConvTranspose2D)
def transposed_convolution(graph: Graph, layer: ConvTranspose1D | ConvTranspose2D, x: Value) -> Any:
    """`ConvTranspose`, with the weight as ONNX has it: `(channels, filters / groups, *kernel)`."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    axes = slide_back(
        sizes_between(x, layer.axes), weight.shape[:-2], layer.stride, layer.padding, layer.dilation,
        layer.output_padding,
    )  # fmt: skip
    added = [a.size - (a.windows - 1) * a.stride - a.extent + a.before + a.after for a in axes]
    kernel = graph.constant(np.moveaxis(weight, (-1, -2), (0, 1)), "weight")
    shift = None if bias is None else graph.constant(bias, "bias")
    return graph.add(
        "ConvTranspose", x, kernel, shift, channels_first=True, group=layer.groups, output_padding=added,
        **windows_of(axes),
    )  # fmt: skip
