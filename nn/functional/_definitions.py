"""Reference implementations of the operations as plain loops, for tests."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from nn.functional.windows import Axis, slide, slide_back


def convolution(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Return `out[n, i, f] = bias[f] + Σ x[n, element, c]·weight[k, c, f]`, over the elements of each window."""
    *kernel, channels, filters = weight.shape
    axes = slide(x.shape[-len(kernel) - 1 : -1], tuple(kernel), stride, padding, dilation)
    samples = x.reshape(-1, *(axis.size for axis in axes), x.shape[-1])
    out = np.zeros((len(samples), *(axis.windows for axis in axes), filters))
    for window, place, element in _meetings(axes):
        for f in range(filters):
            group = f // (filters // groups)
            for c in range(channels):
                out[:, *window, f] += samples[:, *element, group * channels + c] * weight[place][c, f]
    out = out.reshape(*x.shape[: -len(kernel) - 1], *out.shape[1:])
    return out if bias is None else out + bias


def transposed_convolution(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    output_padding: Any = 0, groups: int = 1,
) -> Any:  # fmt: skip
    """Return `out[n, element, f] = bias[f] + Σ x[n, i, c]·weight[k, f, c]`, over the windows that have the element."""
    *kernel, filters, channels = weight.shape
    axes = slide_back(x.shape[-len(kernel) - 1 : -1], tuple(kernel), stride, padding, dilation, output_padding)
    samples = x.reshape(-1, *(axis.windows for axis in axes), channels)
    out = np.zeros((len(samples), *(axis.size for axis in axes), filters * groups))
    for window, place, element in _meetings(axes):
        for c in range(channels):
            group = c // (channels // groups)
            for f in range(filters):
                out[:, *element, group * filters + f] += samples[:, *window, c] * weight[place][f, c]
    out = out.reshape(*x.shape[: -len(kernel) - 1], *out.shape[1:])
    return out if bias is None else out + bias


def _meetings(axes: tuple[Axis, ...]) -> Iterator[tuple[Any, Any, Any]]:
    """Yield the index of every window, each kernel position, and the element at it unless it is padding."""
    for window in np.ndindex(*(axis.windows for axis in axes)):
        for place in np.ndindex(*(axis.kernel for axis in axes)):
            element = tuple(w * a.stride - a.before + k * a.dilation for w, k, a in zip(window, place, axes))
            if all(0 <= e < a.size for e, a in zip(element, axes)):
                yield window, place, element


def max_pool1d(x: Any, size: Any, *, stride: Any = None, padding: Any = 0, ceil_mode: bool = False) -> Any:
    """Return the maxima of the windows along one axis."""
    return _pooled(x, slide(x.shape[-2:-1], size, stride or size, padding, ceil_mode=ceil_mode), np.max)


def max_pool2d(x: Any, size: Any, *, stride: Any = None, padding: Any = 0, ceil_mode: bool = False) -> Any:
    """Return the maxima of the windows along two axes."""
    return _pooled(x, slide(x.shape[-3:-1], size, stride or size, padding, ceil_mode=ceil_mode), np.max)


def average_pool1d(
    x: Any, size: Any, *, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_padding: bool = True
) -> Any:
    """Return the means of the windows along one axis."""
    axes = slide(x.shape[-2:-1], size, stride or size, padding, ceil_mode=ceil_mode)
    return _averages(x, axes, count_padding)


def average_pool2d(
    x: Any, size: Any, *, stride: Any = None, padding: Any = 0, ceil_mode: bool = False, count_padding: bool = True
) -> Any:
    """Return the means of the windows along two axes."""
    axes = slide(x.shape[-3:-1], size, stride or size, padding, ceil_mode=ceil_mode)
    return _averages(x, axes, count_padding)


def global_max_pool(x: Any) -> Any:
    """Return the maxima of all elements of a sample."""
    return np.array([[np.max(sample[..., c]) for c in range(x.shape[-1])] for sample in x])


def _averages(x: Any, axes: tuple[Axis, ...], count_padding: bool) -> Any:
    if not count_padding:
        return _pooled(x, axes, np.mean)
    widths = [(axis.before, axis.after) for axis in axes]
    padded = np.pad(x, [(0, 0)] * (x.ndim - len(axes) - 1) + widths + [(0, 0)])
    wider = (axis._replace(size=axis.size + axis.before + axis.after, before=0, after=0) for axis in axes)
    return _pooled(padded, tuple(wider), np.mean)


def _pooled(x: Any, axes: tuple[Axis, ...], reduce: Any) -> Any:
    """Return `reduce` of the elements of each window."""
    samples = x.reshape(-1, *x.shape[-len(axes) - 1 :]) if x.size else x
    elements: dict[Any, list[Any]] = {}
    for window, _, element in _meetings(axes):
        elements.setdefault(window, []).append(samples[:, *element])
    out = np.zeros((len(samples), *(axis.windows for axis in axes), x.shape[-1]))
    for window, found in elements.items():
        out[:, *window] = reduce(found, axis=0)
    return out.reshape(*x.shape[: -len(axes) - 1], *out.shape[1:])


def attention(q: Any, k: Any, v: Any, mask: Any = None, causal: bool = False, *, scale: float | None = None) -> Any:
    """Return Σ weight·v over the keys that a query may attend to, with weights in proportion to exp(scale·q·k)."""
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    queries, keys = q.shape[-2], k.shape[-2]
    scores = None if mask is None else np.broadcast_to(mask, (*q.shape[:-1], keys))
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for *before, t in np.ndindex(*q.shape[:-1]):
        head = tuple(before)
        if len(head) > 1:
            head = (*head[:-1], head[-1] // (q.shape[-3] // k.shape[-3]))
        weights = {}
        for s in range(min(keys, keys - queries + t + 1) if causal else keys):
            score = scale * sum(a * b for a, b in zip(q[*before, t], k[*head, s]))
            extra = 0 if scores is None else scores[*before, t, s]
            if scores is not None and scores.dtype == bool:
                extra = 0 if extra else -math.inf
            weights[s] = math.exp(score + extra)
        total = sum(weights.values())
        for s, weight in weights.items():
            out[*before, t] += weight / total * v[*head, s] if total else 0
    return out


def rotary(x: Any, cosines: Any, sines: Any, *, interleaved: bool = True) -> Any:
    """Return a + bi times cos + i·sin, for the pairs (a, b) of features."""
    features = x.shape[-1]
    order = np.arange(features).reshape((-1, 2) if interleaved else (2, -1))
    first, second = order.T if interleaved else order
    product = (x[..., first] + 1j * x[..., second]) * (cosines + 1j * sines)
    out = np.zeros(x.shape)
    out[..., first], out[..., second] = product.real, product.imag
    return out
