"""The call of an operation: unwrap the tensors, compute, add a node. `compiled` is a faster equivalent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tensorgrad import _hints, _messages, _operands, anomaly
from tensorgrad._views import note_view
from tensorgrad.modes import current_mode
from tensorgrad.node import Node, Result
from tensorgrad.tensor import Tensor, plain, tensor_at


def recorder(operation: Any, *, reflected: bool = False) -> Callable[..., Any]:
    """Return the public function; `reflected` swaps the operands, as for `__rsub__`."""
    return lambda *args, **kwargs: record(operation, args[::-1] if reflected else args, kwargs)


def record(operation: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Return the result of `operation` as a tensor (several as a named tuple), with a node if one is needed."""
    try:
        call = operation.signature.bind(*args, **kwargs)
    except TypeError as error:
        raise _hints.wrong_arguments(operation, kwargs, error) from None
    call.apply_defaults()
    values = call.arguments  # by name: tensors as they were passed, then their arrays
    operands = _take_operands(operation, values)
    is_special = operation.needs_numpy or (operation.lowering and current_mode().since)
    if is_special and _operands.holds_foreign(operands):
        return operation.on_foreign(*call.args, **call.kwargs)
    for name, value in values.items():
        if name in operation.inputs:
            values[name] = plain(value)
        elif isinstance(value, Tensor):
            values[name] = _operands.check_option(value, name, operation)
    try:
        out = operation.forward(*call.args, **call.kwargs)
    except Exception as error:
        better = _messages.explained(error, operation.name, {name: values[name] for name in operation.inputs})
        if better is None:
            raise
        raise better from error
    if operation.keep:
        out, kept = out
        values.update(zip(operation.keep, kept))
    results = [_checked(each, operation.name) for each in (out if operation.results else [out])]
    values["out"] = operation.results(*results) if operation.results else results[0]
    if operation.view:
        note_view(operands[0], results[0])

    if current_mode().since:
        anomaly.check_sources(item.node for item in operands if isinstance(item, Tensor))
    nodes = _nodes(operation, operands, values, results) if current_mode().recording else [None] * len(results)
    tensors = [tensor_at(array, node) for array, node in zip(results, nodes)]
    return operation.results(*tensors) if operation.results else tensors[0]


def _take_operands(operation: Any, values: dict[str, Any]) -> list[Any]:
    """Return the operands in order, checked, and store them in `values`; a sequence of tensors is expanded."""
    operands: list[Any] = []
    for name in operation.inputs:
        if name == operation.sequence:
            values[name] = _operands.check_sequence(values[name], operation.name)
            operands += values[name]
        else:
            if not isinstance(values[name], Tensor):
                values[name] = _operands.check_operand(values[name], operation.name)
            operands.append(values[name])
    return operands


def _checked(result: Any, name: str) -> Any:
    """Return a result of a forward rule as an array of real numbers: NumPy returns scalars for 0-d results."""
    array = np.asarray(result) if isinstance(result, np.generic) else result
    is_real = isinstance(array, np.ndarray) and array.dtype.kind in "fiub"
    return array if is_real else _operands.check_result(result, name)


def _nodes(operation: Any, operands: list[Any], values: dict[str, Any], results: list[Any]) -> list[Node | None]:
    """Return the node of each result, or None where no operand requires a gradient."""
    parents = [item.node if isinstance(item, Tensor) else None for item in operands]
    values |= {n: _operands.settled(values[n]) for n in operation.options if type(values[n]) not in _operands.FIXED}
    saved: list[Any] = []
    for position, parent in enumerate(parents):
        names = operation.saved_for(position)
        needed = parent is not None and names is not None
        saved.append(tuple(_value(name, values, operation, position) for name in names) if needed else None)
    if all(each is None for each in saved):
        return [None] * len(results)
    if operation.joint:
        saved = [next(each for each in saved if each is not None)]
    if operation.composed:
        saved.append(tuple(values[name] for name in operation.inputs))
    inputs = tuple(parent or _operands.without_gradient(item) for parent, item in zip(parents, operands))
    options = {name: values[name] for name in operation.options}
    shapes, dtypes = tuple(each.shape for each in results), tuple(each.dtype for each in results)
    if not operation.results and dtypes[0].kind != "f":
        raise _messages.not_float(dtypes[0], operation.name)
    of_results = (shapes, dtypes) if operation.results else (shapes[0], dtypes[0])
    call = Node(operation, inputs, options, tuple(saved), *of_results)
    if current_mode().watched:
        anomaly.watch(call, results)
    if not operation.results:
        return [call]
    return [Result(call, index) if dtype.kind == "f" else None for index, dtype in enumerate(dtypes)]


def _value(name: str, values: dict[str, Any], operation: Any, position: int) -> Any:
    """Return the value of a rule's parameter: `out`, `x`, `x_shape`, an option, a kept value, or `index`."""
    if name == "index" and operation.sequence:
        return position - len(operation.inputs) + 1
    if name.endswith("_shape") and name not in values:
        operand = values[name.removesuffix("_shape")]
        return _operands.shape_of(operand) if isinstance(operand, list) else np.shape(operand)
    return values[name]
