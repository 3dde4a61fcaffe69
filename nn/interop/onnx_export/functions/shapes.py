"""Functions that move elements: reshaping, transposing, indexing, joining, padding."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.sizes import Size, is_dynamic, other
from nn.interop.onnx_export.value import Value, function_of

SMALLEST, LARGEST = -(2**63), 2**63 - 1


def ints(*numbers: int) -> Any:
    """Return numbers as ONNX takes shapes, axes and pads."""
    return np.array(numbers, np.int64)


@function_of(np.shape)
def shape(a: Value) -> tuple[int, ...]:
    """Return the shape."""
    return a.shape


@function_of(np.ndim)
def ndim(a: Value) -> int:
    """Return the number of axes."""
    return a.ndim


@function_of(np.size)
def size(a: Value, axis: int | None = None) -> int:
    """Return the number of elements, or the length of an axis."""
    return a.size if axis is None else a.shape[axis]


@function_of(np.copy, np.ascontiguousarray, np.asarray, np.array)
def copy(a: Any, dtype: Any = None, **_: Any) -> Any:
    """Return the array itself: values are never written to."""
    return a if dtype is None else a.astype(dtype)


@function_of(np.reshape)
def reshape(a: Value, shape: Any, order: str = "C", **_: Any) -> Value:
    """Return the array in another shape."""
    lengths = list(shape) if isinstance(shape, Sequence) else [shape]
    if order != "C":
        raise ExportError("np.reshape with another order is not supported")
    if -1 in lengths:
        known = math.prod(length for length in lengths if length != -1)
        lengths[lengths.index(-1)] = a.size // known if known else 0
    if tuple(lengths) == a.shape and [is_dynamic(n) for n in lengths] == [is_dynamic(n) for n in a.shape]:
        return a
    same = [is_dynamic(old) and (old, other(old)) == (new, other(new)) for old, new in zip(a.shape, lengths)]
    same += [False] * (len(lengths) - len(same))
    dynamic = [axis for axis, length in enumerate(lengths) if is_dynamic(length) and not same[axis]]
    if len(dynamic) > 1:
        whole: Value = a.graph.reshaped(a, tuple(lengths))
        return whole
    numbers = [0 if same[axis] else -1 if axis in dynamic else int(each) for axis, each in enumerate(lengths)]
    result: Value = a.graph.add("Reshape", a, ints(*numbers))
    return result


@function_of(np.ravel)
def ravel(a: Value, order: str = "C") -> Any:
    """Return the elements in one row."""
    return np.reshape(a, (-1,))


@function_of(np.transpose, np.permute_dims)
def transpose(a: Value, axes: Any = None) -> Any:
    """Return the array with its axes in another order. Moving the channels to axis 1 and back needs no node."""
    order = list(range(a.ndim))[::-1] if axes is None else list(normalize_axis_tuple(axes, a.ndim))
    if order == list(range(a.ndim)):
        return a
    if a.ndim > 2 and order == [0, a.ndim - 1, *range(1, a.ndim - 1)]:
        return a.graph.value(a.graph.channels_first(a))
    if a.ndim > 2 and order == [0, *range(2, a.ndim), 1]:
        return a.graph.value(a.graph.channels_last(a), channels_first=True)
    return a.graph.add("Transpose", a, perm=order)


@function_of(np.swapaxes)
def swapaxes(a: Value, axis1: int, axis2: int) -> Any:
    """Return the array with two axes swapped."""
    order = list(range(a.ndim))
    order[axis1], order[axis2] = order[axis2], order[axis1]
    return transpose(a, order)


@function_of(np.matrix_transpose)
def matrix_transpose(x: Value) -> Any:
    """Return the array with its last two axes swapped."""
    return swapaxes(x, -1, -2)


@function_of(np.moveaxis)
def moveaxis(a: Value, source: Any, destination: Any) -> Any:
    """Return the array with axes moved to other positions."""
    froms, tos = normalize_axis_tuple(source, a.ndim), normalize_axis_tuple(destination, a.ndim)
    order = [axis for axis in range(a.ndim) if axis not in froms]
    for to, from_ in sorted(zip(tos, froms)):
        order.insert(to, from_)
    return transpose(a, order)


@function_of(np.expand_dims)
def expand_dims(a: Value, axis: Any) -> Value:
    """Return the array with new axes of length 1."""
    axes = axis if isinstance(axis, tuple) else (axis,)
    result: Value = a.graph.add("Unsqueeze", a, ints(*normalize_axis_tuple(axes, a.ndim + len(axes))))
    return result


@function_of(np.squeeze)
def squeeze(a: Value, axis: Any = None) -> Value:
    """Return the array without axes of length 1."""
    ones = tuple(number for number, length in enumerate(a.shape) if length == 1)
    axes = ones if axis is None else normalize_axis_tuple(axis, a.ndim)
    result: Value = a.graph.add("Squeeze", a, ints(*axes)) if axes else a
    return result


@function_of(np.broadcast_to)
def broadcast_to(array: Value, shape: Any, subok: bool = False) -> Value:
    """Return the array repeated along axes of length 1."""
    before = (1,) * (len(shape) - array.ndim) + array.shape
    if any(is_dynamic(new) and not is_dynamic(old) for new, old in zip(shape, before)):
        raise ExportError("np.broadcast_to the batch size is not supported for an array without a batch")
    result: Value = array.graph.add("Expand", array, ints(*(1 if is_dynamic(n) else n for n in shape)))
    return result


@function_of(Value.__getitem__)
def getitem(a: Value, index: Any) -> Any:
    """Return a part of the array: integers, slices, `...`, None, and integer arrays along one axis."""
    index = list(index) if isinstance(index, tuple) else [index]
    if any(each is Ellipsis for each in index):
        place = next(n for n, each in enumerate(index) if each is Ellipsis)
        count = a.ndim - sum(each is not None for each in index) + 1
        index[place : place + 1] = [slice(None)] * count
    arrays = [each for each in index if isinstance(each, (np.ndarray, list, Value))]
    if len(arrays) > 1 or any(np.asarray(each).dtype.kind == "b" for each in arrays if not isinstance(each, Value)):
        raise ExportError("indexing with a mask or with several arrays is not supported")
    slices: list[tuple[int, int, int, int]] = []
    numbers: list[tuple[int, Any]] = []
    added: list[int] = []
    axis = 0
    for each in index:
        if each is None:
            added.append(axis - sum(np.ndim(number) == 0 for _, number in numbers) + len(added))
            continue
        if not isinstance(each, slice):
            numbers.append((axis, each if isinstance(each, Value) else np.asarray(each, np.int64)))
        elif each != slice(None):
            slices.append((axis, *_bounds(each, a.shape[axis])))
        axis += 1
    if arrays and (added or len(numbers) > 1):
        raise ExportError("indexing with an array and a number or None at once is not supported")
    result = _sliced(a, slices)
    for axis, number in reversed(numbers):
        result = take(result, number, axis)
    return result.graph.add("Unsqueeze", result, ints(*added)) if added else result


def _bounds(each: slice, length: int) -> tuple[int, int, int]:
    step = 1 if each.step is None else each.step
    start = (0 if step > 0 else LARGEST) if each.start is None else each.start
    stop = (LARGEST if step > 0 else SMALLEST) if each.stop is None else each.stop
    if isinstance(stop, Size) and (stop, stop.other) == (length, other(length)):
        stop = LARGEST
    if isinstance(start, Size) or isinstance(stop, Size):
        raise ExportError("a slice whose ends depend on the batch size or a free axis is not supported")
    return start, stop, step


def _sliced(a: Value, slices: list[tuple[int, int, int, int]]) -> Any:
    """Return slices along some axes, in the layout in which the array exists."""
    if not slices:
        return a
    axes, starts, stops, steps = zip(*slices)
    first = a.in_channels_last is None
    moved = [channels_first_axis(axis, a.ndim) if first else axis for axis in axes]
    return a.graph.add("Slice", a, ints(*starts), ints(*stops), ints(*moved), ints(*steps), channels_first=first)


def channels_first_axis(axis: int, rank: int) -> int:
    """Return the number of an axis where the channels are along axis 1."""
    return 0 if axis == 0 else 1 if axis == rank - 1 else axis + 1


@function_of(np.take)
def take(a: Any, indices: Any, axis: int | None = None, mode: str = "raise") -> Any:
    """Return the elements at these indices along an axis."""
    if mode != "raise":
        raise ExportError(f"np.take with mode={mode!r} is not supported")
    graph = a.graph if isinstance(a, Value) else indices.graph
    if axis is None:
        a, axis = np.reshape(a, (-1,)), 0
    indices = indices if isinstance(indices, Value) else np.asarray(indices, np.int64)
    return graph.add("Gather", a, indices, axis=normalize_axis_index(axis, np.ndim(a)))


@function_of(np.flip)
def flip(m: Value, axis: Any = None) -> Any:
    """Return the array with the order of the elements reversed along axes."""
    axes = range(m.ndim) if axis is None else normalize_axis_tuple(axis, m.ndim)
    return m[tuple(slice(None, None, -1) if n in axes else slice(None) for n in range(m.ndim))]


@function_of(np.concatenate)
def concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    """Return the arrays joined along an axis, in the layout in which they exist."""
    values = [each for each in arrays if isinstance(each, Value)]
    if axis is None:
        return concatenate([np.reshape(each, (-1,)) for each in arrays])
    dtype = np.result_type(*(each.dtype for each in arrays))
    joined = [each.astype(dtype) for each in arrays]
    rank, graph = values[0].ndim, values[0].graph
    axis = normalize_axis_index(axis, rank)
    if rank > 2 and len(values) == len(arrays) and any(each.in_channels_last is None for each in values):
        return graph.add("Concat", *joined, axis=channels_first_axis(axis, rank), channels_first=True)
    return graph.add("Concat", *joined, axis=axis)


@function_of(np.stack)
def stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    """Return the arrays joined along a new axis."""
    axis = normalize_axis_index(axis, np.ndim(arrays[0]) + 1)
    return concatenate([np.expand_dims(each, axis) for each in arrays], axis)


@function_of(np.split, np.array_split)
def split(ary: Value, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    """Return parts of the array along an axis."""
    ends = indices_or_sections
    if isinstance(ends, int):
        length, count = ary.shape[axis], ends
        ends = np.cumsum([length // count + (n < length % count) for n in range(count)])[:-1].tolist()
    bounds = [0, *(int(end) for end in ends), None]
    at = (slice(None),) * normalize_axis_index(axis, ary.ndim)
    return [ary[(*at, slice(start, stop))] for start, stop in itertools.pairwise(bounds)]


@function_of(np.tile)
def tile(A: Any, reps: Any) -> Any:
    """Return the array repeated along axes."""
    counts = (reps,) if isinstance(reps, int) else tuple(reps)
    if len(counts) > A.ndim:
        A = np.reshape(A, (1,) * (len(counts) - A.ndim) + A.shape)
    return A.graph.add("Tile", A, ints(*(1,) * (A.ndim - len(counts)), *counts))


@function_of(np.repeat)
def repeat(a: Value, repeats: int, axis: int | None = None) -> Any:
    """Return the array with each element repeated along an axis."""
    if axis is None:
        return repeat(ravel(a), repeats, 0)
    if not isinstance(repeats, (int, np.integer)):
        raise ExportError("np.repeat with a number for each element is not supported")
    axis = normalize_axis_index(axis, a.ndim)
    return take(a, np.repeat(np.arange(a.shape[axis]), repeats), axis)


MODES = {"constant": "constant", "edge": "edge", "reflect": "reflect", "wrap": "wrap"}


@function_of(np.pad)
def pad(array: Value, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """Return the array with a border, in the layout in which it exists."""
    if mode not in MODES or np.ndim(constant_values) or (mode == "wrap" and array.graph.opset < 19):
        raise ExportError(f"np.pad with mode={mode!r} and these values is not supported")
    widths = np.broadcast_to(np.asarray(pad_width), (array.ndim, 2))
    first = array.in_channels_last is None and array.ndim > 2
    if first:
        widths = widths[[0, array.ndim - 1, *range(1, array.ndim - 1)]]
    fill = [np.asarray(constant_values, array.dtype)] if mode == "constant" and constant_values != 0 else []
    return array.graph.add("Pad", array, ints(*widths.T.ravel()), *fill, mode=MODES[mode], channels_first=first)
