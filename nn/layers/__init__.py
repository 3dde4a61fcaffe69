"""Layers: modules that networks are built from, one file per family."""

from nn.layers.activations import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout
from nn.layers.normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from nn.layers.sequential import Sequential

__all__ = [
    "ELU",
    "GELU",
    "BatchNorm",
    "Dense",
    "Dropout",
    "GroupNorm",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "RMSNorm",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
