"""Layers that flatten, reshape, enlarge or pad each sample."""

from __future__ import annotations

import math
import numbers
from collections.abc import Sequence
from typing import Literal

from numpy.typing import ArrayLike

import tensorgrad as tg
from nn import functional
from nn.functional.resampling import check_mode
from nn.functional.windows import Padding, Size, as_setting, per_axis, per_side
from nn.layers.masks import refuse_mask
from nn.module import Module
from tensorgrad import Tensor


class Flatten(Module):
    """Flatten each sample: `(batch, …)` becomes `(batch, elements)`.

    Args:
        channels_first: whether to flatten channel by channel, as PyTorch does, instead of pixel by pixel. Required if
            the layer after it uses weights that were trained in PyTorch.

    Raises:
        TypeError: `channels_first` is not a boolean.

    >>> import numpy as np
    >>> Flatten()(np.ones((8, 7, 7, 32))).shape
    (8, 1568)
    >>> image = np.array([[[[1, 10], [2, 20], [3, 30]]]])  # one image of 1 × 3 pixels with two channels
    >>> Flatten()(image), Flatten(channels_first=True)(image)
    (Tensor([[ 1, 10,  2, 20,  3, 30]]), Tensor([[ 1,  2,  3, 10, 20, 30]]))
    """

    with_mask = refuse_mask

    def __init__(self, *, channels_first: bool = False) -> None:
        if not isinstance(channels_first, bool):
            raise TypeError(f"Flatten: channels_first must be True or False, got {channels_first!r}.")
        self.channels_first = channels_first

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `x` as rows."""
        x = x if isinstance(x, Tensor) else Tensor(x)
        if x.ndim < 1:
            raise ValueError("Flatten(): expected x of shape (batch, …), got a single number.")
        if self.channels_first and x.ndim > 2:
            x = tg.moveaxis(x, -1, 1)
        flat: Tensor = tg.reshape(x, (x.shape[0], math.prod(x.shape[1:])))
        return flat


class Reshape(Module):
    """Reshape each sample.

    Args:
        shape: without the batch axis. One of its lengths may be -1 and is then inferred from the others.

    Raises:
        ValueError: a length below 1 that is not -1, or two that are -1; when called, samples with another number of
            elements.
        TypeError: a length that is not an integer.

    >>> import numpy as np
    >>> Reshape((4, 4, 2))(np.ones((8, 32))).shape
    (8, 4, 4, 2)
    """

    with_mask = refuse_mask

    def __init__(self, shape: Sequence[int]) -> None:
        if not isinstance(shape, Sequence) or isinstance(shape, str):
            raise TypeError(f"Reshape: expected the shape of a sample as a tuple, got {shape!r}.")
        if not all(isinstance(length, numbers.Integral) for length in shape):
            raise TypeError(f"Reshape: the lengths must be integers, got {shape!r}.")
        self.shape = as_setting(shape)
        if any(length < 1 and length != -1 for length in self.shape) or self.shape.count(-1) > 1:
            raise ValueError(f"Reshape: expected lengths of at least 1, and -1 at most once, got {self.shape}.")

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `x` in the shape `(batch, *shape)`."""
        x = x if isinstance(x, Tensor) else Tensor(x)
        known, elements = math.prod(length for length in self.shape if length > 0), math.prod(x.shape[1:])
        if x.ndim < 1 or (elements % known if -1 in self.shape else elements != known):
            raise ValueError(f"{self!r}: expected samples of {known} elements, got an array of shape {x.shape}.")
        lengths = [elements // known if length == -1 else length for length in self.shape]
        reshaped: Tensor = tg.reshape(x, (x.shape[0], *lengths))
        return reshaped


class UpSample2D(Module):
    """Enlarge images by an integer factor: `functional.upsample2d`.

    Args:
        factor: a number, or one for each axis.
        mode: "nearest" or "bilinear".
        align_corners: as in `functional.upsample2d`.

    Raises:
        ValueError: a factor below 1, another mode, or `align_corners` with "nearest".
        TypeError: a factor that is not an integer.

    >>> import numpy as np
    >>> UpSample2D(2, mode="bilinear")(np.ones((8, 7, 7, 4))).shape
    (8, 14, 14, 4)
    """

    with_mask = refuse_mask

    def __init__(
        self, factor: Size, *, mode: Literal["nearest", "bilinear"] = "nearest", align_corners: bool = False
    ) -> None:
        per_axis("UpSample2D: factor", factor, 2)
        check_mode("UpSample2D", mode, align_corners)
        self.factor = as_setting(factor)
        self.mode = mode
        self.align_corners = bool(align_corners)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.upsample2d` of `x`."""
        return functional.upsample2d(x, self.factor, mode=self.mode, align_corners=self.align_corners)


class ZeroPad2D(Module):
    """Pad images with zeros: `functional.zero_pad2d`.

    Args:
        padding: a number, `(height, width)` or `((top, bottom), (left, right))`.

    Raises:
        ValueError, TypeError: another padding.

    >>> import numpy as np
    >>> ZeroPad2D(((0, 1), (0, 1)))(np.ones((8, 7, 7, 4))).shape
    (8, 8, 8, 4)
    """

    with_mask = refuse_mask

    def __init__(self, padding: Padding) -> None:
        if isinstance(padding, str):
            raise ValueError(f"ZeroPad2D: expected a number of pixels, got padding={padding!r}.")
        per_side("ZeroPad2D: padding", padding, 2)
        self.padding = as_setting(padding)

    def forward(self, x: ArrayLike) -> Tensor:
        """Return `functional.zero_pad2d` of `x`."""
        return functional.zero_pad2d(x, self.padding)
