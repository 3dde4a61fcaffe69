"""Forward mode: the directional derivative of a result along given tangents of the inputs.

Tangents are propagated through a graph that was already recorded, oldest node first. There are no separate
forward-mode rules; the tangent of an operation follows from its derivative rule:

- elementwise: its Jacobian is diagonal, so the derivative rule applies directly: `rule(tangent)`;
- linear in the input: the forward rule, with the tangent in place of that input;
- anything else: the rule g ↦ Jᵀg is linear in g, and its own gradient, started from the tangent, is J·tangent.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from tensorgrad._higher_order import attached, composed_again
from tensorgrad.backward import call_rules, topological_order
from tensorgrad.modes import enable_grad
from tensorgrad.node import Node, Result
from tensorgrad.op import Operation
from tensorgrad.tensor import Tensor, plain, tensor_at
from tensorgrad.transforms.gradient import gradient


def push_forward(output: Node, tangents: dict[Node, Any], *, differentiable: bool) -> Any:
    """Return the tangent of `output` for the given `tangents` of nodes; None if it does not depend on these nodes.

    Tangents are arrays, and so is the result; if it is to be differentiated, they are tensors.
    """
    known = dict(tangents)
    for node in reversed(topological_order([output])):
        if node in known:
            continue
        moving = {entry: known[entry] for entry in node.inputs if isinstance(entry, Node) and entry in known}
        if not moving:
            continue
        if isinstance(node, Result):
            known[node] = known[node.inputs[0]][node.index]
        else:
            known[node] = _through(node, moving, differentiable)
    return known.get(output)


def _through(node: Node, moving: dict[Node, Any], differentiable: bool) -> Any:
    """Return the tangent of the result of `node` (a list, if it has several) given those of its inputs, `moving`."""
    operation = node.operation
    if operation.composed is not None:
        results, _ = composed_again(node, tensor_at)
        moved = [r.node and push_forward(r.node, moving, differentiable=differentiable) for r in results]
        return moved if operation.results is not None else moved[0]
    saved = attached(node, tensor_at if differentiable else _array_only)
    if not isinstance(operation, Operation) or operation.joint is not None or operation.results is not None:
        return _transposed(node, saved, moving, differentiable)
    total = None
    for position, entry in enumerate(node.inputs):
        if not isinstance(entry, Node) or entry not in moving or operation.rules[position] is None:
            continue
        only = tuple(each if p == position else None for p, each in enumerate(saved))
        tangent, others = moving[entry], _other_operands(operation, position, saved[position])
        if _is_elementwise(operation):
            moved = dict(call_rules(node, np.broadcast_to(tangent, node.shape), moving, only))[position]
        elif operation.linear and others is not None:
            others[operation.inputs[position]] = tangent
            function = operation.function if differentiable else operation.forward
            arguments = inspect.signature(operation.forward).bind(**others, **node.options)
            moved = function(*arguments.args, **arguments.kwargs)
        else:
            moved = _transposed(node, only, {entry: tangent}, differentiable)
        total = moved if total is None else total + moved
    return _zeros(node.shape, node.dtype, moving) if total is None else total


def _is_elementwise(operation: Operation) -> bool:
    """Return whether each element of the result depends on the matching elements only, as in NumPy's ufuncs."""
    return any(isinstance(function, np.ufunc) and function.signature is None for function in operation.numpy)


def _array_only(array: Any, node: Node) -> Any:
    return array


def _other_operands(operation: Operation, position: int, saved: tuple[Any, ...]) -> dict[str, Any] | None:
    """Return the inputs other than the one at `position` by name, if all of them were saved for its rule."""
    if operation.sequence:
        return None
    by_name = dict(zip(operation.saves[position] or (), saved))
    others = [name for i, name in enumerate(operation.inputs) if i != position]
    return {name: by_name[name] for name in others} if all(name in by_name for name in others) else None


def _transposed(node: Node, saved: Any, moving: dict[Node, Any], differentiable: bool) -> Any:
    """Return the tangent of the result from the rules, which are linear in g: the gradient of what they return,
    started from the tangents of the inputs."""
    several = node.operation.results is not None
    with enable_grad():
        g = [
            Tensor(_zeros(shape, dtype, moving), requires_grad=True)
            for shape, dtype in (zip(node.shape, node.dtype) if several else [(node.shape, node.dtype)])
        ]
        pairs = [
            (each, _unsummed(moving[node.inputs[position]], each))
            for position, each in call_rules(node, g if several else g[0], moving, saved)
            if isinstance(each, Tensor) and each.requires_grad
        ]
        moved: Any = [None] * len(g)
        if pairs:
            outputs, starts = zip(*pairs)
            moved = gradient(outputs, g, grad_outputs=starts, create_graph=differentiable, allow_unused=True)
    moved = [np.zeros_like(each.array) if m is None else m for m, each in zip(moved, g)]
    return moved if several else moved[0]


def _zeros(shape: Any, dtype: Any, moving: dict[Node, Any]) -> Any:
    """Return zeros in the array type of the tangents."""
    return np.zeros_like(plain(next(iter(moving.values()))), dtype=dtype, shape=shape)


def _unsummed(tangent: Any, pulled: Tensor) -> Any:
    """Broadcast a tangent over the axes that the engine sums in a rule's result."""
    return np.broadcast_to(tangent, pulled.shape) if tangent.shape != pulled.shape else tangent
