"""Page that replays a training: what each neuron computes, the weights, the decisions and the curves."""

from nn.plots.playground.recorder import Playground

__all__ = ["Playground"]
