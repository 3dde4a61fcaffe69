"""Fused functions of `nn.functional` that a `forward` calls, exported like the layers that compute the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nn import functional
from nn.interop.onnx_export.tracing import CONVERTERS, FUSED
from nn.interop.onnx_export.value import Value
from nn.layers import GELU, AveragePool1D, AveragePool2D, MaxPool1D, MaxPool2D, SiLU
from nn.module import Module


def _like(create: Callable[..., Module]) -> Callable[..., Any]:
    """Return a function that adds the nodes of a layer with these settings."""

    def convert(x: Value, *args: Any, **options: Any) -> Any:
        layer = create(*args, **options)
        return CONVERTERS[type(layer)](x.graph, layer, x)

    return convert


FUSED.update(
    {
        functional.gelu: _like(GELU),
        functional.gelu_tanh: _like(lambda: GELU("tanh")),
        functional.silu: _like(SiLU),
        functional.max_pool1d: _like(MaxPool1D),
        functional.max_pool2d: _like(MaxPool2D),
        functional.average_pool1d: _like(AveragePool1D),
        functional.average_pool2d: _like(AveragePool2D),
    }
)
