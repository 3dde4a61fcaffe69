"""Callbacks: code that runs at fixed points of `Model.fit`, built-in and custom."""

from typing import Any

from nn._renamed import WITHOUT_CLASS, missing
from nn.callbacks.callback import Callback
from nn.callbacks.checkpoint import ModelCheckpoint
from nn.callbacks.clipping import ClipGradients
from nn.callbacks.csv_log import CSVLog
from nn.callbacks.early_stopping import EarlyStopping

__all__ = ["CSVLog", "Callback", "ClipGradients", "EarlyStopping", "ModelCheckpoint"]


def __getattr__(name: str) -> Any:
    raise missing("nn.callbacks", name, WITHOUT_CLASS)
