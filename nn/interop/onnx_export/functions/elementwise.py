"""Elementwise functions. They are computed in the layout in which their operands exist."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from nn.interop.onnx_export.errors import ExportError
from nn.interop.onnx_export.value import Value, function_of


def elementwise(operator: str, *operands: Any, **attributes: Any) -> Value:
    """Add a node for an elementwise operator that broadcasts. Arrays among the operands become constants.

    If an operand exists only with its channels along axis 1, as after a convolution, all operands are used in that
    layout, so that no transpose is needed.
    """
    graph = next(each.graph for each in operands if isinstance(each, Value))
    rank = max(np.ndim(each) for each in operands)
    values = [each for each in operands if isinstance(each, Value)]
    moved = [each if isinstance(each, Value) else with_channels_first(each, rank) for each in operands]
    fits = all(each.ndim == rank for each in values) and not any(each is None for each in moved)
    if rank > 2 and fits and any(each.in_channels_last is None for each in values):
        result: Value = graph.add(operator, *moved, channels_first=True, **attributes)
        return result
    result = graph.add(operator, *operands, **attributes)
    return result


def with_channels_first(array: Any, rank: int) -> Any:
    """Return a constant in the form that broadcasts with the channels along axis 1; None if there is no such form."""
    array = np.asarray(array)
    if array.size == 1 and array.ndim <= 1:
        return array.reshape(())
    if array.ndim == 1:
        return array.reshape(-1, *(1,) * (rank - 2))
    return np.moveaxis(array, -1, 1) if array.ndim == rank else None


def cast(value: Any, dtype: Any) -> Any:
    """Return a value or a constant in another dtype."""
    dtype = np.dtype(dtype)
    if not isinstance(value, Value):
        return np.asarray(value, dtype)
    return value if value.dtype == dtype else elementwise("Cast", value, to=value.graph.element_type(dtype))


def promoted(ufunc: np.ufunc, *operands: Any) -> list[Any]:
    """Return the operands in the dtypes in which NumPy computes this function."""
    resolved = ufunc.resolve_dtypes((*map(_kind, operands), *(None,) * ufunc.nout))
    return [cast(each, dtype) for each, dtype in zip(operands, resolved)]


def _kind(operand: Any) -> Any:
    """Return the dtype of an operand; for a Python number, its type, which does not promote the others."""
    if isinstance(operand, Value):
        return operand.dtype
    return type(operand) if type(operand) in (int, float) else np.asarray(operand).dtype


OPERATORS: dict[np.ufunc, str] = {
    np.add: "Add", np.subtract: "Sub", np.multiply: "Mul", np.true_divide: "Div", np.negative: "Neg",
    np.absolute: "Abs", np.fabs: "Abs", np.sign: "Sign", np.floor: "Floor", np.ceil: "Ceil", np.rint: "Round",
    np.exp: "Exp", np.log: "Log", np.sqrt: "Sqrt", np.reciprocal: "Reciprocal", np.power: "Pow", np.float_power: "Pow",
    np.sin: "Sin", np.cos: "Cos", np.tan: "Tan", np.arcsin: "Asin", np.arccos: "Acos", np.arctan: "Atan",
    np.sinh: "Sinh", np.cosh: "Cosh", np.tanh: "Tanh", np.arcsinh: "Asinh", np.arccosh: "Acosh", np.arctanh: "Atanh",
    np.minimum: "Min", np.greater: "Greater", np.greater_equal: "GreaterOrEqual",
    np.less: "Less", np.less_equal: "LessOrEqual", np.equal: "Equal", np.logical_and: "And", np.logical_or: "Or",
    np.logical_xor: "Xor", np.logical_not: "Not", np.isnan: "IsNaN", np.isinf: "IsInf",
}  # fmt: skip
"""Ufuncs that correspond to one operator."""

LOGICAL = ("And", "Or", "Xor", "Not")


def _one_operator(ufunc: np.ufunc, operator: str) -> Callable[..., Value]:
    def compute(*operands: Any) -> Value:
        if operator in LOGICAL:
            return elementwise(operator, *(cast(each, bool) for each in operands))
        return elementwise(operator, *promoted(ufunc, *operands))

    return compute


for _ufunc, _operator in OPERATORS.items():
    function_of(_ufunc)(_one_operator(_ufunc, _operator))

COMPOSED: dict[np.ufunc, Callable[..., Any]] = {
    np.square: lambda x: x * x,
    np.positive: lambda x: x,
    np.conjugate: lambda x: x,
    np.expm1: lambda x: np.exp(x) - 1,
    np.log1p: lambda x: np.log(x + 1),
    np.exp2: lambda x: np.exp(x * math.log(2)),
    np.log2: lambda x: np.log(x) * (1 / math.log(2)),
    np.log10: lambda x: np.log(x) * (1 / math.log(10)),
    np.logaddexp: lambda x, y: np.maximum(x, y) + np.log(np.exp(-np.abs(x - y)) + 1),
    np.hypot: lambda x, y: np.sqrt(x * x + y * y),
    np.not_equal: lambda x, y: np.logical_not(np.equal(x, y)),
    np.isfinite: lambda x: np.logical_not(np.logical_or(np.isnan(x), np.isinf(x))),
}
"""Ufuncs that are computed from others."""

for _ufunc, _compute in COMPOSED.items():
    function_of(_ufunc)(_compute)


@function_of(np.bitwise_and)
def bitwise_and(x: Any, y: Any) -> Value:
    """Return the conjunction of booleans."""
    return elementwise("And", _boolean(x), _boolean(y))


@function_of(np.bitwise_or)
def bitwise_or(x: Any, y: Any) -> Value:
    """Return the disjunction of booleans."""
    return elementwise("Or", _boolean(x), _boolean(y))


@function_of(np.invert)
def invert(x: Any) -> Value:
    """Return the negation of booleans."""
    return elementwise("Not", _boolean(x))


def _boolean(x: Any) -> Any:
    if np.dtype(_kind(x)) != bool:
        raise ExportError("a bitwise operation on integers is not supported")
    return x


@function_of(np.maximum)
def maximum(x: Any, y: Any) -> Value:
    """Return the larger of two arrays; `np.maximum(x, 0)` is a node `Relu`."""
    x, y = promoted(np.maximum, x, y)
    if isinstance(y, np.ndarray) and y.ndim == 0 and y == 0 and x.dtype.kind == "f":
        return elementwise("Relu", x)
    return elementwise("Max", x, y)


@function_of(np.where)
def where(condition: Any, x: Any, y: Any) -> Value:
    """Return elements of `x` where the condition holds, and elsewhere those of `y`."""
    x, y = promoted(np.add, x, y)
    return elementwise("Where", cast(condition, bool), x, y)


@function_of(np.clip)
def clip(a: Any, a_min: Any = None, a_max: Any = None) -> Any:
    """Return the array limited to an interval."""
    a = a if a_min is None else np.maximum(a, a_min)
    return a if a_max is None else np.minimum(a, a_max)


@function_of(np.astype)
def astype(x: Any, dtype: Any, *, copy: bool = True) -> Any:
    """Return the array in another dtype."""
    return cast(x, dtype)


@function_of(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Return False: values are real."""
    return False
