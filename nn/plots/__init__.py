"""Matplotlib plots: decisions of a model, statistics of its layers, and learning curves."""

from nn.plots.animation import Animation
from nn.plots.boundary import decision_boundary
from nn.plots.confusion import confusion_matrix
from nn.plots.gradients import gradient_sizes, sample_gradients
from nn.plots.histograms import layer_histograms
from nn.plots.images import detection_boxes, image_grid
from nn.plots.inside import feature_maps, receptive_field, saliency, weights
from nn.plots.layer_statistics import LayerStatistics
from nn.plots.live import LivePlot
from nn.plots.playground import Playground
from nn.plots.regression import regression_fit
from nn.plots.strip import BoundaryStrip

__all__ = [
    "Animation",
    "BoundaryStrip",
    "LayerStatistics",
    "LivePlot",
    "Playground",
    "confusion_matrix",
    "decision_boundary",
    "detection_boxes",
    "feature_maps",
    "gradient_sizes",
    "image_grid",
    "layer_histograms",
    "receptive_field",
    "regression_fit",
    "saliency",
    "sample_gradients",
    "weights",
]
