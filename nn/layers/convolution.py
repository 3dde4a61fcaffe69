"""Convolutional layers for sequences and images, and their transposes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from nn import functional, init
from nn._rng import Rng
from nn._validation import whole_number
from nn._weight_layouts import Layout, foreign
from nn.functional.windows import Padding, Size, as_setting, per_axis, per_side
from nn.layers._weighted import Weighted
from nn.layers.masks import refuse_mask
from tensorgrad import Tensor

EXAMPLE_SIDES = (8, 28, 32, 64, 96, 128, 224)
"""Sizes of images to try, to draw a network without data. A dense layer at the end accepts only one of them."""


class _Convolution(Weighted):
    """Base class of the convolutional layers."""

    with_mask = refuse_mask

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, channels: int, filters: int, kernel_size: Size, *, stride: Size = 1, padding: Padding = 0,
        dilation: Size = 1, groups: int = 1, bias: bool = True, weight_init: init.Initializer | None = None,
        weight_l1: float = 0.0, weight_l2: float = 0.0, bias_l1: float = 0.0, bias_l2: float = 0.0,
        dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        super().__init__(weight_l1, weight_l2, bias_l1, bias_l2, bias)
        name = type(self).__name__
        self.channels = whole_number(f"{name}: channels", channels)
        self.filters = whole_number(f"{name}: filters", filters)
        self.groups = whole_number(f"{name}: groups", groups)
        if self.channels % self.groups or self.filters % self.groups:
            raise ValueError(
                f"{name}: channels and filters must be multiples of groups, got {channels} channels, {filters} filters "
                f"and {groups} groups."
            )
        kernel = per_axis(f"{name}: kernel_size", kernel_size, self.axes)
        for setting, value in (("stride", stride), ("dilation", dilation)):
            per_axis(f"{name}: {setting}", value, self.axes)
        per_side(f"{name}: padding", padding, self.axes)
        self.kernel_size, self.stride = as_setting(kernel_size), as_setting(stride)
        self.padding, self.dilation = as_setting(padding), as_setting(dilation)
        self.weight = self._weight((*kernel, *self._ends()), weight_init, init.glorot(), rng, dtype)
        self.bias = Tensor(np.zeros(self.filters, dtype), requires_grad=True) if bias else None

    def _ends(self) -> tuple[int, int]:
        return self.channels // self.groups, self.filters

    def example_inputs(self) -> Iterator[NDArray[Any]]:
        """Yield inputs of a shape that the layer accepts."""
        for side in EXAMPLE_SIDES:
            yield np.zeros((1, *(side,) * self.axes, self.channels), self.weight.dtype)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return the convolution of `x`, `(batch, …, channels)`."""
        return self._convolve(x)

    def _convolve(self, x: ArrayLike, **options: Size) -> Tensor:
        return type(self).function(
            x, self.weight, self.bias, stride=self.stride, padding=self.padding, dilation=self.dilation,
            groups=self.groups, **options,
        )  # fmt: skip

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return self.weighted_settings()


class _TransposedConvolution(_Convolution):
    """Base class of the transposed convolutional layers."""

    def __init__(
        self, channels: int, filters: int, kernel_size: Size, *, stride: Size = 1, padding: Padding = 0,
        output_padding: Size = 0, dilation: Size = 1, groups: int = 1, bias: bool = True,
        weight_init: init.Initializer | None = None, weight_l1: float = 0.0, weight_l2: float = 0.0,
        bias_l1: float = 0.0, bias_l2: float = 0.0, dtype: DTypeLike = np.float32, rng: Rng = None,
    ) -> None:  # fmt: skip
        per_side(f"{type(self).__name__}: output_padding", output_padding, self.axes)
        self.output_padding = as_setting(output_padding)
        super().__init__(
            channels, filters, kernel_size, stride=stride, padding=padding, dilation=dilation, groups=groups,
            bias=bias, weight_init=weight_init, weight_l1=weight_l1, weight_l2=weight_l2, bias_l1=bias_l1,
            bias_l2=bias_l2, dtype=dtype, rng=rng,
        )  # fmt: skip

    def _ends(self) -> tuple[int, int]:
        return self.filters // self.groups, self.channels

    def _convolve(self, x: ArrayLike, **options: Size) -> Tensor:
        return super()._convolve(x, output_padding=self.output_padding, **options)

    def settings(self) -> dict[str, Any]:
        """Return the constructor's arguments that differ from their defaults."""
        return self.weighted_settings()


class Conv1D(_Convolution):
    """Convolution of sequences.

    Args:
        channels: the channels of x, at least 1.
        filters: the channels of the result, at least 1.
        kernel_size, stride, padding, dilation, groups: as in `functional.conv1d`.
        bias: whether a bias is added.
        weight_init, weight_l1, weight_l2, bias_l1, bias_l2, dtype, rng: as in `Dense`.

    Attributes:
        weight: `(kernel, channels / groups, filters)`.
        bias: `(filters,)`, or None.

    x is `(batch, time, channels)`; the result is `(batch, windows, filters)`.

    Raises:
        ValueError: an argument out of range; when called, x with other channels, or too short.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    >>> import numpy as np
    >>> layer = Conv1D(3, 8, 5, padding="same", rng=0)
    >>> layer
    Conv1D(3, 8, 5, padding='same')
    >>> layer(np.ones((2, 20, 3), np.float32)).shape
    (2, 20, 8)
    """

    axes = 1
    function = functional.conv1d
    pytorch_layout = Layout({"weight": foreign("weight").transpose(), "bias": "bias"})
    keras_layout = Layout({"weight": "kernel", "bias": "bias"}, name="conv1d")


class Conv2D(_Convolution):
    """Convolution of images.

    Args:
        channels: the channels of x, at least 1.
        filters: the channels of the result, at least 1.
        kernel_size: a number, or `(height, width)`.
        stride, padding, dilation, groups: as in `functional.conv2d`. `groups=channels` makes it depthwise.
        bias: whether a bias is added.
        weight_init, weight_l1, weight_l2, bias_l1, bias_l2, dtype, rng: as in `Dense`.

    Attributes:
        weight: `(kernel height, kernel width, channels / groups, filters)`.
        bias: `(filters,)`, or None.

    x is `(batch, height, width, channels)`; the result is `(batch, windows down, windows across, filters)`.

    Raises:
        ValueError: an argument out of range; when called, x with other channels, or smaller than the kernel.
        TypeError: a size that is not an integer, or a dtype that is not floating-point.

    >>> import numpy as np
    >>> layer = Conv2D(3, 16, 3, stride=2, padding=1, rng=0)
    >>> layer
    Conv2D(3, 16, 3, stride=2, padding=1)
    >>> layer(np.ones((8, 32, 32, 3), np.float32)).shape
    (8, 16, 16, 16)
    >>> layer(np.ones((8, 3, 32, 32), np.float32))
    Traceback (most recent call last):
    ValueError: Conv2D(3, 16, 3, stride=2, padding=1): expected x of shape (batch, height, width, channels) with 3
    channels along the last axis, got (8, 3, 32, 32). Axis 1 seems to have the channels: pass np.moveaxis(x, -3, -1).
    """

    axes = 2
    function = functional.conv2d
    pytorch_layout = Layout({"weight": foreign("weight").transpose(2, 3, 1, 0), "bias": "bias"})

    @property
    def keras_layout(self) -> Layout:
        """Return the names and layouts in Keras, where a depthwise convolution has a separate class."""
        if self.groups == 1 or self.groups != self.channels:
            return Layout({"weight": "kernel", "bias": "bias"}, name="conv2d")
        kernel, multiplier = self.weight.shape[:2], self.filters // self.channels
        weight = foreign("kernel").reshape((*kernel, self.channels, multiplier), (*kernel, 1, self.filters))
        return Layout({"weight": weight, "bias": "bias"}, name="depthwise_conv2d")


class ConvTranspose1D(_TransposedConvolution):
    """Transposed convolution of sequences, which makes them longer.

    Args:
        channels: the channels of x, at least 1.
        filters: the channels of the result, at least 1.
        kernel_size, stride, padding, output_padding, dilation, groups: as in `functional.conv_transpose1d`.
        bias: whether a bias is added.
        weight_init, weight_l1, weight_l2, bias_l1, bias_l2, dtype, rng: as in `Dense`.

    Attributes:
        weight: `(kernel, filters / groups, channels)`, as in Keras.
        bias: `(filters,)`, or None.

    Raises:
        TypeError, ValueError: as `Conv1D`.

    >>> import numpy as np
    >>> ConvTranspose1D(4, 2, 2, stride=2, rng=0)(np.ones((1, 10, 4), np.float32)).shape
    (1, 20, 2)
    """

    axes = 1
    function = functional.conv_transpose1d
    pytorch_layout = Layout({"weight": foreign("weight").transpose(), "bias": "bias"})
    keras_layout = Layout({"weight": "kernel", "bias": "bias"}, name="conv1d_transpose")


class ConvTranspose2D(_TransposedConvolution):
    """Transposed convolution of images, which makes them larger.

    Args:
        channels: the channels of x, at least 1.
        filters: the channels of the result, at least 1.
        kernel_size: a number, or `(height, width)`.
        stride, padding, output_padding, dilation, groups: as in `functional.conv_transpose2d`.
        bias: whether a bias is added.
        weight_init, weight_l1, weight_l2, bias_l1, bias_l2, dtype, rng: as in `Dense`.

    Attributes:
        weight: `(kernel height, kernel width, filters / groups, channels)`, as in Keras.
        bias: `(filters,)`, or None.

    Raises:
        TypeError, ValueError: as `Conv2D`.

    >>> import numpy as np
    >>> ConvTranspose2D(16, 3, 4, stride=2, padding=1, rng=0)(np.ones((8, 16, 16, 16), np.float32)).shape
    (8, 32, 32, 3)
    """

    axes = 2
    function = functional.conv_transpose2d
    pytorch_layout = Layout({"weight": foreign("weight").transpose(2, 3, 1, 0), "bias": "bias"})
    keras_layout = Layout({"weight": "kernel", "bias": "bias"}, name="conv2d_transpose")
