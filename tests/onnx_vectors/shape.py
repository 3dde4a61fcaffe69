"""Shapes: joining, splitting, repeating, padding, and constants."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx.numpy_helper import to_array

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes


def flatten(a: Attributes, x: Any) -> Any:
    axis = a.get("axis", 1)
    if axis == 1:
        return nn.Flatten()(x)
    return tg.reshape(x, (int(np.prod(x.shape[:axis])), -1))


def pad(a: Attributes, x: Any, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    pads = a.get("pads", a.get("paddings", pads))
    axes = range(x.ndim) if axes is None else [int(axis) % x.ndim for axis in axes]
    widths = [(0, 0)] * x.ndim
    for place, axis in enumerate(axes):
        widths[axis] = (int(pads[place]), int(pads[len(axes) + place]))
    mode = a.get("mode", b"constant").decode()
    if mode != "constant":
        return tg.pad(x, widths, mode=mode)
    value = a.get("value", 0.0) if value is None else value
    return tg.pad(x, widths, constant_values=float(value))


def reshape(a: Attributes, x: Any, shape: Any) -> Any:
    keep = not a.get("allowzero", 0)  # then 0 keeps a length
    return tg.reshape(x, tuple(x.shape[n] if keep and size == 0 else int(size) for n, size in enumerate(shape)))


def split(a: Attributes, x: Any, sizes: Any = None) -> Any:
    axis, count = a.get("axis", 0), a["outputs"]
    sizes = a.get("split", sizes)
    if sizes is None:  # the last part is the smallest
        size = -(-x.shape[axis] // count)
        return tg.split(x, [size * part for part in range(1, count)], axis=axis)
    return tg.split(x, np.cumsum(sizes)[:-1].tolist(), axis=axis)


def axes_of(a: Attributes, axes: Any) -> Any:
    return tuple(int(axis) for axis in a.get("axes", axes if axes is not None else ()))


def squeeze(a: Attributes, x: Any, axes: Any = None) -> Any:
    return tg.squeeze(x, axes_of(a, axes))


def unsqueeze(a: Attributes, x: Any, axes: Any = None) -> Any:
    return tg.expand_dims(x, axes_of(a, axes))


def expand(a: Attributes, x: Any, shape: Any) -> Any:
    return tg.broadcast_to(x, np.broadcast_shapes(x.shape, tuple(shape)))


def trilu(a: Attributes, x: Any, k: Any = 0) -> Any:
    return (tg.triu if a.get("upper", 1) else tg.tril)(x, int(k))


OPERATORS = {
    "Concat": lambda a, *arrays: tg.concatenate(arrays, axis=a["axis"]),
    "Constant": lambda a: to_array(a["value"]),
    "Expand": expand,
    "Flatten": flatten,
    "Pad": pad,
    "Reshape": reshape,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": lambda a, x, repeats: tg.tile(x, tuple(map(int, repeats))),
    "Transpose": lambda a, x: tg.transpose(x, a.get("perm")),
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}
LEFT_OUT: dict[str, str] = {}
