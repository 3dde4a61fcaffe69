"""Convolution as a sum over the kernel's positions: general, in plain NumPy.

Position `p` of the kernel is multiplied by one pixel of every window. With those pixels as rows,

    result = Σₚ pixels(p) @ weight[p]
    ∂pixels(p) = g @ weight[p]ᵀ
    ∂weight[p] = pixels(p)ᵀ @ g

Arrays are `(samples, *sizes, channels)`, the weight is `(*kernel, channels / groups, filters)`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nn.functional.dense import ones
from nn.functional.windows import Axis


def convolve(x: Any, weight: Any, axes: tuple[Axis, ...], groups: int) -> Any:
    """Return the convolution of arrays or tensors, using only NumPy functions that are recorded for tensors."""
    x = _padded(x, [(axis.before, axis.after) for axis in axes])
    result = None
    for place in np.ndindex(weight.shape[:-2]):
        product = _product(x[_pixels(place, axes)], weight[place], groups)
        result = product if result is None else result + product
    return result


def input_gradient(g: Any, weight: Any, axes: tuple[Axis, ...], groups: int) -> Any:
    """Return the gradient with respect to the input: every pixel sums over the windows that it is in."""
    back = transposed(weight, groups)
    if all(axis.is_plain for axis in axes):
        return _product(g, back[(0,) * len(axes)], groups)
    sizes = [axis.size + axis.before + axis.after for axis in axes]
    padded = np.zeros((g.shape[0], *sizes, back.shape[-1]), g.dtype)
    for place in np.ndindex(weight.shape[:-2]):
        padded[_pixels(place, axes)] += _product(g, back[place], groups)
    return padded[(slice(None), *(slice(axis.before, axis.before + axis.size) for axis in axes))]


def weight_gradient(g: Any, x: Any, kernel: tuple[int, ...], axes: tuple[Axis, ...], groups: int) -> Any:
    """Return the gradient with respect to the weight, whose first axes have the lengths `kernel`."""
    x = _padded(x, [(axis.before, axis.after) for axis in axes])
    gradient = np.empty((*kernel, x.shape[-1] // groups, g.shape[-1]), g.dtype)
    for place in np.ndindex(kernel):
        gradient[place] = _product_over_pixels(x[_pixels(place, axes)], g, groups)
    return gradient


def convolve_transposed(x: Any, weight: Any, axes: tuple[Axis, ...], groups: int) -> Any:
    """Return `input_gradient` of arrays or tensors in recorded functions.

    It is a convolution, with the kernel reversed, of the input with zeros between its pixels.
    """
    margins, around = [], []
    for number, axis in enumerate(axes, start=1):
        x = _spaced(x, number, axis.stride)
        before = axis.extent - 1 - axis.before
        margins.append((before, axis.size + axis.extent - 1 - before - x.shape[number]))
        around.append(Axis(axis.size + axis.extent - 1, axis.kernel, 1, axis.dilation, 0, 0, axis.size))
    x = _padded(x, [(max(before, 0), max(after, 0)) for before, after in margins])
    x = x[(slice(None), *(slice(max(-b, 0), n - max(-a, 0)) for n, (b, a) in zip(x.shape[1:], margins)))]
    reverse = (slice(None, None, -1),) * len(axes)
    return convolve(x, transposed(weight, groups)[reverse], tuple(around), groups)


def transposed(weight: Any, groups: int) -> Any:
    """Return the weight `(*kernel, filters / groups, channels)` that maps the filters back to the channels."""
    *kernel, channels, filters = weight.shape
    by_group = np.reshape(weight, (*kernel, channels, groups, filters // groups))
    return np.reshape(np.swapaxes(by_group, -1, -3), (*kernel, filters // groups, groups * channels))


def _padded(x: Any, margins: list[tuple[int, int]]) -> Any:
    return np.pad(x, [(0, 0), *margins, (0, 0)]) if any(map(any, margins)) else x


def _pixels(place: tuple[int, ...], axes: tuple[Axis, ...]) -> tuple[slice, ...]:
    """Return the slices of the padded input with the pixel of every window at this kernel position."""
    starts = (k * axis.dilation for k, axis in zip(place, axes))
    return (
        slice(None),
        *(slice(start, start + (axis.windows - 1) * axis.stride + 1, axis.stride) for start, axis in zip(starts, axes)),
    )


def _product(pixels: Any, weight: Any, groups: int) -> Any:
    """Return `pixels @ weight`, computed separately for each group."""
    channels, filters = weight.shape
    if groups == 1:
        return np.reshape(np.reshape(pixels, (-1, channels)) @ weight, (*pixels.shape[:-1], filters))
    if is_depthwise(weight.shape, groups):
        return pixels * weight[0]
    each = zip(_split(pixels, groups), _split(weight, groups))
    return np.concatenate([_product(own_pixels, own_weight, 1) for own_pixels, own_weight in each], axis=-1)


def _product_over_pixels(pixels: Any, g: Any, groups: int) -> Any:
    """Return `pixelsᵀ @ g`, for each group."""
    channels, filters = pixels.shape[-1] // groups, g.shape[-1]
    if groups == 1:
        return np.reshape(pixels, (-1, channels)).T @ np.reshape(g, (-1, filters))
    if is_depthwise((channels, filters), groups):
        rows = np.reshape(pixels * g, (-1, groups))
        return (ones(len(rows), rows.dtype) @ rows)[None]
    each = zip(_split(pixels, groups), _split(g, groups))
    return np.concatenate([_product_over_pixels(own_pixels, own_g, 1) for own_pixels, own_g in each], axis=-1)


def is_depthwise(weight_shape: tuple[int, ...], groups: int) -> bool:
    """Return whether every channel has exactly one filter."""
    return groups > 1 and weight_shape[-2:] == (1, groups)


def _split(array: Any, groups: int) -> list[Any]:
    """Return the part of each group along the last axis."""
    size = array.shape[-1] // groups
    return [array[..., start : start + size] for start in range(0, groups * size, size)]


def _spaced(x: Any, number: int, stride: int) -> Any:
    """Insert `stride - 1` zeros between neighbours along an axis."""
    if stride == 1:
        return x
    shape = x.shape
    widths = [(0, 0)] * (number + 1) + [(0, stride - 1)] + [(0, 0)] * (len(shape) - number - 1)
    stretched = np.pad(np.reshape(x, (*shape[: number + 1], 1, *shape[number + 1 :])), widths)
    stretched = np.reshape(stretched, (*shape[:number], shape[number] * stride, *shape[number + 1 :]))
    return stretched[(slice(None),) * number + (slice((shape[number] - 1) * stride + 1),)]
