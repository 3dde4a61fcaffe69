"""Maximum and average pooling."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.functional.windows import Axis, per_axis, slide
from nn.interop.onnx_export.functions.shapes import ints
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.nodes.convolution_nodes import check_padding, sizes_between, windows_of
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import (
    AdaptiveAveragePool2D,
    AveragePool1D,
    AveragePool2D,
    GlobalMaxPool,
    MaxPool1D,
    MaxPool2D,
)


def _axes(layer: Any, x: Value) -> tuple[Axis, ...]:
    """Return how the windows slide."""
    stride = layer.size if layer.stride is None else layer.stride
    sizes = sizes_between(x, layer.axes)
    axes = slide(sizes, layer.size, stride, layer.padding, layer.dilation, ceil_mode=layer.ceil_mode)
    check_padding(layer, axes)
    return axes


def _extended(axes: tuple[Axis, ...]) -> tuple[Axis, ...]:
    """Return the same windows, with enough padding at the end to hold the last window of `ceil_mode`."""
    return tuple(
        a._replace(after=max(a.after, (a.windows - 1) * a.stride + a.extent - a.size - a.before)) for a in axes
    )


def _numbers_of_elements(axis: Axis, count_padding: bool) -> Any:
    """Return how many elements of each window are counted in the mean."""
    low, high = (-axis.before, axis.size + axis.after) if count_padding else (0, axis.size)
    places = np.arange(axis.windows)[:, None] * axis.stride - axis.before + np.arange(axis.kernel) * axis.dilation
    return ((places >= low) & (places < high)).sum(axis=1)


@converts(MaxPool1D, MaxPool2D)
def max_pool(graph: Graph, layer: MaxPool1D | MaxPool2D, x: Value) -> Any:
    """`MaxPool`; after a `Pad` if the padding is not smaller than the kernel."""
    axes = _extended(_axes(layer, x))
    kernel = [axis.kernel for axis in axes]
    if any(max(axis.before, axis.after) >= axis.kernel for axis in axes):  # runtimes refuse such pads
        pads = ints(0, 0, *(axis.before for axis in axes), 0, 0, *(axis.after for axis in axes))
        x = graph.add("Pad", x, pads, np.array(-np.inf, x.dtype), channels_first=True)
        axes = tuple(axis._replace(before=0, after=0) for axis in axes)
    return graph.add("MaxPool", x, channels_first=True, kernel_shape=kernel, **windows_of(axes))


@converts(AveragePool1D, AveragePool2D)
def average_pool(graph: Graph, layer: AveragePool1D | AveragePool2D, x: Value) -> Any:
    """`AveragePool`; or `Conv` and `Mul`, if ONNX counts the elements of a window differently."""
    axes = _axes(layer, x)
    extended = _extended(axes)
    counts_padding = layer.count_padding and any(axis.before or axis.after for axis in axes)
    is_large = any(max(axis.before, axis.after) >= axis.kernel for axis in extended)
    if not is_large and all(axis.dilation == 1 for axis in axes) and not (counts_padding and extended != axes):
        options = windows_of(extended)
        del options["dilations"]
        return graph.add(
            "AveragePool", x, channels_first=True, kernel_shape=[axis.kernel for axis in axes],
            count_include_pad=int(counts_padding), **options,
        )  # fmt: skip
    numbers: Any = math.prod(np.ix_(*(_numbers_of_elements(axis, layer.count_padding) for axis in axes)))
    channels = x.shape[-1]
    ones = np.ones((channels, 1, *(axis.kernel for axis in axes)), x.dtype)
    sums = graph.add("Conv", x, ones, channels_first=True, group=channels, **windows_of(extended))
    return graph.add("Mul", sums, (1 / numbers).astype(x.dtype), channels_first=True)


@converts(AdaptiveAveragePool2D)
def adaptive_average_pool(graph: Graph, layer: AdaptiveAveragePool2D, x: Value) -> Any:
    """`AveragePool` if the parts have equal sizes; else products with matrices are traced."""
    sizes, parts = sizes_between(x, 2), per_axis("output_size", layer.output_size, 2)
    if any(size % count for size, count in zip(sizes, parts)):
        return NotImplemented
    kernel = [size // count for size, count in zip(sizes, parts)]
    return graph.add("AveragePool", x, channels_first=True, kernel_shape=kernel, strides=kernel)


@converts(GlobalMaxPool)
def global_max_pool(graph: Graph, layer: GlobalMaxPool, x: Value) -> Any:
    """`ReduceMax`. (`GlobalAveragePool` is traced, as `ReduceMean`.)"""
    return np.max(x, axis=tuple(range(1, x.ndim - 1)))
