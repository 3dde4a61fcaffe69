"""Training: the model, the training loop, progress output, the history and averaged weights."""

from nn.training.averaging import AveragedWeights
from nn.training.history import History
from nn.training.model import Model

__all__ = ["AveragedWeights", "History", "Model"]
