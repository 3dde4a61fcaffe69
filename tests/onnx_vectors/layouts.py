"""Conversions between ONNX's layouts and ours."""

from __future__ import annotations

from typing import Any

import numpy as np

Attributes = dict[str, Any]
"""Of a node, with the version of its operators as "opset" and the number of its outputs as "outputs"."""


def last(x: Any) -> Any:
    """From channels first to channels last."""
    return np.moveaxis(x, 1, -1)


def first(x: Any) -> Any:
    """From channels last to channels first."""
    return np.moveaxis(x.data, -1, 1)


def padding(a: Attributes, sizes: Any, kernel: Any) -> Any:
    """Pairs (before, after) from `pads` or `auto_pad`."""
    axes, rule = len(kernel), a.get("auto_pad", b"NOTSET")
    if rule in (b"NOTSET", b"VALID"):
        pads = a.get("pads", [0] * 2 * axes) if rule == b"NOTSET" else [0] * 2 * axes
        return tuple(zip(pads[:axes], pads[axes:]))
    strides, dilations = a.get("strides", [1] * axes), a.get("dilations", [1] * axes)
    pairs = []
    for size, k, s, d in zip(sizes, kernel, strides, dilations):
        total = max((-(-size // s) - 1) * s + d * (k - 1) + 1 - size, 0)
        small = total // 2
        pairs.append((small, total - small) if rule == b"SAME_UPPER" else (total - small, small))
    return tuple(pairs)
