"""Reductions, running sums and the largest elements along axes."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg
from tests.onnx_vectors.layouts import Attributes


def reduction(function: Any) -> Any:
    """Return a reduction over axes that are an input, or an attribute in old versions; over all by default."""

    def run(a: Attributes, x: Any, axes: Any = None) -> Any:
        axes = a.get("axes", axes)
        if axes is None or not len(axes):
            if a.get("noop_with_empty_axes", 0):
                return tg.tensor(x)
            axes = range(x.ndim)
        return function(x, axis=tuple(int(axis) for axis in axes), keepdims=bool(a.get("keepdims", 1)))

    return run


def extreme_index(function: Any) -> Any:
    def run(a: Attributes, x: Any) -> Any:
        axis = a.get("axis", 0)
        if a.get("select_last_index", 0):
            found = x.shape[axis] - 1 - function(tg.flip(x, axis), axis=axis)
        else:
            found = function(x, axis=axis)
        return np.expand_dims(found, axis) if a.get("keepdims", 1) else found

    return run


def running(function: Any, start: int) -> Any:
    """Return a running sum or product, possibly from the end, and possibly of the elements before each."""

    def run(a: Attributes, x: Any, axis: Any) -> Any:
        axis, turn = int(axis), bool(a.get("reverse", 0))
        values = tg.flip(x, axis) if turn else tg.tensor(x)
        result = function(values, axis=axis)
        if a.get("exclusive", 0):
            one = [slice(None)] * x.ndim
            one[axis] = slice(0, 1)
            before = np.full_like(x[tuple(one)], start)
            one[axis] = slice(0, -1)
            result = tg.concatenate([before, result[tuple(one)]], axis=axis)
        return (tg.flip(result, axis) if turn else result).data.astype(x.dtype)

    return run


def top_k(a: Attributes, x: Any, count: Any) -> Any:
    axis, count = a.get("axis", -1), int(count[0])
    if a.get("largest", 1):  # of equal elements the first comes first
        order = x.shape[axis] - 1 - np.flip(tg.argsort(tg.flip(x, axis), axis=axis, stable=True), axis)
    else:
        order = tg.argsort(x, axis=axis, stable=True)
    order = np.take(order, range(count), axis=axis)
    return tg.take_along_axis(x, order, axis=axis), order


OPERATORS = {
    "ArgMax": extreme_index(tg.argmax),
    "ArgMin": extreme_index(tg.argmin),
    "CumProd": running(tg.cumprod, 1),
    "CumSum": running(tg.cumsum, 0),
    "ReduceL1": reduction(lambda x, **where: tg.sum(tg.abs(x), **where)),
    "ReduceL2": reduction(lambda x, **where: tg.sqrt(tg.sum(tg.square(x), **where))),
    "ReduceLogSum": reduction(lambda x, **where: tg.log(tg.sum(x, **where))),
    "ReduceLogSumExp": reduction(tg.logsumexp),
    "ReduceMax": reduction(tg.max),
    "ReduceMean": reduction(tg.mean),
    "ReduceMin": reduction(tg.min),
    "ReduceProd": reduction(tg.prod),
    "ReduceSum": reduction(tg.sum),
    "ReduceSumSquare": reduction(lambda x, **where: tg.sum(tg.square(x), **where)),
    "TopK": top_k,
}
LEFT_OUT = {
    r"test_reduce_(max|min)_empty_set.*": "nothing has no largest or smallest element, as in NumPy",
    r"test_reduce_log_sum(_exp)?_empty_set": "the logarithm of nothing",
}
