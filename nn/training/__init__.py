"""Training: the model, its loop, and what is shown and remembered."""

from nn.training.history import History
from nn.training.model import Model

__all__ = ["History", "Model"]
