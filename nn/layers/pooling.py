"""Pooling layers for sequences and images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn import functional
from nn.functional.windows import Padding, Size, as_setting, per_axis, per_side
from nn.layers.masks import refuse_mask
from nn.module import Module
from tensorgrad import Tensor


class _Pool(Module):
    """Base class of the pooling layers with windows."""

    with_mask = refuse_mask

    axes: ClassVar[int]
    function: ClassVar[Callable[..., Tensor]]

    def __init__(
        self, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
        ceil_mode: bool = False,
    ) -> None:  # fmt: skip
        name = type(self).__name__
        per_axis(f"{name}: size", size, self.axes)
        if stride is not None:
            per_axis(f"{name}: stride", stride, self.axes)
        per_side(f"{name}: padding", padding, self.axes)
        per_axis(f"{name}: dilation", dilation, self.axes)
        self.size, self.stride, self.padding = as_setting(size), as_setting(stride), as_setting(padding)
        self.dilation = as_setting(dilation)
        self.ceil_mode = bool(ceil_mode)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return the pooled array."""
        return self._pool(x)

    def _pool(self, x: ArrayLike, **options: bool) -> Tensor:
        return type(self).function(
            x, self.size, stride=self.stride, padding=self.padding, dilation=self.dilation, ceil_mode=self.ceil_mode,
            **options,
        )  # fmt: skip


class _AveragePool(_Pool):
    """Base class of the pooling layers with means."""

    def __init__(
        self, size: Size, *, stride: Size | None = None, padding: Padding = 0, dilation: Size = 1,
        ceil_mode: bool = False, count_padding: bool = True,
    ) -> None:  # fmt: skip
        super().__init__(size, stride=stride, padding=padding, dilation=dilation, ceil_mode=ceil_mode)
        self.count_padding = bool(count_padding)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return the pooled array."""
        return self._pool(x, count_padding=self.count_padding)


class MaxPool1D(_Pool):
    """The largest element of each window of a sequence: `functional.max_pool1d`.

    Args:
        size, stride, padding, dilation, ceil_mode: as in `functional.max_pool1d`.

    Raises:
        ValueError: an argument out of range; when called, x that is too short.
        TypeError: a size that is not an integer.

    >>> MaxPool1D(2)([[1.0], [3.0], [2.0], [0.0]])
    Tensor([[3.],
            [2.]])
    """

    axes = 1
    function = functional.max_pool1d


class MaxPool2D(_Pool):
    """The largest pixel of each window of an image: `functional.max_pool2d`.

    Args:
        size, stride, padding, dilation, ceil_mode: as in `functional.max_pool2d`.

    Raises:
        ValueError: an argument out of range; when called, x smaller than a window.
        TypeError: a size that is not an integer.

    >>> import numpy as np
    >>> MaxPool2D(2)(np.ones((8, 28, 28, 16))).shape
    (8, 14, 14, 16)
    """

    axes = 2
    function = functional.max_pool2d


class AveragePool1D(_AveragePool):
    """The mean of each window of a sequence: `functional.average_pool1d`.

    Args:
        size, stride, padding, dilation, ceil_mode, count_padding: as in `functional.average_pool1d`.

    Raises:
        TypeError, ValueError: as `MaxPool1D`.

    >>> AveragePool1D(2)([[1.0], [3.0], [2.0], [0.0]])
    Tensor([[2.],
            [1.]])
    """

    axes = 1
    function = functional.average_pool1d


class AveragePool2D(_AveragePool):
    """The mean of each window of an image: `functional.average_pool2d`.

    Args:
        size, stride, padding, dilation, ceil_mode, count_padding: as in `functional.average_pool2d`.

    Raises:
        TypeError, ValueError: as `MaxPool2D`.

    >>> import numpy as np
    >>> AveragePool2D(3, stride=2, padding=1)(np.ones((8, 28, 28, 16))).shape
    (8, 14, 14, 16)
    """

    axes = 2
    function = functional.average_pool2d


class AdaptiveAveragePool2D(Module):
    """Means of `output_size` equal parts of an image: `functional.adaptive_average_pool2d`.

    Args:
        output_size: a number, or `(height, width)`.

    Raises:
        ValueError: a size below 1.
        TypeError: a size that is not an integer.

    >>> import numpy as np
    >>> AdaptiveAveragePool2D((6, 6))(np.ones((8, 13, 17, 4))).shape
    (8, 6, 6, 4)
    """

    with_mask = refuse_mask

    def __init__(self, output_size: Size) -> None:
        per_axis("AdaptiveAveragePool2D: output_size", output_size, 2)
        self.output_size = as_setting(output_size)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.adaptive_average_pool2d` of `x`."""
        return functional.adaptive_average_pool2d(x, self.output_size)


class GlobalAveragePool(Module):
    """The mean of each channel over time or over the image: `functional.global_average_pool`.

    >>> import numpy as np
    >>> GlobalAveragePool()(np.ones((8, 7, 7, 64))).shape
    (8, 64)
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.global_average_pool` of `x`."""
        return functional.global_average_pool(x)

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the means over the steps that are not padding, 0 for a sequence without any."""
        real = mask[..., None]
        counts = np.maximum(np.sum(real, axis=1), 1)
        return tg.sum(tg.where(real, x, 0), axis=1) / counts.astype(x.dtype), None


class GlobalMaxPool(Module):
    """The maximum of each channel over time or over the image: `functional.global_max_pool`.

    >>> import numpy as np
    >>> GlobalMaxPool()(np.ones((8, 50, 64))).shape
    (8, 64)
    """

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.global_max_pool` of `x`."""
        return functional.global_max_pool(x)

    def with_mask(self, x: Any, mask: Any) -> tuple[Any, Any]:
        """Return the maxima over the steps that are not padding, 0 for a sequence without any."""
        real = mask[..., None]
        return tg.where(np.any(real, axis=1), self(tg.where(real, x, -np.inf)), 0), None
