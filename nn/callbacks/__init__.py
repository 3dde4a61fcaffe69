"""Callbacks: what happens at fixed moments of `Model.fit`, ready-made and your own."""

from nn.callbacks.callback import Callback
from nn.callbacks.checkpoint import ModelCheckpoint
from nn.callbacks.clipping import ClipGradients
from nn.callbacks.csv_log import CSVLog
from nn.callbacks.early_stopping import EarlyStopping

__all__ = ["CSVLog", "Callback", "ClipGradients", "EarlyStopping", "ModelCheckpoint"]
