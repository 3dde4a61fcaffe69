"""The layers of `nn` that are nodes of their own in ONNX. The `forward` of all others is traced."""

from nn.interop.onnx_export.layers import (
    activations,
    attention,
    convolution,
    dense,
    functional,
    normalisation,
    pooling,
    recurrent,
)

__all__ = ["activations", "attention", "convolution", "dense", "functional", "normalisation", "pooling", "recurrent"]
