"""The picture of a network as neurons and weights.

diagram     the layers of a network, their values and gradients as plain data
layout      positions of the neurons and the lines
svg         the picture
equations   how the value and the gradient of a neuron are computed, in numbers
raster      the picture as PNG and PDF
page        the interactive page
drawing     the entry point `network`
"""

from nn.plots.neurons.drawing import NetworkDrawing, network

__all__ = ["NetworkDrawing", "network"]
