"""Pictures of networks and their training, as Matplotlib figures, animations and pages."""

from nn.plots.animation import Animation
from nn.plots.boundary import decision_boundary
from nn.plots.confusion import confusion_matrix
from nn.plots.embeddings import embedding
from nn.plots.gradients import gradient_sizes, sample_gradients
from nn.plots.histograms import layer_histograms
from nn.plots.images import detection_boxes, image_grid
from nn.plots.inside import feature_maps, receptive_field, saliency, weights
from nn.plots.landscape import ParameterPath, loss_landscape
from nn.plots.layer_statistics import LayerStatistics
from nn.plots.learning_rates import learning_rate_finder
from nn.plots.live import LivePlot
from nn.plots.neurons import NetworkDrawing, network
from nn.plots.playback import Playground, playground
from nn.plots.regression import regression_fit
from nn.plots.sequence_maps import attention_maps, gates
from nn.plots.steps_of_products import convolution_steps, matmul_steps
from nn.plots.strip import BoundaryStrip

__all__ = [
    "Animation",
    "BoundaryStrip",
    "LayerStatistics",
    "LivePlot",
    "NetworkDrawing",
    "ParameterPath",
    "Playground",
    "attention_maps",
    "confusion_matrix",
    "convolution_steps",
    "decision_boundary",
    "detection_boxes",
    "embedding",
    "feature_maps",
    "gates",
    "gradient_sizes",
    "image_grid",
    "layer_histograms",
    "learning_rate_finder",
    "loss_landscape",
    "matmul_steps",
    "network",
    "playground",
    "receptive_field",
    "regression_fit",
    "saliency",
    "sample_gradients",
    "weights",
]
