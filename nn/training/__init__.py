"""Training: the model, its loop, what can happen between the steps, and what is shown and remembered."""

from nn.training.callbacks import Callback
from nn.training.history import History
from nn.training.model import Model

__all__ = ["Callback", "History", "Model"]
