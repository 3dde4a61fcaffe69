"""Taking and replacing elements, and embedding."""

from __future__ import annotations

from typing import Any

import numpy as np

import nn
import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes


def gather(a: Attributes, x: Any, indices: Any) -> Any:
    if x.ndim == 2 and a.get("axis", 0) == 0 and indices.min() >= 0:
        layer = nn.Embedding(*x.shape)
        layer.weight.data = x
        return layer(indices)
    return tg.take(x, indices, axis=a.get("axis", 0))


def gather_nd(a: Attributes, x: Any, indices: Any) -> Any:
    axes = a.get("batch_dims", 0)
    batch = np.indices(indices.shape[:-1], sparse=True)[:axes]
    return tg.tensor(x)[(*batch, *np.moveaxis(indices, -1, 0))]


def slices(a: Attributes, x: Any, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    starts, ends, axes = a.get("starts", starts), a.get("ends", ends), a.get("axes", axes)
    axes = range(len(starts)) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    index = [slice(None)] * x.ndim
    for axis, start, end, step in zip(axes, starts, ends, steps):
        beyond = step < 0 and end < -x.shape[axis]  # to the first element
        index[axis] = slice(int(start), None if beyond else int(end), int(step))
    return tg.tensor(x)[tuple(index)]


def scatter_elements(a: Attributes, x: Any, indices: Any, updates: Any) -> Any:
    axis = a.get("axis", 0)
    place = list(np.indices(indices.shape, sparse=True))
    place[axis] = indices
    y = tg.tensor(x)
    y[tuple(place)] = updates
    return y


def scatter_nd(a: Attributes, x: Any, indices: Any, updates: Any) -> Any:
    y = tg.tensor(x)
    y[tuple(np.moveaxis(indices, -1, 0))] = updates
    return y


OPERATORS = {
    "Compress": lambda a, x, chosen: tg.compress(chosen, x, axis=a.get("axis")),
    "Gather": gather,
    "GatherElements": lambda a, x, indices: tg.take_along_axis(x, indices, axis=a.get("axis", 0)),
    "GatherND": gather_nd,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "Slice": slices,
}
LEFT_OUT = {
    r"test_scatter(_elements|nd)_.*(add|mul|max|min|duplicate).*": "elements are replaced, and not combined",
}
