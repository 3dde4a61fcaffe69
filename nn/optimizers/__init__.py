"""Optimizers, and learning-rate schedules.

`optimizer.py` contains the step, `algorithms.py`, `adam.py` and `lbfgs.py` the formulas.
"""

from nn.optimizers._groups import ParameterGroup, label
from nn.optimizers._setting import Setting
from nn.optimizers.accumulation import GradientAccumulator
from nn.optimizers.adam import Adam, AdamW, NAdam
from nn.optimizers.algorithms import SGD, Adagrad, Lion, RMSprop
from nn.optimizers.grouping import group_parameters
from nn.optimizers.lbfgs import LBFGS
from nn.optimizers.optimizer import Optimizer
from nn.optimizers.schedules import (
    CosineDecay,
    ExponentialDecay,
    OneCycle,
    ScaledSchedule,
    Schedule,
    StepDecay,
    WarmUp,
    WarmUpCosine,
)

__all__ = [
    "LBFGS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineDecay",
    "ExponentialDecay",
    "GradientAccumulator",
    "Lion",
    "NAdam",
    "OneCycle",
    "Optimizer",
    "ParameterGroup",
    "RMSprop",
    "ScaledSchedule",
    "Schedule",
    "Setting",
    "StepDecay",
    "WarmUp",
    "WarmUpCosine",
    "group_parameters",
    "label",
]
