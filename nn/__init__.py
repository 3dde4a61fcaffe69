"""Neural networks on tensorgrad: layers, losses, optimizers, data, and a model that trains them.

>>> import nn
>>> X, y = nn.datasets.vertical(100, 3, rng=0)
>>> network = nn.Sequential(nn.Dense(2, 16, rng=0), nn.ReLU(), nn.Dense(16, 3, rng=1))
>>> optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
>>> model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
>>> history = model.fit(X, y, epochs=50, verbose=0)
>>> history["accuracy"][-1] > 0.9
True
"""

import importlib
from typing import TYPE_CHECKING, Any

from nn import data, datasets, functional, init
from nn._renamed import RENAMED, WITHOUT_CLASS, missing
from nn.callbacks import Callback, ClipGradients, CSVLog, EarlyStopping, ModelCheckpoint
from nn.layers import (
    ELU,
    GELU,
    GLU,
    GRU,
    LSTM,
    RNN,
    AdaptiveAveragePool2D,
    AveragePool1D,
    AveragePool2D,
    BatchNorm,
    Bidirectional,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose1D,
    ConvTranspose2D,
    Dense,
    Dropout,
    Embedding,
    FeedForward,
    Flatten,
    GaussianNoise,
    GlobalAveragePool,
    GlobalMaxPool,
    GroupNorm,
    Identity,
    InstanceNorm,
    KeyValueCache,
    LayerNorm,
    LeakyReLU,
    LearnedPositions,
    LogSoftmax,
    MaxPool1D,
    MaxPool2D,
    MultiHeadAttention,
    Parallel,
    PositionalEncoding,
    PReLU,
    ReLU,
    Reshape,
    Residual,
    RMSNorm,
    RotaryPositions,
    Sequential,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    SpatialDropout,
    Tanh,
    TransformerBlock,
    TransformerDecoder,
    TransformerEncoder,
    UpSample2D,
    ZeroPad2D,
)
from nn.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    FocalLoss,
    Huber,
    IoULoss,
    KLDivergence,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from nn.metrics import (
    F1,
    BinaryAccuracy,
    CategoricalAccuracy,
    MeanAveragePrecision,
    Metric,
    Perplexity,
    Precision,
    Recall,
    RegressionAccuracy,
    TopKAccuracy,
)
from nn.module import Module
from nn.optimizers import (
    LBFGS,
    SGD,
    Adagrad,
    Adam,
    AdamW,
    CosineDecay,
    ExponentialDecay,
    GradientAccumulator,
    Lion,
    NAdam,
    OneCycle,
    Optimizer,
    RMSprop,
    Schedule,
    StepDecay,
    WarmUp,
    WarmUpCosine,
)
from nn.saving import LoadError, SaveError
from nn.training import AveragedWeights, History, Model
from tensorgrad import __version__ as __version__

if TYPE_CHECKING:
    from nn import distributed, interop, plots
    from nn import sklearn as sklearn  # not in __all__: `from nn import *` must not hide scikit-learn

__all__ = [
    "ELU",
    "F1",
    "GELU",
    "GLU",
    "GRU",
    "LBFGS",
    "LSTM",
    "RNN",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "AdaptiveAveragePool2D",
    "AveragePool1D",
    "AveragePool2D",
    "AveragedWeights",
    "BatchNorm",
    "Bidirectional",
    "BinaryAccuracy",
    "BinaryCrossEntropy",
    "CSVLog",
    "Callback",
    "CategoricalAccuracy",
    "CategoricalCrossEntropy",
    "ClipGradients",
    "Concatenate",
    "Conv1D",
    "Conv2D",
    "ConvTranspose1D",
    "ConvTranspose2D",
    "CosineDecay",
    "Dense",
    "Dropout",
    "EarlyStopping",
    "Embedding",
    "ExponentialDecay",
    "FeedForward",
    "Flatten",
    "FocalLoss",
    "GaussianNoise",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GradientAccumulator",
    "GroupNorm",
    "History",
    "Huber",
    "Identity",
    "InstanceNorm",
    "IoULoss",
    "KLDivergence",
    "KeyValueCache",
    "LayerNorm",
    "LeakyReLU",
    "LearnedPositions",
    "Lion",
    "LoadError",
    "LogSoftmax",
    "Loss",
    "MaxPool1D",
    "MaxPool2D",
    "MeanAbsoluteError",
    "MeanAveragePrecision",
    "MeanSquaredError",
    "Metric",
    "Model",
    "ModelCheckpoint",
    "Module",
    "MultiHeadAttention",
    "NAdam",
    "OneCycle",
    "Optimizer",
    "PReLU",
    "Parallel",
    "Perplexity",
    "PositionalEncoding",
    "Precision",
    "RMSNorm",
    "RMSprop",
    "ReLU",
    "Recall",
    "RegressionAccuracy",
    "Reshape",
    "Residual",
    "RotaryPositions",
    "SaveError",
    "Schedule",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SigmoidBinaryCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SpatialDropout",
    "StepDecay",
    "Tanh",
    "TopKAccuracy",
    "TransformerBlock",
    "TransformerDecoder",
    "TransformerEncoder",
    "UpSample2D",
    "WarmUp",
    "WarmUpCosine",
    "ZeroPad2D",
    "data",
    "datasets",
    "distributed",
    "functional",
    "init",
    "interop",
    "plots",
]


def __getattr__(name: str) -> Any:
    """Import a subpackage that needs other libraries when it is first used.

    Raises:
        AttributeError: There is no such name. For a name of PyTorch, the book or a former version, the message names
            its counterpart.
    """
    if name in ("distributed", "interop", "plots", "sklearn"):
        return importlib.import_module(f"nn.{name}")
    raise missing("nn", name, {name: f"nn.{RENAMED[name]}"} if name in RENAMED else WITHOUT_CLASS)


def __dir__() -> list[str]:
    """Return the public names, including those loaded on first use."""
    return __all__
