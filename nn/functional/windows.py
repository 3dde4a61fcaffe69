"""Sliding windows along the axes of sequences and images, used by convolution and pooling."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple, TypeAlias

from nn._validation import whole_number

Size: TypeAlias = int | Sequence[int]
"""A number for all axes, or one for each."""

Padding: TypeAlias = int | Sequence[int] | Sequence[Sequence[int]] | Literal["same", "valid"]
"""A number, a number for each axis, a pair (before, after) for each axis, or a rule."""

NAMES = {1: ("time",), 2: ("height", "width")}
"""Names of the axes between the batch and the channels, by the number of axes."""


class Axis(NamedTuple):
    """How windows slide along one axis.

    Window `w` holds the elements `w·stride - before + k·dilation` for `k` in `range(kernel)`. Those outside
    `range(size)` are padding.
    """

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    windows: int

    @property
    def extent(self) -> int:
        """The number of elements from the first to the last of a window."""
        return self.dilation * (self.kernel - 1) + 1

    @property
    def is_plain(self) -> bool:
        """Whether the windows are the single elements."""
        return (self.kernel, self.stride, self.before, self.after) == (1, 1, 0, 0)

    def inside(self, k: int) -> tuple[slice, slice]:
        """Return the windows whose `k`-th element is not padding, and those elements."""
        shift = self.before - k * self.dilation
        first = max(0, -(-shift // self.stride))
        last = max(first, min(self.windows, (self.size - 1 + shift) // self.stride + 1))
        start = first * self.stride - shift
        return slice(first, last), slice(start, start + (last - first) * self.stride, self.stride)


LONGEST = 2**31 - 1
"""The largest kernel, stride or dilation: no axis of an array is longer."""


def per_axis(what: str, value: Size, axes: int) -> tuple[int, ...]:
    """Return one integer of at least 1 for each axis.

    Raises:
        TypeError: `value` is neither an integer nor a sequence of them.
        ValueError: an integer below 1, or not one for each axis.
    """
    if not isinstance(value, Sequence) or isinstance(value, str):
        return (_length(what, value),) * axes
    if len(value) != axes:
        raise ValueError(f"{what}: expected one integer, or one for each of {_listed(axes)}, got {value!r}.")
    return tuple(_length(what, each) for each in value)


def _length(what: str, value: Any) -> int:
    return whole_number(what, value, highest=LONGEST)


def per_side(what: str, value: Padding, axes: int) -> tuple[tuple[int, int], ...] | None:
    """Return the padding before and after each axis; for "same", which depends on the input, None.

    Along one axis, a pair of numbers is (before, after).

    Raises:
        TypeError, ValueError: `value` is not a valid padding.
    """
    if isinstance(value, str):
        if value not in ("same", "valid"):
            raise ValueError(f"{what}: expected a number, {_forms(axes)}, 'same' or 'valid', got {value!r}.")
        return None if value == "same" else ((0, 0),) * axes
    if not isinstance(value, Sequence):
        return ((whole_number(what, value, 0),) * 2,) * axes
    pairs: Sequence[Any] = value
    if axes == 1 and not any(isinstance(each, Sequence) for each in value):
        pairs = [value]
    sides = [each if isinstance(each, Sequence) else (each, each) for each in pairs]
    if len(sides) != axes or any(len(each) != 2 for each in sides):
        raise ValueError(f"{what}: expected a number, {_forms(axes)}, 'same' or 'valid', got {value!r}.")
    return tuple((whole_number(what, before, 0), whole_number(what, after, 0)) for before, after in sides)


def as_setting(value: Any) -> Any:
    """Return a size or padding with its sequences as tuples and its numbers as Python's, for `repr` and for saving."""
    if isinstance(value, str) or value is None:
        return value
    return tuple(map(as_setting, value)) if isinstance(value, Sequence) else int(value)


def slide(
    sizes: Sequence[int], kernel: Size, stride: Size, padding: Padding, dilation: Size = 1, *, ceil_mode: bool = False
) -> tuple[Axis, ...]:
    """Return how windows slide along axes of these sizes.

    With "same" there are ⌈size / stride⌉ windows. Of an odd padding, the larger half comes after, as in Keras.

    Args:
        sizes: the lengths of the axes.
        kernel, stride, padding, dilation: those of the convolution or pool.
        ceil_mode: whether a last window may reach beyond the padding, if it begins before it.

    Raises:
        TypeError, ValueError: a setting is out of range, or a window is larger than the input with its padding.
    """
    found = []
    for name, size, k, s, d, sides in _each_axis(sizes, kernel, stride, padding, dilation):
        extent = d * (k - 1) + 1
        if sides is None:
            count = -(-size // s)
            before, after = _halves(max((count - 1) * s + extent - size, 0))
        else:
            before, after = sides
            free = size + before + after - extent
            count = (math.ceil(free / s) if ceil_mode else free // s) + 1
            if ceil_mode and (count - 1) * s >= size + before:
                count -= 1  # it would begin in the padding
        if size < 1 and extent <= before + after:
            raise ValueError(f"expected an input with elements along the {name}, got only {before + after} of padding.")
        if size < 1 or extent > size + before + after:
            raise ValueError(
                f"the kernel covers {extent} elements along the {name}, but the input has only "
                f"{size}{f' and {before + after} of padding' if before + after else ''}. "
                "Use a smaller kernel or more padding."
            )
        found.append(Axis(size, k, s, d, before, after, count))
    return tuple(found)


def slide_back(
    counts: Sequence[int], kernel: Size, stride: Size, padding: Padding, dilation: Size, output_padding: Any
) -> tuple[Axis, ...]:
    """Return how windows slide along the result of a transposed convolution, whose inputs are the windows.

    The result has `(count - 1)·stride + extent - before - after + output_padding` elements; with "same",
    `count·stride`.

    Args:
        counts: the lengths of the input's axes.
        kernel, stride, padding, dilation: those of the convolution that is transposed.
        output_padding: elements added at the end; less than the stride.

    Raises:
        TypeError, ValueError: a setting is out of range, or the result would be empty.
    """
    axes = len(counts)
    extra = output_padding if isinstance(output_padding, Sequence) else (output_padding,) * axes
    extra = [whole_number("output_padding", each, 0) for each in extra]
    if len(extra) != axes or (any(extra) and per_side("padding", padding, axes) is None):
        raise ValueError(
            f"output_padding: expected one integer, or one for each of {_listed(axes)}, and 0 with padding='same', "
            f"got {output_padding!r}."
        )
    found = []
    for added, (name, count, k, s, d, sides) in zip(extra, _each_axis(counts, kernel, stride, padding, dilation)):
        extent = d * (k - 1) + 1
        if added >= s and added:
            raise ValueError(f"output_padding must be less than the stride {s}, got {added}.")
        if sides is None:
            size = count * s
            before, after = _halves(max(extent - s, 0))
        else:
            before, after = sides
            size = (count - 1) * s + extent - before - after + added
        if size < 1:
            raise ValueError(
                f"nothing remains along the {name}: {count} inputs with a stride of {s} and a kernel "
                f"that covers {extent} make {size + before + after} elements, of which the padding "
                f"removes {before + after}."
            )
        found.append(Axis(size, k, s, d, before, after, count))
    return tuple(found)


def _each_axis(
    lengths: Sequence[int], kernel: Size, stride: Size, padding: Padding, dilation: Size
) -> Iterator[tuple[str, int, int, int, int, tuple[int, int] | None]]:
    """Yield the name, length, kernel, stride, dilation and padding of each axis; the padding is None for "same"."""
    axes = len(lengths)
    settings = (per_axis(n, v, axes) for n, v in (("kernel", kernel), ("stride", stride), ("dilation", dilation)))
    return zip(NAMES[axes], lengths, *settings, per_side("padding", padding, axes) or (None,) * axes)


def _halves(total: int) -> tuple[int, int]:
    """Return padding before and after; of an odd number, the larger half comes after."""
    return total // 2, total - total // 2


def _listed(axes: int) -> str:
    return " and ".join(NAMES[axes])


def _forms(axes: int) -> str:
    return "a pair (before, after)" if axes == 1 else "(height, width), ((top, bottom), (left, right))"
