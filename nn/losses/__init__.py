"""Losses: the classes, the operations that they use, and the validation of targets."""

from nn.losses.losses import (
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
from nn.losses.per_output import PerOutput

__all__ = [
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "FocalLoss",
    "Huber",
    "IoULoss",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "PerOutput",
    "SigmoidBinaryCrossEntropy",
    "SoftmaxCrossEntropy",
]
