"""Upsampling and zero padding of images."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

import tensorgrad as tg
from nn.functional.windows import Padding, Size, per_axis, per_side
from tensorgrad import Tensor

__all__ = ["upsample2d", "zero_pad2d"]


def upsample2d(
    x: ArrayLike, factor: Size, *, mode: Literal["nearest", "bilinear"] = "nearest", align_corners: bool = False
) -> Tensor:
    """Enlarge images by an integer factor.

    Args:
        x: `(batch, height, width, channels)`, or any other axes before the last three.
        factor: a number, or one for each axis.
        mode: "nearest" repeats the pixels. "bilinear" interpolates between their centres, and continues the border
            pixels outwards, as in Keras.
        align_corners: whether "bilinear" puts the centres of the corners on those of x, and the others evenly between
            them. The default is PyTorch's.

    Raises:
        ValueError: an unknown mode, `align_corners` with "nearest", a factor below 1, or x with fewer than three axes
            or without pixels.
        TypeError: a factor that is not an integer.

    >>> upsample2d([[[1.0], [3.0]]], (1, 2), mode="bilinear").data[..., 0]
    array([[1. , 1.5, 2.5, 3. ]])
    """
    check_mode("upsample2d", mode, align_corners)
    x = _image("upsample2d", x)
    enlarge = _repeated if mode == "nearest" else _aligned if align_corners else _interpolated
    for axis, each in zip((-3, -2), per_axis("upsample2d: factor", factor, 2)):
        x = enlarge(x, x.ndim + axis, each) if each > 1 else x
    return x


def check_mode(name: str, mode: str, align_corners: bool) -> None:
    """Check the options of `upsample2d`.

    Raises:
        ValueError: an unknown mode, or `align_corners` with "nearest".
    """
    if mode not in ("nearest", "bilinear"):
        raise ValueError(f"{name}: mode must be 'nearest' or 'bilinear', got {mode!r}.")
    if align_corners and mode == "nearest":
        raise ValueError(f"{name}: align_corners needs mode='bilinear'; the nearest pixels have no corners to align.")


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


def _aligned(x: Tensor, axis: int, factor: int) -> Tensor:
    """Interpolate along an axis at evenly spaced places from the first to the last pixel, as a product."""
    size, before, after = x.shape[axis], x.shape[:axis], x.shape[axis + 1 :]
    places = np.linspace(0, size - 1, size * factor)
    weights = np.maximum(1 - np.abs(places[:, None] - np.arange(size)), 0)
    rows = tg.reshape(x, (*before, size, math.prod(after)))
    interpolated = tg.matmul(weights.astype(x.dtype if x.dtype.kind == "f" else np.float64), rows)
    return tg.reshape(interpolated, (*before, size * factor, *after))


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
