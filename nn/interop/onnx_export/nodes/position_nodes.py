"""Encodings of positions. For sequences of a fixed length they are constants, which the traced `forward` computes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.sizes import is_dynamic
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import LearnedPositions, PositionalEncoding, RotaryPositions


def _sines(graph: Graph, x: Value, frequencies: Any, phases: Any, start: int = 0) -> Any:
    """Return sin(position·frequency + phase) for the steps of `x`, `(time, frequencies)`, computed in float64.

    `start` is the position of the first step.
    """
    angles = (graph.positions(x, -2).astype(np.float64) + float(start))[:, None] * frequencies + phases
    return np.sin(angles).astype(x.dtype)


@converts(LearnedPositions)
def learned_positions(graph: Graph, layer: LearnedPositions, x: Value) -> Any:
    """`Slice` the vectors of a free number of positions, and `Add` them.

    ONNX has no operator that raises an error. With more steps than vectors, however, the shapes do not match in `Add`,
    so every runtime rejects them. A `Gather` beyond the table would return wrong numbers in some runtimes. A table with
    a single vector is not supported, because `Add` would broadcast it.
    """
    if not is_dynamic(x.shape[-2]):
        return NotImplemented
    if layer.length == 1:
        raise ExportError("it has one position, so its input cannot have a free number of steps. Use a larger length")
    return x + graph.first(graph.constant(layer.weight.data, "weight"), x, -2)


@converts(PositionalEncoding)
def positional_encoding(graph: Graph, layer: PositionalEncoding, x: Value) -> Any:
    """Compute `functional.sinusoids` for a free number of positions, and `Add` them."""
    if not is_dynamic(x.shape[-2]):
        return NotImplemented
    odd = np.arange(layer.features) % 2
    frequencies = layer.base ** ((odd - np.arange(layer.features)) / layer.features)
    return x + _sines(graph, x, frequencies, odd * math.pi / 2)


@converts(RotaryPositions)
def rotary_positions(graph: Graph, layer: RotaryPositions, x: Value, start: int = 0) -> Any:
    """Rotate pairs of features by the angles of a free number of positions."""
    if not is_dynamic(x.shape[-2]):
        return NotImplemented
    half = layer.features // 2
    frequencies = layer.base ** (-np.arange(0, layer.features, 2) / layer.features)
    cosines, sines = (_sines(graph, x, frequencies, phase, start) for phase in (math.pi / 2, 0.0))
    a, b = (x[..., ::2], x[..., 1::2]) if layer.interleaved else (x[..., :half], x[..., half:])
    first, second = a * cosines - b * sines, a * sines + b * cosines
    if layer.interleaved:
        return np.reshape(np.stack([first, second], axis=-1), x.shape)
    return np.concatenate([first, second], axis=-1)
