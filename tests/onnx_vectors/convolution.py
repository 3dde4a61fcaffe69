"""Convolution and its transpose."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
from tests.onnx_vectors.layouts import Attributes, first, last, padding


def kernel_last(weight: Any) -> Any:
    """From ONNX's (filters, channels, *kernel) to (*kernel, channels, filters)."""
    return weight.transpose(*range(2, weight.ndim), 1, 0)


def conv(a: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    axes = x.ndim - 2
    layer = {1: nn.Conv1D, 2: nn.Conv2D}[axes](
        x.shape[1], len(weight), weight.shape[2:], stride=a.get("strides", (1,) * axes),
        padding=padding(a, x.shape[2:], weight.shape[2:]), dilation=a.get("dilations", (1,) * axes),
        groups=a.get("group", 1), bias=bias is not None,
    )  # fmt: skip
    layer.weight.data = kernel_last(weight)
    if layer.bias is not None:
        layer.bias.data = bias
    return first(layer(last(x)))


def conv_transpose(a: Attributes, x: Any, weight: Any, bias: Any = None) -> Any:
    axes, kernel = x.ndim - 2, weight.shape[2:]
    function = {1: nn.functional.conv_transpose1d, 2: nn.functional.conv_transpose2d}[axes]
    strides, dilations = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    extra, pads = list(a.get("output_padding", [0] * axes)), padding(a | {"auto_pad": b"NOTSET"}, x.shape[2:], kernel)
    if a.get("auto_pad", b"NOTSET").startswith(b"SAME"):
        extra, pads = [0] * axes, "same"
    elif "output_shape" in a:  # what exceeds it is cropped, the larger half at the beginning
        full = [(n - 1) * s + d * (k - 1) + 1 for n, s, d, k in zip(x.shape[2:], strides, dilations, kernel)]
        totals = [f + e - n for f, e, n in zip(full, extra, a["output_shape"])]
        extra = [e + max(-total, 0) for e, total in zip(extra, totals)]
        pads = tuple((max(total, 0) - max(total, 0) // 2, max(total, 0) // 2) for total in totals)
    return first(
        function(
            last(x), kernel_last(weight), bias, stride=strides, padding=pads, dilation=dilations,
            output_padding=extra, groups=a.get("group", 1),
        )
    )  # fmt: skip


def causal_conv_with_state(a: Attributes, x: Any, weight: Any, bias: Any = None, state: Any = None) -> Any:
    batch, channels, _ = x.shape
    before = weight.shape[-1] - 1
    state = np.zeros((batch, channels, before), x.dtype) if state is None else state
    sequence = np.concatenate([state, x], axis=-1)
    y = nn.functional.conv1d(last(sequence), kernel_last(weight), bias, groups=channels)
    y = nn.functional.silu(y) if a.get("activation", b"none") in (b"silu", b"swish") else y
    return first(y), sequence[..., sequence.shape[-1] - before :]


OPERATORS = {"Conv": conv, "ConvTranspose": conv_transpose, "CausalConvWithState": causal_conv_with_state}
LEFT_OUT = {r"test_Conv3d.*|test_convtranspose_3d": "no three-dimensional convolution"}
