"""The error for what cannot be exported."""

from __future__ import annotations


class ExportError(ValueError):
    """The network cannot be exported to ONNX. The message names the layer, its path, and what to do."""

    is_located = False
    """Whether the message names the layer."""
