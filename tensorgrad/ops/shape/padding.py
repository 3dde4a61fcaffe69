"""Padding of arrays.

Axes are padded one after the other. Each row along an axis is extended on both sides by weighted sums of its
elements, with weights that depend only on the mode. The gradient of an element is therefore the gradient at its
position, plus the gradients of the margins times these weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from tensorgrad._typing import ArrayLike, Shape
from tensorgrad.domains import case
from tensorgrad.op import op
from tensorgrad.ops.indexing.items import scatter

__all__ = ["pad"]

_NOT_LINEAR = frozenset({"maximum", "median", "minimum"})


def _pairs(values: Any, ndim: int) -> Any:
    """Return (before, after) for each axis, from the short forms that NumPy allows."""
    if isinstance(values, Mapping):
        by_axis = {axis % ndim: pair for axis, pair in values.items()}
        return np.array([np.broadcast_to(by_axis.get(axis, 0), 2) for axis in range(ndim)])
    return np.broadcast_to(values, (ndim, 2))


def _margins_of(padded: Any, before: int, length: int) -> Any:
    return np.concatenate([padded[..., :before], padded[..., before + length :]], axis=-1)


def _sources(length: int, width: tuple[int, int], mode: Any, odd: bool) -> list[tuple[Any, Any]]:
    """Return for each position of the margins the elements it depends on: pairs of (weights, element indices)."""
    before = width[0]
    numbers = np.arange(length)
    if mode == "linear_ramp":
        towards_edge = np.pad(np.ones(1), width, mode)
        return [(_margins_of(towards_edge, before, 1), _margins_of(np.pad(numbers, width, "edge"), before, length))]
    mirrored = _margins_of(np.pad(numbers, width, mode), before, length)
    if not odd or length == 1:
        return [(1.0, mirrored)]
    # An odd reflection continues a straight line. It is the mirrored element, with its sign changed at
    # every reflection, and as much of both edges as makes that true for the lines 1, 1, 1, ... and 0, 1, 2, ...
    line = np.pad(numbers.astype(float), width, mode, reflect_type="odd")
    reflections = np.arange(-before, length + width[1]) // (length - 1 if mode == "reflect" else length)
    sign = _margins_of(1 - 2 * (reflections % 2), before, length)
    of_last = (_margins_of(line, before, length) - sign * mirrored) / (length - 1)
    return [(sign, mirrored), (1 - sign - of_last, 0 * mirrored), (of_last, 0 * mirrored + length - 1)]


def _from_margins(margins: Any, shape: Shape, width: tuple[int, int], mode: str, stat_length: Any, odd: bool) -> Any:
    """Return the contribution of the margins' gradients to the gradient of the inner elements."""
    if mode == "mean":
        length, places = shape[-1], np.arange(shape[-1])
        first, last = (length, length) if stat_length is None else np.minimum(stat_length, length).tolist()
        before = np.sum(margins[..., : width[0]], axis=-1, keepdims=True) / first
        after = np.sum(margins[..., width[0] :], axis=-1, keepdims=True) / last
        return np.where(places < first, before, 0.0) + np.where(places >= length - last, after, 0.0)
    return sum(
        scatter.apply(margins * np.asarray(weights, margins.dtype), (..., elements), shape)
        for weights, elements in _sources(shape[-1], width, mode, odd)
    )


def _unpadded(
    g: Any, shape: Shape, pad_width: Any, mode: str, stat_length: Any, reflect_type: str | None
) -> Iterator[tuple[Any, Any]]:
    """Return the gradient with padding removed axis by axis, the last axis first."""
    ndim = len(shape)
    for axis in reversed(range(ndim)):
        before, after = width = tuple(_pairs(pad_width, ndim)[axis].tolist())
        rows = np.moveaxis(g, axis, -1)
        margins = _margins_of(rows, before, shape[axis])
        inside = rows[..., before : before + shape[axis]]
        if mode != "constant" and before + after > 0:
            near = None if stat_length is None else _pairs(stat_length, ndim)[axis]
            inside = inside + _from_margins(margins, inside.shape, width, mode, near, reflect_type == "odd")
        g = np.moveaxis(inside, -1, axis)
        yield g, margins


def _to_array(g: Any, array_shape: Shape, pad_width: Any, mode: str, stat_length: Any, reflect_type: str | None) -> Any:
    if mode in ("constant", "empty"):
        widths = _pairs(pad_width, len(array_shape)).tolist()
        return g[tuple(slice(before, before + length) for (before, _), length in zip(widths, array_shape))]
    for inside, _ in _unpadded(g, array_shape, pad_width, mode, stat_length, reflect_type):
        g = inside
    return g


def _to_values(g: Any, array_shape: Shape, values_shape: Shape, pad_width: Any, mode: Any, option: str) -> Any:
    """Return the gradient of `option`, the values of the margins or at their ends."""
    if not array_shape:  # a number has no margins
        return np.zeros_like(g, shape=values_shape)
    widths = _pairs(pad_width, len(array_shape)).tolist()
    margins = [m for _, m in _unpadded(g, array_shape, pad_width, mode, None, None)][::-1]
    gradients = []
    for (before, after), margin in zip(widths, margins):
        share = np.pad(np.zeros(1, g.dtype), (before, after), mode, **{option: 1})
        gradients.append(np.sum(margin[..., :before] * share[:before]))
        gradients.append(np.sum(margin[..., before:] * share[before + 1 :]))
    return np.reshape(np.stack(gradients), (len(array_shape), 2))


@op(
    array=_to_array,
    constant_values=lambda g, array_shape, constant_values_shape, pad_width, mode: _to_values(
        g, array_shape, constant_values_shape, pad_width, mode, "constant_values"
    ),
    end_values=lambda g, array_shape, end_values_shape, pad_width, mode: _to_values(
        g, array_shape, end_values_shape, pad_width, mode, "end_values"
    ),
    numpy=np.pad,
    examples=[
        case((3,), pad_width=2),
        case((2, 3), pad_width=((1, 0), (2, 1)), constant_values=3.0),
        case((0, 2), pad_width=1),
        case((2, 3), pad_width=(1, 2), mode="edge"),
        case((2, 3), pad_width=((2, 1), (0, 3)), mode="linear_ramp", end_values=((5.0, -4.0), (1.0, 2.0))),
        case((2, 3), pad_width=((2, 1), (1, 3)), mode="mean"),
        case((4, 3), pad_width=2, mode="mean", stat_length=((3, 1), (2, 9))),
        case((4,), pad_width=(2, 6), mode="reflect"),
        case((2, 3), pad_width=(3, 1), mode="reflect", reflect_type="odd"),
        case((1, 3), pad_width=2, mode="reflect"),
        case((2, 3), pad_width=((3, 2), (1, 4)), mode="symmetric"),
        case((2, 3), pad_width=1, mode="symmetric", reflect_type="odd"),
        case((2, 3), pad_width=((5, 2), (0, 4)), mode="wrap"),
        case((), pad_width=2),
        case((2, 3), (2, 2), pad_width=((1, 2), (0, 3))),
        case((3,), (), pad_width=2),
        case((2, 3), None, (2, 2), pad_width=((2, 1), (1, 3)), mode="linear_ramp"),
        case((3,), None, (2,), pad_width=2, mode="linear_ramp"),
    ],
)
def pad(
    array: ArrayLike,
    pad_width: ArrayLike | Mapping[int, int | tuple[int, int]],
    mode: str = "constant",
    *,
    constant_values: ArrayLike | None = None,
    end_values: ArrayLike | None = None,
    stat_length: ArrayLike | None = None,
    reflect_type: str | None = None,
) -> Any:
    """Pad an array, in every mode of NumPy that is linear.

    Args:
        pad_width: the number of values added before and after, for each axis: ((before, after), …), one pair or one
            number for all axes, or {axis: pair}.
        mode: the content of the margin: "constant", "edge" (the nearest element), "linear_ramp" (from the edge to
            `end_values`), "mean" (of the row, or of the `stat_length` elements nearest), "reflect" and "symmetric"
            (the row mirrored, without or with its edge), "wrap" (the row repeated), "empty" (anything).
        constant_values, end_values: the value of the margin, or at its end; same format as `pad_width`, default 0.
            They have gradients too.
        stat_length: same format as `pad_width`; default the whole row.
        reflect_type: "even", or "odd" for reflecting the distance from the edge.

    Raises:
        ValueError: the modes "maximum", "minimum" and "median", which are not linear; an option of another mode; an
            unknown mode; a negative width.

    >>> pad([1.0, 2.0, 3.0], (1, 2), mode="reflect")
    Tensor([2., 1., 2., 3., 2., 1.])
    """
    if callable(mode) or mode in _NOT_LINEAR:
        raise ValueError(
            f"mode {mode!r} is not linear and has no derivative rule. Make the margin (with tg.max, tg.min, "
            "tg.median, …) and join it on with tg.concatenate"
        )
    every_option = {
        "constant_values": constant_values,
        "end_values": end_values,
        "stat_length": stat_length,
        "reflect_type": reflect_type,
    }
    options: dict[str, Any] = {name: value for name, value in every_option.items() if value is not None}
    widths = _pairs(pad_width, np.ndim(array)) if isinstance(pad_width, Mapping) else pad_width
    return np.pad(array, widths, mode, **options)  # type: ignore[call-overload]
