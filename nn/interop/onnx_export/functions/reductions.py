"""Reductions along axes, and products of matrices."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.functions.elementwise import cast, promoted
from nn.interop.onnx_export.functions.shapes import channels_first_axis, ints
from nn.interop.onnx_export.value import Value, function_of

OPERATORS: dict[str, tuple[Callable[..., Any], ...]] = {
    "ReduceSum": (np.sum,),
    "ReduceMean": (np.mean,),
    "ReduceMax": (np.max, np.amax),
    "ReduceMin": (np.min, np.amin),
    "ReduceProd": (np.prod,),
}

UNSET = inspect.signature(np.sum).parameters["initial"].default
"""What NumPy passes for an argument that is omitted."""


def reduced(operator: str, a: Value, axis: Any, keepdims: bool) -> Value:
    """Add a reduction, in the layout in which the array exists if the result has the same order of axes there."""
    axes = set(range(a.ndim) if axis is None else normalize_axis_tuple(axis, a.ndim))
    between, ends = set(range(1, a.ndim - 1)), {0, a.ndim - 1}
    same_order = keepdims or between <= axes or (0 not in axes and a.ndim - 1 in axes) or not (ends - axes)
    first = a.in_channels_last is None and same_order
    moved = sorted(channels_first_axis(each, a.ndim) if first else each for each in axes)
    wire = a.graph.channels_first(a) if first else a
    reduced: Value = a.graph.add(operator, wire, ints(*moved), keepdims=int(keepdims))
    if first and keepdims:
        return Value(a.graph, (reduced.shape[0], *reduced.shape[2:], reduced.shape[1]), reduced.dtype,
                     channels_first=reduced.in_channels_last)  # fmt: skip
    return reduced


def _reduction(operator: str) -> Callable[..., Value]:
    def compute(
        a: Value, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, initial: Any = UNSET,
        where: Any = True,
    ) -> Value:  # fmt: skip
        neutral = {"ReduceSum": 0, "ReduceProd": 1}.get(operator)
        if where is not True or (initial is not UNSET and initial != neutral):
            raise ExportError("a reduction with where= or initial= is not supported; use np.where before it")
        if dtype is None and a.dtype.kind in "biu" and neutral is not None:
            dtype = np.int64
        elif dtype is None and a.dtype.kind in "biu" and operator == "ReduceMean":
            dtype = np.float64
        return reduced(operator, a if dtype is None else a.astype(dtype), axis, bool(keepdims))

    return compute


for _operator, _functions in OPERATORS.items():
    function_of(*_functions)(_reduction(_operator))


@function_of(np.var)
def var(
    a: Value, axis: Any = None, dtype: Any = None, out: None = None, ddof: int = 0, keepdims: bool = False,
    where: Any = True, **_: Any,
) -> Any:  # fmt: skip
    """Return the variance along axes."""
    if where is not True:
        raise ExportError("np.var with where= is not supported")
    axes = range(a.ndim) if axis is None else normalize_axis_tuple(axis, a.ndim)
    centred = a - np.mean(a, axis=tuple(axes), keepdims=True)
    if not ddof:
        return np.mean(centred * centred, axis=tuple(axes), keepdims=keepdims)
    count = math.prod(a.shape[each] for each in axes)
    return np.sum(centred * centred, axis=tuple(axes), keepdims=keepdims) / (count - ddof)


@function_of(np.std)
def std(a: Value, axis: Any = None, **options: Any) -> Any:
    """Return the standard deviation along axes."""
    return np.sqrt(var(a, axis, **options))


@function_of(np.linalg.vector_norm)
def vector_norm(x: Value, *, axis: Any = None, keepdims: bool = False, ord: float = 2) -> Any:
    """Return the Euclidean norm along axes."""
    if ord != 2:
        raise ExportError(f"np.linalg.vector_norm with ord={ord} is not supported")
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


@function_of(np.cumsum)
def cumsum(a: Value, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the cumulative sums along an axis."""
    if axis is None:
        raise ExportError("np.cumsum needs an axis")
    return a.graph.add("CumSum", a, np.array(axis, np.int64))


@function_of(np.argmax)
def argmax(a: Value, axis: int | None = None, out: None = None, *, keepdims: bool = False) -> Any:
    """Return the indices of the maxima along an axis."""
    if axis is None:
        raise ExportError("np.argmax needs an axis")
    return a.graph.add("ArgMax", a, axis=axis, keepdims=int(keepdims))


@function_of(np.matmul)
def matmul(x1: Any, x2: Any) -> Value:
    """Return the product of matrices."""
    x1, x2 = promoted(np.matmul, x1, x2)
    graph = x1.graph if isinstance(x1, Value) else x2.graph
    result: Value = graph.add("MatMul", x1, x2)
    return result


@function_of(np.dot)
def dot(a: Any, b: Any) -> Any:
    """Return the product of matrices; that of arrays with more axes is not exported."""
    if np.ndim(a) > 2 or np.ndim(b) > 2:
        raise ExportError("np.dot of arrays with more than two axes is not supported; use np.matmul")
    return a * b if 0 in (np.ndim(a), np.ndim(b)) else matmul(a, b)


@function_of(np.inner)
def inner(a: Any, b: Any) -> Any:
    """Return the product along the last axes."""
    return matmul(a, b if np.ndim(b) < 2 else np.swapaxes(b, -1, -2))


@function_of(np.einsum)
def einsum(subscripts: str, *operands: Any, optimize: Any = False) -> Value:
    """Return a sum of products in Einstein's notation."""
    dtype = np.result_type(*(each.dtype for each in operands))
    graph = next(each.graph for each in operands if isinstance(each, Value))
    result: Value = graph.add("Einsum", *(cast(each, dtype) for each in operands), equation=subscripts)
    return result
