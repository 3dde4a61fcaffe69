"""Optimizers: what they share, the rules, and the blocks of elements that are updated together."""

from nn.optimizers.optimizer import Optimizer
from nn.optimizers.rules import SGD, Adagrad, Adam, AdamW, RMSprop

__all__ = ["SGD", "Adagrad", "Adam", "AdamW", "Optimizer", "RMSprop"]
