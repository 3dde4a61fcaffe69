"""Pictures of training, by matplotlib: what a model decides, how its layers fare, how it learns."""

from nn.pictures.boundary import decision_boundary
from nn.pictures.confusion import confusion_matrix
from nn.pictures.histograms import layer_histograms
from nn.pictures.live import LivePlot
from nn.pictures.regression import regression_fit
from nn.pictures.statistics import LayerStatistics
from nn.pictures.strip import BoundaryStrip

__all__ = [
    "BoundaryStrip",
    "LayerStatistics",
    "LivePlot",
    "confusion_matrix",
    "decision_boundary",
    "layer_histograms",
    "regression_fit",
]
