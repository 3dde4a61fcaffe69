"""Gradients that are recorded: the rules called on tensors, or the composed form recorded in their place."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from functools import partial
from typing import Any

from tensorgrad.backward import Call, backpropagate
from tensorgrad.modes import enable_grad
from tensorgrad.node import Node, Result, next_number

Attach = Callable[[Any, Node], Any]
"""Makes a tensor of a saved array and the node it belongs to."""


def recording(attach: Attach) -> Call:
    """Return a function around `call_rules` whose contributions can be differentiated again."""
    return partial(_call_recorded, attach)  # a closure that calls itself would be a reference cycle


def _call_recorded(
    attach: Attach, node: Node, gradient: Any, wanted: Container[Node] | None
) -> Iterable[tuple[int, Any]]:
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


def composed_again(node: Node, attach: Attach) -> tuple[list[Any], int]:
    """Return the results of `node` recorded in operations, and the number from which their nodes count."""
    operation = node.operation
    operands = _attach(list(node.saved[-1]), _by_input(node), attach)
    since = next_number()
    with enable_grad():
        results = operation.composed(**dict(zip(operation.inputs, operands)), **node.options)
    return (list(results) if operation.results is not None else [results]), since


def attached(node: Node, attach: Attach, wanted: Container[Node] | None = None) -> list[Any]:
    """Return what is saved for `wanted` inputs as tensors: an input belongs to its own node, the result to `node`."""
    if node.operation.joint is not None:
        first = next(p for p in range(len(node.inputs)) if node.operation.saved_for(p) is not None)
        return [[_attach(value, owner, attach) for value, owner in zip(node.saved[0], _owners(node, first))]]
    tensors: list[Any] = []
    for position, (entry, saved) in enumerate(zip(node.inputs, node.saved)):
        if saved is None or (wanted is not None and entry not in wanted):
            tensors.append(None)
        else:
            tensors.append([
                value if owner is None else _attach(value, owner, attach)
                for value, owner in zip(saved, _owners(node, position))
            ])  # fmt: skip
    return tensors


def _owners(node: Node, position: int) -> Iterator[Any]:
    """For each value saved for the operand at `position` of `node`: the node (or nodes) it belongs to, or None."""
    operation = node.operation
    inputs = operation.inputs
    for name in operation.saved_for(position) or ():
        if name == "out":
            yield [Result(node, index) for index in range(len(node.shape))] if operation.results else node
        elif name in inputs:
            yield _by_input(node)[-1] if name == operation.sequence else node.inputs[inputs.index(name)]
        else:
            yield None


def _by_input(node: Node) -> list[Any]:
    """Return the entries of `node.inputs` by the operation's inputs: those of a sequence in a list at the end."""
    if node.operation.sequence is None:
        return list(node.inputs)
    single = len(node.operation.inputs) - 1
    return [*node.inputs[:single], list(node.inputs[single:])]


def _attach(value: Any, owner: Any, attach: Attach) -> Any:
    if isinstance(owner, Node):
        return attach(value, owner)
    if isinstance(owner, list):
        each = [_attach(v, o, attach) for v, o in zip(value, owner)]
        return type(value)(*each) if hasattr(value, "_fields") else each
    return value
