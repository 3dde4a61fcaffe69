"""Page that replays a training: the output of each neuron, the weights, the decisions and the curves."""

from nn.plots.playback.recorder import Playground, playground

__all__ = ["Playground", "playground"]
