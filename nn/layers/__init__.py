"""Layers: modules that networks are built from, one file per family."""

from nn.layers.activations import (
    ELU,
    GELU,
    GLU,
    Identity,
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
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout
from nn.layers.normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from nn.layers.sequential import Sequential

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "BatchNorm",
    "Dense",
    "Dropout",
    "GroupNorm",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "LogSoftmax",
    "PReLU",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
