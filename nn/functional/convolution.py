"""Convolution of sequences and images, and its transpose.

The last axis has the channels. `_taps` has the general implementation. With one group, no dilation and a kernel of more
than one pixel, `_rows` computes the same in a half to a third of the time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn._repr import counted
from nn._validation import whole_number
from nn.functional import _definitions, _rows, _taps
from nn.functional._blocks import blocks
from nn.functional.dense import ones
from nn.functional.windows import NAMES, Axis, Padding, Size, slide, slide_back
from tensorgrad import domains

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]


class _Setting(NamedTuple):
    """A convolution from `channels` to `filters`: of `(*leading, *sizes, channels)` arrays, or of their gradients."""

    leading: tuple[int, ...]
    axes: tuple[Axis, ...]
    channels: int
    filters: int
    groups: int

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def counts(self) -> tuple[int, ...]:
        return tuple(axis.windows for axis in self.axes)

    @property
    def in_rows(self) -> bool:
        """Whether `_rows` supports this convolution and is faster."""
        return (
            self.groups == 1
            and all(axis.dilation == 1 for axis in self.axes)
            and any(axis.kernel > 1 for axis in self.axes)
            and math.prod(self.leading) > 0
        )

    def blocks(self, samples: int, itemsize: int) -> Iterator[slice]:
        """Yield the samples in blocks; all at once if the kernel is one pixel, so that there is one product."""
        if all(axis.kernel == 1 for axis in self.axes):
            return iter([slice(0, samples)])
        return blocks(
            samples, (math.prod(self.sizes) * self.channels + math.prod(self.counts) * self.filters) * itemsize
        )


def setting(x_shape: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> _Setting:
    """Return the convolution of an array of shape `x_shape`.

    Raises:
        TypeError, ValueError: the shapes or the settings do not fit.
    """
    sizes, channels, filters = _check_shapes(x_shape, weight_shape, groups)
    if x_shape[-1] != channels * groups:
        raise _wrong_channels(x_shape, channels * groups, len(sizes))
    axes = slide(sizes, weight_shape[:-2], stride, padding, dilation)
    return _Setting(tuple(x_shape[: -len(sizes) - 1]), axes, channels * groups, filters, groups)


def transposed_setting(
    x_shape: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int
) -> _Setting:
    """Return the convolution whose transpose takes an array of shape `x_shape`."""
    counts, filters, channels = _check_shapes(x_shape, weight_shape, groups)
    if x_shape[-1] != channels:
        raise _wrong_channels(x_shape, channels, len(counts))
    axes = slide_back(counts, weight_shape[:-2], stride, padding, dilation, output_padding)
    return _Setting(tuple(x_shape[: -len(counts) - 1]), axes, filters * groups, channels, groups)


def _check_shapes(x_shape: Any, weight_shape: Any, groups: int) -> tuple[tuple[int, ...], int, int]:
    """Return the sizes of `x` between its batch and its channels, and the last two lengths of the weight."""
    axes = len(weight_shape) - 2
    kernel = {1: "(kernel", 2: "(kernel height, kernel width"}[axes]
    if len(x_shape) <= axes:
        raise ValueError(f"expected x of shape (batch, {', '.join(NAMES[axes])}, channels), got {tuple(x_shape)}.")
    *_, channels, filters = weight_shape
    if channels < 1 or filters < 1 or filters % whole_number("groups", groups):
        raise ValueError(
            f"expected weights of shape {kernel}, channels / groups, filters), with a multiple of the {groups} groups "
            f"as filters, got {tuple(weight_shape)}."
        )
    return tuple(x_shape[-axes - 1 : -1]), channels, filters


def _wrong_channels(x_shape: Any, channels: int, axes: int) -> ValueError:
    """Return the error for an input without the channels along the last axis, with a hint at the likely mistake."""
    message = (
        f"expected x of shape (batch, {', '.join(NAMES[axes])}, channels) with {counted(channels, 'channel')} along "
        f"the last axis, got {tuple(x_shape)}."
    )
    if len(x_shape) > axes + 1 and x_shape[-axes - 1] == channels:
        message += f" Axis {len(x_shape) - axes - 1} seems to have the channels: pass np.moveaxis(x, {-axes - 1}, -1)."
    elif channels == 1 and len(x_shape) in (axes, axes + 1):
        message += " Without an axis for the channels, pass x[..., None]."
    return ValueError(message)


# -- for arrays ----------------------------------------------------------------------------------------------


def _check_bias(bias: Any, filters: int) -> None:
    if bias is not None and np.shape(bias) != (filters,):
        raise ValueError(f"expected a bias of shape ({filters},), one number for each filter, got {np.shape(bias)}.")


def _same_dtype(*arrays: Any) -> list[Any]:
    """Return C-contiguous arrays of a common dtype, promoted as in NumPy."""
    dtype = np.result_type(*(each for each in arrays if each is not None))
    return [None if each is None else np.ascontiguousarray(each, dtype) for each in arrays]


def _shaped(array: Any, *shape: int) -> Any:
    """Return the array in this shape. It is returned unchanged if possible, because the engine copies views."""
    return array if array.shape == shape else array.reshape(shape)


def _image_axes(axes: tuple[Axis, ...]) -> Any:
    """Return the axes of images; sequences are images of height 1."""
    return axes if len(axes) == 2 else (Axis(1, 1, 1, 1, 0, 0, 1), *axes)


def _down(x: Any, weight: Any, bias: Any, s: _Setting) -> Any:
    """Return the convolution, which maps the channels to the filters."""
    x, weight, bias = _same_dtype(x, weight, bias)
    if s.in_rows:
        down, across = _image_axes(s.axes)
        kernels = weight.reshape(down.kernel, across.kernel, s.channels, s.filters)
        out = _rows.convolve(x.reshape(-1, down.size, across.size, s.channels), kernels, bias, (down, across))
        return _shaped(out, *s.leading, *s.counts, s.filters)
    x = x.reshape(-1, *s.sizes, s.channels)
    out = np.empty((len(x), *s.counts, s.filters), x.dtype)
    for block in s.blocks(len(x), x.itemsize):
        out[block] = _taps.convolve(x[block], weight, s.axes, s.groups)
    if bias is not None:
        out += bias
    return _shaped(out, *s.leading, *s.counts, s.filters)


def _up(g: Any, weight: Any, s: _Setting) -> Any:
    """Return the transposed convolution, which maps the filters to the channels."""
    g, weight = _same_dtype(g, weight)
    if s.in_rows:
        down, across = _image_axes(s.axes)
        kernels = weight.reshape(down.kernel, across.kernel, s.channels, s.filters)
        out = _rows.input_gradient(g.reshape(-1, down.windows, across.windows, s.filters), kernels, (down, across))
        return _shaped(out, *s.leading, *s.sizes, s.channels)
    g = g.reshape(-1, *s.counts, s.filters)
    out = np.empty((len(g), *s.sizes, s.channels), g.dtype)
    for block in s.blocks(len(g), g.itemsize):
        out[block] = _taps.input_gradient(g[block], weight, s.axes, s.groups)
    return _shaped(out, *s.leading, *s.sizes, s.channels)


def _across(g: Any, x: Any, s: _Setting) -> Any:
    """Return the gradient with respect to the weight."""
    g, x = _same_dtype(g, x)
    kernel = tuple(axis.kernel for axis in s.axes)
    if s.in_rows:
        down, across = _image_axes(s.axes)
        images = x.reshape(-1, down.size, across.size, s.channels)
        gradients = g.reshape(-1, down.windows, across.windows, s.filters)
        gradient = _rows.weight_gradient(gradients, images, (down, across))
        return gradient.reshape(*kernel, s.channels, s.filters)
    g, x = g.reshape(-1, *s.counts, s.filters), x.reshape(-1, *s.sizes, s.channels)
    gradient = np.zeros((*kernel, s.channels // s.groups, s.filters), g.dtype)
    for block in s.blocks(len(x), x.itemsize):
        gradient += _taps.weight_gradient(g[block], x[block], kernel, s.axes, s.groups)
    return gradient


def _bias_gradient(g: Any) -> Any:
    """Return the sum over all pixels, as a product with ones."""
    rows = g.reshape(-1, g.shape[-1])
    return ones(len(rows), g.dtype) @ rows


# -- the operations ------------------------------------------------------------------------------------------


def _convolved(x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    s = setting(x.shape, weight.shape, stride, padding, dilation, groups)
    _check_bias(bias, s.filters)
    return _down(x, weight, bias, s)


def _composed(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Any:
    """Return the convolution in recorded functions."""
    s = setting(x.shape, weight.shape, stride, padding, dilation, groups)
    _check_bias(bias, s.filters)
    out = _taps.convolve(np.reshape(x, (-1, *s.sizes, s.channels)), weight, s.axes, groups)
    out = np.reshape(out, (*s.leading, *s.counts, s.filters))
    return out if bias is None else out + bias


def _to_input(g: Any, x_shape: Any, weight: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`conv_transpose(g, weight)`: each gradient times its filter, added where the window was."""
    return _up(g, weight, setting(x_shape, weight.shape, stride, padding, dilation, groups))


def _to_weight(g: Any, x: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> Any:
    """`windows(x).T @ g`: the products of each window and its gradient, summed over all windows."""
    return _across(g, x, setting(x.shape, weight_shape, stride, padding, dilation, groups))


def _flops(out_shape: tuple[int, ...], weight_shape: tuple[int, ...], bias_shape: Any) -> int:
    """Return 2 operations for each element of the result and each weight of its filter, and 1 for the bias."""
    return math.prod(out_shape) * (2 * math.prod(weight_shape[:-1]) + (bias_shape is not None))


@tg.op(
    x=_to_input,
    weight=_to_weight,
    bias=_bias_gradient,
    composed=_composed,
    lowering="nn.functional._lowerings:convolution",
    flops=_flops,
    reference=_definitions.convolution,
    examples=[
        domains.case((2, 5, 2), (3, 2, 2), (2,)),
        domains.case((1, 6, 1), (2, 1, 3), None, stride=2, padding=1),
        domains.case((2, 5, 2), (3, 1, 2), (2,), padding="same", groups=2),
        domains.case((2, 5, 2), (3, 1, 4), None, padding=(2, 0), dilation=2, groups=2),
        domains.case((5, 2), (2, 2, 2), (2,), padding=(3, 1), stride=2),
        domains.case((0, 5, 2), (3, 2, 2), (2,)),
    ],
)
def conv1d(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, stride: Size = 1, padding: Padding = 0,
    dilation: Size = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Convolve sequences with kernels: each result is a weighted sum of a window of the input.

    Args:
        x: `(batch, time, channels)`, or any other axes before the last two.
        weight: `(kernel, channels / groups, filters)`.
        bias: `(filters,)`, or None.
        stride, padding, dilation, groups: as in `conv2d`; the padding is a number, a pair (before, after), "same" or
            "valid".

    Returns:
        `(batch, windows, filters)`.

    Raises:
        TypeError, ValueError: as `conv2d`.

    >>> conv1d([[1.0], [2.0], [4.0]], [[[1.0]], [[10.0]]])
    Tensor([[21.],
            [42.]])
    """
    x, weight = np.asarray(x), np.asarray(weight)
    _check_weight(weight, 1)
    return _convolved(x, weight, bias, stride, padding, dilation, groups)


@tg.op(
    x=_to_input,
    weight=_to_weight,
    bias=_bias_gradient,
    composed=_composed,
    lowering="nn.functional._lowerings:convolution",
    flops=_flops,
    reference=_definitions.convolution,
    examples=[
        domains.case((1, 3, 4, 2), (2, 2, 2, 2), (2,)),
        domains.case((2, 3, 3, 1), (3, 3, 1, 2), (2,), padding="same"),
        domains.case((1, 4, 5, 1), (3, 2, 1, 2), None, stride=2, padding=1),
        domains.case((1, 5, 4, 1), (2, 3, 1, 2), (2,), stride=(3, 2), padding=((1, 0), (2, 3))),
        domains.case((1, 5, 4, 1), (2, 2, 1, 2), (2,), dilation=(2, 1), padding=(0, 1)),
        domains.case((1, 3, 3, 2), (2, 2, 1, 2), (2,), groups=2),
        domains.case((1, 3, 2, 4), (2, 1, 2, 4), None, groups=2, padding="same"),
        domains.case((1, 3, 3, 2), (1, 1, 2, 3), (3,)),
        domains.case((1, 3, 3, 2), (1, 1, 2, 2), None, stride=2),
        domains.case((3, 4, 2), (1, 3, 2, 2), (2,)),
        domains.case((1, 2, 2, 1), (2, 2, 1, 1), None, padding=3),
        domains.case((0, 3, 3, 2), (2, 2, 2, 1), (1,)),
    ],
)
def conv2d(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, stride: Size = 1, padding: Padding = 0,
    dilation: Size = 1, groups: int = 1,
) -> Any:  # fmt: skip
    """Convolve images with kernels: each pixel of the result is a weighted sum of a window of the input.

    As in other neural-network libraries, the kernel is not reversed.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        weight: `(kernel height, kernel width, channels / groups, filters)`.
        bias: `(filters,)`, or None.
        stride: the distance between windows; a number, or one for each axis.
        padding: zeros around the image: a number, `(height, width)`, `((top, bottom), (left, right))`, "valid" for
            none, or "same" for ⌈size / stride⌉ windows.
        dilation: the distance between the pixels of a window; a number, or one for each axis.
        groups: the channels and the filters are divided into that many groups, and each group of filters sees its
            group of channels only. With `groups=channels`, every channel is convolved alone (depthwise).

    Returns:
        `(batch, windows down, windows across, filters)`.

    Raises:
        ValueError: shapes or settings that do not fit; a kernel larger than the input with its padding.
        TypeError: a setting that is not an integer.

    References:
        Dumoulin and Visin, *A Guide to Convolution Arithmetic for Deep Learning*, 2016.

    >>> image = np.arange(9.0).reshape(3, 3, 1)
    >>> conv2d(image, np.ones((2, 2, 1, 1))).data[..., 0]
    array([[ 8., 12.],
           [20., 24.]])
    """
    x, weight = np.asarray(x), np.asarray(weight)
    _check_weight(weight, 2)
    return _convolved(x, weight, bias, stride, padding, dilation, groups)


def _transpose_convolved(
    x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int
) -> Any:
    s = transposed_setting(x.shape, weight.shape, stride, padding, dilation, output_padding, groups)
    _check_bias(bias, s.channels)
    x, weight, bias = _same_dtype(x, weight, bias)
    out = _up(x, weight, s)
    return out if bias is None else out + bias


def _transpose_composed(
    x: Any, weight: Any, bias: Any = None, *, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    output_padding: Any = 0, groups: int = 1,
) -> Any:  # fmt: skip
    """Return the transposed convolution in recorded functions."""
    s = transposed_setting(x.shape, weight.shape, stride, padding, dilation, output_padding, groups)
    _check_bias(bias, s.channels)
    out = _taps.convolve_transposed(np.reshape(x, (-1, *s.counts, s.filters)), weight, s.axes, groups)
    out = np.reshape(out, (*s.leading, *s.sizes, s.channels))
    return out if bias is None else out + bias


def _transpose_to_input(
    g: Any, x_shape: Any, weight: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int
) -> Any:
    """`conv(g, weight)`, because the derivative of a transposed convolution is the convolution."""
    s = transposed_setting(x_shape, weight.shape, stride, padding, dilation, output_padding, groups)
    return _down(g, weight, None, s)


def _transpose_to_weight(
    g: Any, x: Any, weight_shape: Any, stride: Any, padding: Any, dilation: Any, output_padding: Any, groups: int
) -> Any:
    """`windows(g).T @ x`: the products of each input and the gradients of its window, summed over all inputs."""
    return _across(x, g, transposed_setting(x.shape, weight_shape, stride, padding, dilation, output_padding, groups))


def _transpose_flops(
    out_shape: tuple[int, ...], x_shape: tuple[int, ...], weight_shape: tuple[int, ...], bias_shape: Any
) -> int:
    """Return 2 operations for each element of the input and each weight of its kernel, and 1 for the bias."""
    bias = 0 if bias_shape is None else math.prod(out_shape)
    return 2 * math.prod(x_shape) * math.prod(weight_shape[:-1]) + bias


@tg.op(
    x=_transpose_to_input,
    weight=_transpose_to_weight,
    bias=_bias_gradient,
    composed=_transpose_composed,
    lowering="nn.functional._lowerings:transposed_convolution",
    flops=_transpose_flops,
    reference=_definitions.transposed_convolution,
    examples=[
        domains.case((2, 3, 2), (3, 2, 2), (2,)),
        domains.case((1, 3, 1), (2, 3, 1), None, stride=3, padding=(1, 0), output_padding=1),
        domains.case((2, 3, 2), (3, 1, 2), (2,), stride=2, padding="same", groups=2),
        domains.case((3, 2), (2, 2, 2), (2,), dilation=2, padding=1),
        domains.case((0, 3, 2), (3, 2, 2), (2,)),
    ],
)
def conv_transpose1d(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, stride: Size = 1, padding: Padding = 0,
    dilation: Size = 1, output_padding: Size = 0, groups: int = 1,
) -> Any:  # fmt: skip
    """Transpose `conv1d`: each input adds a weighted kernel to the result.

    Args:
        x: `(batch, time, channels)`, or any other axes before the last two.
        weight: `(kernel, filters / groups, channels)`.
        bias: `(filters,)`, or None.
        stride, padding, dilation, output_padding, groups: as in `conv_transpose2d`.

    Raises:
        TypeError, ValueError: as `conv_transpose2d`.

    >>> conv_transpose1d([[1.0], [2.0]], [[[1.0]], [[10.0]]])
    Tensor([[ 1.],
            [12.],
            [20.]])
    """
    x, weight = np.asarray(x), np.asarray(weight)
    _check_weight(weight, 1)
    return _transpose_convolved(x, weight, bias, stride, padding, dilation, output_padding, groups)


@tg.op(
    x=_transpose_to_input,
    weight=_transpose_to_weight,
    bias=_bias_gradient,
    composed=_transpose_composed,
    lowering="nn.functional._lowerings:transposed_convolution",
    flops=_transpose_flops,
    reference=_definitions.transposed_convolution,
    examples=[
        domains.case((1, 2, 3, 2), (2, 2, 2, 2), (2,)),
        domains.case((2, 2, 2, 1), (3, 3, 1, 1), (1,), stride=2, padding="same"),
        domains.case((1, 2, 2, 1), (2, 1, 2, 1), None, stride=(2, 3), output_padding=(0, 2)),
        domains.case((1, 2, 2, 2), (2, 2, 1, 2), (2,), groups=2, padding=((1, 0), (0, 1))),
        domains.case((1, 2, 2, 4), (2, 1, 1, 4), None, groups=2),
        domains.case((1, 2, 2, 1), (2, 2, 2, 1), (2,), dilation=2, stride=2, padding=1),
        domains.case((2, 3, 2), (1, 1, 1, 2), (1,)),
        domains.case((0, 2, 2, 1), (2, 2, 1, 1), None),
    ],
)
def conv_transpose2d(
    x: ArrayLike, weight: ArrayLike, bias: ArrayLike | None = None, *, stride: Size = 1, padding: Padding = 0,
    dilation: Size = 1, output_padding: Size = 0, groups: int = 1,
) -> Any:  # fmt: skip
    """Transpose `conv2d`: each pixel of the input adds a weighted kernel to the result.

    It computes the input gradient of a convolution, so its weight is that of the convolution from the filters to the
    channels, as in Keras.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        weight: `(kernel height, kernel width, filters / groups, channels)`.
        bias: `(filters,)`, or None.
        stride: the distance between the kernels in the result; a number, or one for each axis.
        padding: what is cropped from the result: a number, `(height, width)`, `((top, bottom), (left, right))`, "valid"
            for nothing, or "same" for `stride` times the input's size.
        dilation, groups: as in `conv2d`.
        output_padding: rows and columns added at the bottom and on the right, less than the stride: several sizes
            lead to the same number of windows. A number, or one for each axis.

    Raises:
        ValueError: shapes or settings that do not fit, or nothing would remain.
        TypeError: a setting that is not an integer.

    >>> conv_transpose2d(np.ones((2, 2, 1)), np.ones((2, 2, 1, 1))).data[..., 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    x, weight = np.asarray(x), np.asarray(weight)
    _check_weight(weight, 2)
    return _transpose_convolved(x, weight, bias, stride, padding, dilation, output_padding, groups)


def _check_weight(weight: Any, axes: int) -> None:
    if weight.ndim != axes + 2:
        raise ValueError(f"expected weights with {axes + 2} axes, the last for the filters, got shape {weight.shape}.")
