"""Losses: the classes, the operations behind them, and what targets may look like."""

from nn.losses.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SigmoidBinaryCrossEntropy,
    SoftmaxCrossEntropy,
)
from nn.losses.per_output import PerOutput

__all__ = [
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "PerOutput",
    "SigmoidBinaryCrossEntropy",
    "SoftmaxCrossEntropy",
]
