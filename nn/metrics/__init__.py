"""Metrics to report in addition to the loss."""

from nn.metrics.classes import F1, Perplexity, Precision, Recall, TopKAccuracy
from nn.metrics.detection import MeanAveragePrecision
from nn.metrics.metric import BinaryAccuracy, CategoricalAccuracy, LossOfOutput, Metric, OfOutput, RegressionAccuracy

__all__ = [
    "F1",
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "LossOfOutput",
    "MeanAveragePrecision",
    "Metric",
    "OfOutput",
    "Perplexity",
    "Precision",
    "Recall",
    "RegressionAccuracy",
    "TopKAccuracy",
]
