"""Recorded gradients: the rules are called on tensors, or the composed form is recorded instead."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from functools import partial
from typing import Any

from tensorgrad._declaration import RESULT
from tensorgrad.backward import Call, backpropagate
from tensorgrad.modes import enable_grad
from tensorgrad.node import Node, Result, next_number

Attach = Callable[[Any, Node], Any]
"""Creates a tensor from a saved array and its node."""


def recording(attach: Attach) -> Call:
    """Return a function around `call_rules` whose contributions can be differentiated again."""
    return partial(_call_recorded, attach)  # a closure that calls itself would be a reference cycle


def _call_recorded(
    attach: Attach, node: Node, gradient: Any, wanted: Container[Node] | None
) -> Iterable[tuple[int, Any]]:
    if node.operation.composed is not None:
        node = _of_composed_operation(node) or node
    if node.operation.composed is None:
        called: Iterable[tuple[int, Any]] = node.operation.call(node, gradient, wanted, attached(node, attach, wanted))
        return called
    results, since = composed_again(node, attach)
    seeds: dict[Node, Any] = {}
    for result, g in zip(results, gradient if node.operation.results is not None else [gradient]):
        if g is not None and result.node is not None:
            seeds[result.node] = seeds[result.node] + g if result.node in seeds else g
    places = [(p, e) for p, e in enumerate(node.inputs) if isinstance(e, Node) and (wanted is None or e in wanted)]
    towards = [entry for _, entry in places]
    found = backpropagate(seeds, release=False, towards=towards, since=since, call=recording(attach))
    return [(position, found.pop(entry)) for position, entry in places if entry in found]  # once per input


def _of_composed_operation(node: Node) -> Node | None:
    """Return the node that the composed form of `node` would record, without computing its result again.

    None unless the composed form is a single operation whose rules need nothing but the operands and the options.
    """
    operation = getattr(node.operation.composed, "operation", None)
    if operation is None:
        return None
    values = dict(zip(operation.inputs, node.saved[-1])) | dict(node.options)
    if any(name not in values for names in operation.saves for name in names or ()):
        return None
    saved = tuple(
        None if names is None or node.saved[position] is None else tuple(values[name] for name in names)
        for position, names in enumerate(operation.saves)
    )
    return Node(operation, node.inputs, node.options, saved, node.shape, node.dtype)


def composed_again(node: Node, attach: Attach) -> tuple[list[Any], int]:
    """Record the composed form of `node`; return its results and the number after which its nodes were created."""
    operation = node.operation
    operands = [_attached(value, place, node, attach) for place, value in enumerate(node.saved[-1])]
    since = next_number()
    with enable_grad():
        results = operation.composed(**dict(zip(operation.inputs, operands)), **node.options)
    return (list(results) if operation.results is not None else [results]), since


def attached(node: Node, attach: Attach, wanted: Container[Node] | None = None) -> list[Any]:
    """Return the values saved for `wanted` inputs as tensors: inputs belong to their nodes, the result to `node`."""
    owners = node.operation.owners
    if node.operation.joint is not None:
        return [[_attached(value, place, node, attach) for value, place in zip(node.saved[0], owners[0])]]
    tensors: list[Any] = []
    last = len(owners) - 1
    for position, (entry, saved) in enumerate(zip(node.inputs, node.saved)):
        if saved is None or (wanted is not None and entry not in wanted):
            tensors.append(None)
        else:
            places = owners[position if position < last else last]
            tensors.append([
                value if place is None else _attached(value, place, node, attach) for value, place in zip(saved, places)
            ])  # fmt: skip
    return tensors


def _attached(value: Any, place: int | None, node: Node, attach: Attach) -> Any:
    """Return a saved value as a tensor if it is the value of a node.

    Args:
        value: an array, or several of them: the items of a sequence, or the results as a named tuple.
        place: the position of the operand that it is, `RESULT`, or None for neither.
        node: the call that saved it.
        attach: makes the tensor.
    """
    operation = node.operation
    if place is None:
        return value
    if place == RESULT:
        if not isinstance(value, tuple):
            return attach(value, node)
        return type(value)(*(attach(each, Result(node, index)) for index, each in enumerate(value)))
    if operation.sequence is not None and place == len(operation.inputs) - 1:
        return [attach(v, e) if isinstance(e, Node) else v for v, e in zip(value, node.inputs[place:])]
    entry = node.inputs[place]
    return attach(value, entry) if isinstance(entry, Node) else value
