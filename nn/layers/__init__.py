"""Layers, with one file per family."""

from nn.layers._cache import KeyValueCache as KeyValueCache
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
from nn.layers.attention import MultiHeadAttention
from nn.layers.combine import Concatenate, Parallel, Residual
from nn.layers.convolution import Conv1D, Conv2D, ConvTranspose1D, ConvTranspose2D
from nn.layers.dense import Dense
from nn.layers.dropout import Dropout, GaussianNoise, SpatialDropout
from nn.layers.embedding import Embedding
from nn.layers.normalisation import BatchNorm, GroupNorm, InstanceNorm, LayerNorm, RMSNorm
from nn.layers.pooling import (
    AdaptiveAveragePool2D,
    AveragePool1D,
    AveragePool2D,
    GlobalAveragePool,
    GlobalMaxPool,
    MaxPool1D,
    MaxPool2D,
)
from nn.layers.positions import LearnedPositions, PositionalEncoding, RotaryPositions
from nn.layers.recurrent import GRU, LSTM, RNN, Bidirectional
from nn.layers.sequential import Sequential
from nn.layers.shape import Flatten, Reshape, UpSample2D, ZeroPad2D
from nn.layers.transformer import FeedForward, TransformerBlock, TransformerDecoder, TransformerEncoder

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "GRU",
    "LSTM",
    "RNN",
    "AdaptiveAveragePool2D",
    "AveragePool1D",
    "AveragePool2D",
    "BatchNorm",
    "Bidirectional",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Embedding",
    "FeedForward",
    "Flatten",
    "GaussianNoise",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GroupNorm",
    "Identity",
    "InstanceNorm",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "LogSoftmax",
    "MaxPool1D",
    "MaxPool2D",
    "MultiHeadAttention",
    "PReLU",
    "Parallel",
    "PositionalEncoding",
    "RMSNorm",
    "ReLU",
    "Reshape",
    "Residual",
    "RotaryPositions",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "Softplus",
    "SpatialDropout",
    "Tanh",
    "TransformerBlock",
    "TransformerDecoder",
    "TransformerEncoder",
    "UpSample2D",
    "ZeroPad2D",
]
