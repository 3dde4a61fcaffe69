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

from nn import datasets, functional, init
from nn.activations import ELU, GELU, Identity, LeakyReLU, ReLU, Sigmoid, Softmax, Softplus, Tanh
from nn.layers import Dense, Dropout, Sequential
from nn.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from nn.metrics import BinaryAccuracy, CategoricalAccuracy, Metric, RegressionAccuracy
from nn.module import Module
from nn.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from nn.training import Callback, History, Model

__all__ = [
    "ELU",
    "GELU",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "BinaryAccuracy",
    "BinaryCrossEntropy",
    "Callback",
    "CategoricalAccuracy",
    "CategoricalCrossEntropy",
    "Dense",
    "Dropout",
    "History",
    "Huber",
    "Identity",
    "LeakyReLU",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "Model",
    "Module",
    "Optimizer",
    "RMSprop",
    "ReLU",
    "RegressionAccuracy",
    "Sequential",
    "Sigmoid",
    "SigmoidBinaryCrossEntropy",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "Tanh",
    "datasets",
    "functional",
    "init",
]
