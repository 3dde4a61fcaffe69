"""Optimizers, and learning-rate schedules.

`optimizer.py` contains the step, `algorithms.py` the formulas.
"""

from nn.optimizers._groups import ParameterGroup
from nn.optimizers._setting import Setting
from nn.optimizers.algorithms import SGD, Adagrad, Adam, AdamW, RMSprop
from nn.optimizers.optimizer import Optimizer
from nn.optimizers.schedules import CosineDecay, ExponentialDecay, ScaledSchedule, Schedule, StepDecay, WarmUp

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "Optimizer",
    "ParameterGroup",
    "RMSprop",
    "ScaledSchedule",
    "Schedule",
    "Setting",
    "StepDecay",
    "WarmUp",
]
