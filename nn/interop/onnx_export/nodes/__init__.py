"""The layers of `nn` that become ONNX operators as a whole. The `forward` of all others is traced."""

from nn.interop.onnx_export.nodes import (
    activation_nodes,
    attention_nodes,
    convolution_nodes,
    dense_nodes,
    functional_nodes,
    normalisation_nodes,
    pooling_nodes,
    position_nodes,
    recurrent_nodes,
)

__all__ = [
    "activation_nodes",
    "attention_nodes",
    "convolution_nodes",
    "dense_nodes",
    "functional_nodes",
    "normalisation_nodes",
    "pooling_nodes",
    "position_nodes",
    "recurrent_nodes",
]
