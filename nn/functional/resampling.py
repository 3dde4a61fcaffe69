"""Upsampling and zero padding of images."""

from __future__ import annotations

from typing import Any, Literal

from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional.windows import Padding, Size, per_axis, per_side
from tensorgrad import Tensor

__all__ = ["upsample2d", "zero_pad2d"]


def upsample2d(x: ArrayLike, factor: Size, *, mode: Literal["nearest", "bilinear"] = "nearest") -> Tensor:
    """Enlarge images by an integer factor.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        factor: a number, or one for each axis.
        mode: "nearest" repeats the pixels. "bilinear" interpolates between their centres, and continues the border
            pixels outwards, as in Keras, and in PyTorch with `align_corners=False`.

    Raises:
        ValueError: an unknown mode, a factor below 1, or x with fewer than three axes or without pixels.
        TypeError: a factor that is not an integer.

    >>> upsample2d([[[1.0], [3.0]]], (1, 2), mode="bilinear").data[..., 0]
    array([[1. , 1.5, 2.5, 3. ]])
    """
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"upsample2d: mode must be 'nearest' or 'bilinear', got {mode!r}.")
    x = _image("upsample2d", x)
    enlarge = _repeated if mode == "nearest" else _interpolated
    for axis, each in zip((-3, -2), per_axis("upsample2d: factor", factor, 2)):
        x = enlarge(x, x.ndim + axis, each) if each > 1 else x
    return x


def _repeated(x: Tensor, axis: int, factor: int) -> Tensor:
    before, after = x.shape[: axis + 1], x.shape[axis + 1 :]
    stretched = tg.broadcast_to(tg.expand_dims(x, axis + 1), (*before, factor, *after))
    return tg.reshape(stretched, (*before[:-1], before[-1] * factor, *after))


def _interpolated(x: Tensor, axis: int, factor: int) -> Tensor:
    """Interpolate along an axis: at each of `factor` distances from the centres of the pixels."""
    size = x.shape[axis]
    widths = [(0, 0)] * axis + [(1, 1)] + [(0, 0)] * (x.ndim - axis - 1)
    padded = tg.pad(x, widths, mode="edge")
    at = (slice(None),) * axis
    before, after = padded[(*at, slice(0, size))], padded[(*at, slice(2, size + 2))]
    distances = [(k + 0.5) / factor - 0.5 for k in range(factor)]
    phases = [x * (1 - abs(d)) + (before if d < 0 else after) * abs(d) for d in distances]
    return tg.reshape(tg.stack(phases, axis=axis + 1), (*x.shape[:axis], size * factor, *x.shape[axis + 1 :]))


def zero_pad2d(x: ArrayLike, padding: Padding) -> Tensor:
    """Pad images with zeros.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        padding: a number, `(height, width)` or `((top, bottom), (left, right))`.

    Raises:
        TypeError, ValueError: another padding, or x with fewer than three axes.

    >>> zero_pad2d([[[5.0]]], ((0, 1), (1, 0))).data[..., 0]
    array([[0., 5.],
           [0., 0.]])
    """
    x = _image("zero_pad2d", x)
    sides = None if isinstance(padding, str) else per_side("zero_pad2d: padding", padding, 2)
    if sides is None:
        raise ValueError(f"zero_pad2d: expected a number of pixels, got padding={padding!r}.")
    padded: Tensor = tg.pad(x, [(0, 0)] * (x.ndim - 3) + [*sides, (0, 0)])
    return padded


def _image(name: str, x: Any) -> Tensor:
    image = x if isinstance(x, Tensor) else Tensor(x)
    if image.ndim < 3:
        raise ValueError(f"{name}: expected x of shape (batch, height, width, channels), got {image.shape}.")
    return image
