"""Cost of a recorded graph: floating-point operations, and memory kept for the backward pass."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType

import numpy as np
from numpy.typing import NDArray

from tensorgrad._operands import Constant
from tensorgrad.backward import topological_order
from tensorgrad.node import Node, Result
from tensorgrad.op import Operation
from tensorgrad.tensor import Tensor
from tensorgrad.viz.recording.expansion import steps
from tensorgrad.viz.recording.modules import grouping
from tensorgrad.viz.recording.replay import arguments_of, declared

__all__ = ["Cost", "costs", "owner"]

MOVES = ("tensorgrad.ops.shape.", "tensorgrad.ops.indexing.")
"""Modules of the operations that only move numbers."""


@dataclass(frozen=True)
class Cost:
    """Cost of one call of an operation.

    Attributes:
        operation: the name of the operation.
        flops: the number of floating-point operations. A multiplication and an addition count as 2.
        kept: the arrays that the call keeps for the backward pass, including its operands. Other calls may keep the
            same arrays. A view is represented by the array that owns its memory.
        module: the innermost `nn.Module` whose call computed this, or None.
        shape: the shape of the result; a tuple of shapes if there are several.
    """

    operation: str
    flops: int
    kept: tuple[NDArray[Any], ...]
    module: Any
    shape: Any


def costs(*outputs: Tensor) -> Iterator[Cost]:
    """Yield the cost of each call of an operation in the graph of `outputs`, in the order of computation.

    Matrix products, convolutions and pools have formulas. Other fused operations count as the simpler operations that
    they consist of. All others count as one operation per element of the largest operand or result, even `exp` and
    division. Operations that only move numbers, such as `reshape` and `take`, cost nothing.

    >>> import numpy as np, tensorgrad as tg
    >>> x, w = tg.tensor(np.ones((4, 3)), requires_grad=True), tg.tensor(np.ones((3, 2)), requires_grad=True)
    >>> [(cost.operation, cost.flops) for cost in costs(tg.tanh(x @ w).sum())]
    [('matmul', 48), ('tanh', 8), ('sum', 8)]
    """
    order = topological_order(output.node for output in outputs if output.node is not None)[::-1]
    grouped = grouping(order)
    for node in order:
        if node.operation is not None and not isinstance(node, Result):
            group = grouped.of.get(node)
            module = None if group is None else grouped.owners[group]
            yield Cost(node.operation.name, _flops(node), tuple(_arrays(node.saved)), module, node.shape)


def _flops(node: Node) -> int:
    operation = declared(node)
    if operation is None:
        return _elements(node)
    if operation.flops is not None:
        return int(operation.flops(**_known(node, operation)))
    if operation.forward.__module__.startswith(MOVES):
        return 0
    if operation.composed is None and operation.forward.__module__.startswith("tensorgrad.ops.elementwise"):
        return _elements(node)
    inside = steps(operation, arguments_of(node, operation, [_zeros(entry) for entry in node.inputs]))
    if inside is None:
        return _elements(node)
    calls = topological_order(result.node for result in inside if result.node is not None)
    return sum(_flops(each) for each in calls if each.operation is not None and not isinstance(each, Result))


def _elements(node: Node) -> int:
    """Return the number of elements of the largest operand or result."""
    shapes = node.shape if isinstance(node.dtype, tuple) else (node.shape,)
    operands = [_shape(entry) or () for entry in node.inputs]
    return max(int(np.prod(shape)) for shape in (*shapes, *operands))


def _known(node: Node, operation: Operation) -> dict[str, Any]:
    """Return the arguments of the operation's formula."""
    arguments = arguments_of(node, operation, [_shape(entry) for entry in node.inputs])
    named = {f"{name}_shape" if name in operation.inputs else name: value for name, value in arguments.items()}
    named["out_shape"] = node.shape
    assert operation.flops is not None
    return {name: named[name] for name in inspect.signature(operation.flops).parameters}


def _shape(entry: Any) -> tuple[int, ...] | None:
    """Return the shape of an operand; None if it was omitted. An array that was freed counts as a scalar."""
    if isinstance(entry, Node):
        shape: tuple[int, ...] = entry.shape
        return shape
    value: Any = entry() if isinstance(entry, ReferenceType) else entry
    return None if entry is None else np.shape(value.array if isinstance(value, (Constant, Tensor)) else value)


def _zeros(entry: Any) -> Tensor | None:
    shape = _shape(entry)
    return None if shape is None else Tensor(np.zeros(shape), requires_grad=True)


def owner(array: NDArray[Any]) -> NDArray[Any]:
    """Return the array that owns the memory of `array`, which may be a view."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays(value: Any) -> Iterator[NDArray[Any]]:
    """Yield the arrays in saved values, each as the array that owns the memory."""
    if isinstance(value, np.ndarray):
        yield owner(value)
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _arrays(item)
    elif isinstance(value, dict) or hasattr(value, "__dict__"):
        for item in (value if isinstance(value, dict) else vars(value)).values():
            yield from _arrays(item)
