"""Page that replays a training: what each neuron computes, the weights, the decisions and the curves."""

from nn.plots.playback.recorder import Playground, playground

__all__ = ["Playground", "playground"]
