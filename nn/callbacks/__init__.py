"""Callbacks: code that runs at fixed points of `Model.fit`, built-in and custom."""

from nn.callbacks.callback import Callback
from nn.callbacks.checkpoint import ModelCheckpoint
from nn.callbacks.clipping import ClipGradients
from nn.callbacks.csv_log import CSVLog
from nn.callbacks.early_stopping import EarlyStopping

__all__ = ["CSVLog", "Callback", "ClipGradients", "EarlyStopping", "ModelCheckpoint"]
