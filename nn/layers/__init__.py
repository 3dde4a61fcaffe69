"""Layers: modules that networks are built from, one file per family."""

from nn.layers.activations import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout
from nn.layers.sequential import Sequential

__all__ = [
    "ELU",
    "GELU",
    "Dense",
    "Dropout",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "Sequential",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "Tanh",
]
