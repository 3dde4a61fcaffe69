"""Plots: decisions of a model, statistics of its layers, learning curves, and the network as neurons and weights."""

from nn.plots.boundary import decision_boundary
from nn.plots.confusion import confusion_matrix
from nn.plots.histograms import layer_histograms
from nn.plots.layer_statistics import LayerStatistics
from nn.plots.live import LivePlot
from nn.plots.neurons import NetworkDrawing, network
from nn.plots.regression import regression_fit
from nn.plots.strip import BoundaryStrip

__all__ = [
    "BoundaryStrip",
    "LayerStatistics",
    "LivePlot",
    "NetworkDrawing",
    "confusion_matrix",
    "decision_boundary",
    "layer_histograms",
    "network",
    "regression_fit",
]
