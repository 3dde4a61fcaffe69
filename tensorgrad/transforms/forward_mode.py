"""Forward mode: how far the result moves when the inputs move along given tangents.

The tangents travel through a graph that was already recorded, oldest node first. There is no second table of
rules; how an operation passes a tangent on follows from the first:

- elementwise: its Jacobian is diagonal, so the derivative rule serves as it is: `rule(tangent)`;
- linear in the input: the forward rule, with the tangent in that input's place;
- anything else: the rule g ↦ Jᵀg is linear in g, and its own gradient, started from the tangent, is J·tangent.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tensorgrad.graph import Node, attached, topological_order
from tensorgrad.modes import enable_grad
from tensorgrad.op import Operation
from tensorgrad.tensor import Tensor, tensor_at
from tensorgrad.transforms.gradient import gradient


def push_forward(output: Node, tangents: dict[Node, Any], *, differentiable: bool) -> Any:
    """The tangent of `output` when the nodes in `tangents` move as given; None if it does not depend on them.

    Tangents are arrays, and so is the result; if it is to be differentiated, they are tensors.
    """
    known = dict(tangents)
    for node in reversed(topological_order([output])):
        if node in known:
            continue
        moved = [
            _through(node, position, known[entry], differentiable)
            for position, entry in enumerate(node.inputs)
            if isinstance(entry, Node) and entry in known
        ]
        if moved:
            known[node] = sum(moved[1:], start=moved[0])
    return known.get(output)


def _through(node: Node, position: int, tangent: Any, differentiable: bool) -> Any:
    """What a tangent of the operand at `position` adds to that of the result."""
    operation = node.operation
    assert operation is not None
    rule = operation.rules[position]
    if rule is None:
        return np.zeros(node.shape, node.dtype)
    saved = attached(node, position, tensor_at if differentiable else _array_only)
    if not isinstance(operation, Operation):  # a checkpoint, which has nothing but rules
        return _transposed(rule, saved, node, tangent, differentiable)
    if operation.elementwise:
        return rule(np.broadcast_to(tangent, node.shape), *saved)
    others = _other_operands(operation, position, saved)
    if operation.linear and others is not None:
        others[operation.inputs[position]] = tangent
        function = operation.function if differentiable else operation.forward
        arguments = inspect.signature(operation.forward).bind(**others, **node.options)
        return function(*arguments.args, **arguments.kwargs)
    return _transposed(rule, saved, node, tangent, differentiable)


def _array_only(array: Any, node: Node) -> Any:
    return array


def _other_operands(operation: Operation, position: int, saved: tuple[Any, ...]) -> dict[str, Any] | None:
    """The inputs besides the one at `position`, if its rule had them all saved."""
    if operation.sequence:
        return None
    by_name = dict(zip(operation.saves[position] or (), saved))
    others = [name for i, name in enumerate(operation.inputs) if i != position]
    return {name: by_name[name] for name in others} if all(name in by_name for name in others) else None


def _transposed(rule: Any, saved: tuple[Any, ...], node: Node, tangent: Any, differentiable: bool) -> Any:
    with enable_grad():
        g = Tensor(np.zeros(node.shape, node.dtype), requires_grad=True)
        pulled = rule(g, *saved)
        if not isinstance(pulled, Tensor) or not pulled.requires_grad:
            return np.zeros(node.shape, node.dtype)
        start = _unsummed(tangent, pulled)
        moved = gradient(pulled, g, grad_outputs=start, create_graph=differentiable, allow_unused=True)
    return np.zeros(node.shape, node.dtype) if moved is None else moved


def _unsummed(tangent: Any, pulled: Tensor) -> Any:
    """The engine sums a rule's result over broadcast axes; the other way round, a tangent is stretched over them."""
    return np.broadcast_to(tangent, pulled.shape) if tangent.shape != pulled.shape else tangent
