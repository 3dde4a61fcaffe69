"""Optimizers: what they share, the rules, learning-rate schedules, and the blocks that are updated together."""

from nn.optimizers.optimizer import Optimizer
from nn.optimizers.rules import SGD, Adagrad, Adam, AdamW, RMSprop
from nn.optimizers.schedules import CosineDecay, ExponentialDecay, Schedule, StepDecay, WarmUp
from nn.optimizers.setting import Setting

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "Optimizer",
    "RMSprop",
    "Schedule",
    "Setting",
    "StepDecay",
    "WarmUp",
]
