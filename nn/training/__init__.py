"""Training: the model, the training loop, progress output and the history."""

from nn.training.history import History
from nn.training.model import Model

__all__ = ["History", "Model"]
