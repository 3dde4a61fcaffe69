"""Reference implementations of the operations as plain loops, for tests."""

from __future__ import annotations

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


def pooled(reduce: Any, count: int) -> Any:
    """Return a function that reduces the windows along `count` axes."""

    def pool(
        x: Any, size: Any, *, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
        count_padding: bool = False,
    ) -> Any:  # fmt: skip
        axes = slide(x.shape[-count - 1 : -1], size, stride or size, padding, dilation, ceil_mode=ceil_mode)
        if count_padding:
            widths = [(axis.before, axis.after) for axis in axes]
            x = np.pad(x, [(0, 0)] * (x.ndim - count - 1) + widths + [(0, 0)])
            axes = tuple(a._replace(size=a.size + a.before + a.after, before=0, after=0) for a in axes)
        samples = x.reshape(-1, *x.shape[-count - 1 :]) if x.size else x
        elements: dict[Any, list[Any]] = {}
        for window, _, element in _meetings(axes):
            elements.setdefault(window, []).append(samples[:, *element])
        out = np.zeros((len(samples), *(axis.windows for axis in axes), x.shape[-1]))
        for window, found in elements.items():
            out[:, *window] = reduce(found, axis=0)
        return out.reshape(*x.shape[: -count - 1], *out.shape[1:])

    return pool


max_pool1d, max_pool2d = pooled(np.max, 1), pooled(np.max, 2)


def average_pool1d(x: Any, size: Any, *, count_padding: bool = True, **settings: Any) -> Any:
    """Return the means of the windows along one axis."""
    return pooled(np.mean, 1)(x, size, count_padding=count_padding, **settings)


def average_pool2d(x: Any, size: Any, *, count_padding: bool = True, **settings: Any) -> Any:
    """Return the means of the windows along two axes."""
    return pooled(np.mean, 2)(x, size, count_padding=count_padding, **settings)


def global_max_pool(x: Any) -> Any:
    """Return the maxima of all elements of a sample."""
    return np.array([[np.max(sample[..., c]) for c in range(x.shape[-1])] for sample in x])
