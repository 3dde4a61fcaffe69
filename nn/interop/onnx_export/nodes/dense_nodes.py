"""Fully connected layers, embeddings, and layers that flatten or enlarge."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.functional.windows import per_axis
from nn.interop.onnx_export.functions.elementwise import cast
from nn.interop.onnx_export.graph import Graph
from nn.interop.onnx_export.tracing import converts
from nn.interop.onnx_export.value import Value
from nn.layers import Dense, Embedding, Flatten, UpSample2D
from tensorgrad import Tensor


def in_common_dtype(x: Value, *tensors: Tensor | None) -> tuple[Value, list[Any]]:
    """Return the input and the arrays of a layer in the dtype to which they promote; None stays None."""
    dtype = np.result_type(x.dtype, *(each.dtype for each in tensors if each is not None))
    return cast(x, dtype), [None if each is None else each.data.astype(dtype, copy=False) for each in tensors]


@converts(Dense)
def dense(graph: Graph, layer: Dense, x: Value) -> Any:
    """`Gemm` for rows, `MatMul` and `Add` for stacks of them."""
    x, (weight, bias) = in_common_dtype(x, layer.weight, layer.bias)
    kernel = graph.constant(weight, "weight")
    if bias is None:
        return graph.add("MatMul", x, kernel)
    if x.ndim == 2:
        return graph.add("Gemm", x, kernel, graph.constant(bias, "bias"))
    return graph.add("Add", graph.add("MatMul", x, kernel), graph.constant(bias, "bias"))


@converts(Embedding)
def embedding(graph: Graph, layer: Embedding, ids: Value) -> Any:
    """`Gather`."""
    return graph.add("Gather", graph.constant(layer.weight.data, "weight"), cast(ids, np.int64), axis=0)


@converts(Flatten)
def flatten(graph: Graph, layer: Flatten, x: Value) -> Any:
    """`Flatten`, of pixels or of channels."""
    return graph.add("Flatten", graph.channels_first(x) if layer.channels_first else x, axis=1)


@converts(UpSample2D)
def upsample(graph: Graph, layer: UpSample2D, x: Value) -> Any:
    """`Resize`."""
    scales = np.array([1, 1, *per_axis("factor", layer.factor, 2)], np.float32)
    if layer.mode == "nearest":
        options: dict[str, Any] = {
            "mode": "nearest",
            "coordinate_transformation_mode": "asymmetric",
            "nearest_mode": "floor",
        }
    else:
        corners = "align_corners" if layer.align_corners else "half_pixel"
        options = {"mode": "linear", "coordinate_transformation_mode": corners}
    return graph.add("Resize", x, None, scales, channels_first=True, **options)
