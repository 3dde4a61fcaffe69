"""The backward pass: propagates gradients from results to everything they were computed from."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from typing import Any

import numpy as np

from tensorgrad import _gradients, _messages
from tensorgrad.node import CHANGED, LIVE, RELEASED, Node, Result

Call = Callable[[Node, Any, Container[Node] | None], Iterable[tuple[int, Any]]]
"""`call_rules`, or a wrapper of it that records or observes."""


def backpropagate(
    seeds: Mapping[Node, Any], *, release: bool, towards: Iterable[Node] | None = None, since: int = 0,
    call: Call | None = None,
) -> dict[Node, Any]:  # fmt: skip
    """Propagate the gradients `seeds` through the graph by the chain rule and return those of the requested nodes.

    Args:
        seeds: for each output's node, the gradient to start from.
        release: drop the saved arrays during the pass.
        towards: compute only what these nodes' gradients need, and return them; default all nodes that collect.
        since: stop at nodes older than this number.
        call: a wrapper of `call_rules` that records or observes.

    Raises:
        RuntimeError: the graph was released, a leaf's data changed since, or another pass runs through the same nodes.
    """
    order = topological_order(seeds, since)
    requested = None if towards is None else set(towards)
    relevant = None if requested is None else _gradients.leading_to(requested, order)
    current = _gradients.begin_pass(order, since)
    try:
        for node in order:
            if node.state is not LIVE and (relevant is None or node in relevant or node.state is CHANGED):
                raise _messages.stale(node)
        pending = dict(seeds)  # what has arrived so far
        newer = order if not since else [node for node in order if node.number >= since]
        found = _apply_rules(newer, pending, requested, relevant, release, call)
    finally:
        _gradients.running.remove(current)
    found.update((node, pending[node]) for node in requested or () if node in pending)  # older than `since`
    return _gradients.owned(found, seeds)


def _apply_rules(
    order: list[Node], pending: dict[Node, Any], requested: set[Node] | None, relevant: set[Node] | None, release: bool,
    call: Call | None,
) -> dict[Node, Any]:  # fmt: skip
    """Propagate the gradients in `pending`, node by node, and return those of the requested nodes."""
    useful = None if requested is None or relevant is None else requested | relevant
    summed: set[Node] = set()  # nodes whose entry in `pending` is a new sum, referenced nowhere else
    found: dict[Node, Any] = {}
    for node in order:
        gradient = pending.pop(node, None)
        if gradient is None:
            continue
        if node.hooks is not None:
            gradient = _gradients.after_hooks(node, gradient)
        if node.collects if requested is None else node in requested:
            found[node] = gradient
        if not node.saved or (relevant is not None and node not in relevant):  # a leaf, or one of several results
            if node.operation is not None:
                _pass_on(node, gradient, pending, useful)
            elif release:
                node.array = None
            continue
        for position, contribution in (call or node.operation.call)(node, gradient, useful):
            parent = node.inputs[position]
            try:
                if contribution.shape != parent.shape:
                    contribution = unbroadcast(contribution, parent.shape, node)
            except AttributeError:
                raise _messages.not_an_array(node, contribution) from None
            if contribution.dtype is not parent.dtype:
                contribution = contribution.astype(parent.dtype)
            if parent not in pending:
                pending[parent] = contribution
            elif parent in summed:
                pending[parent] += contribution
            else:
                pending[parent] = pending[parent] + contribution
                if call is None:  # tensors are immutable values, and an observer may keep its arguments
                    summed.add(parent)
        if release:
            node.saved, node.state = (), RELEASED
    return found


def call_rules(
    node: Node, gradient: Any, wanted: Container[Node] | None = None, saved: Any = None
) -> Iterable[tuple[int, Any]]:
    """Yield the positions of the inputs of `node` with its contributions to their gradients.

    This is the only place that calls derivative rules; `compiled` generates a specialised version for each operation.

    Args:
        node: the recorded call of an operation.
        gradient: the gradient of its result; of several results a list, with None where no gradient arrived.
        wanted, saved: the nodes whose gradients are needed, and the values for the rules, if not all that `node` has.
    """
    operation, saved = node.operation, saved or node.saved
    if operation.results is not None:
        gradient = _gradients.completed(node, gradient)
    if operation.joint is not None:
        needed = tuple(
            isinstance(e, Node) and operation.saved_for(p) is not None and (wanted is None or e in wanted)
            for p, e in enumerate(node.inputs)
        )
        gradients = operation.joint(gradient, needed, *saved[0])
        yield from ((position, gradients[position]) for position in range(len(needed)) if needed[position])
        return
    for position, (rule, values) in enumerate(zip(operation.rules, saved)):
        if values is not None and (wanted is None or node.inputs[position] in wanted):
            yield position, rule(gradient, *values)


def topological_order(roots: Iterable[Node], since: int = 0) -> list[Node]:
    """Return `roots` and their ancestors, children first; do not follow nodes older than number `since`.

    A node may propagate its gradient only after every node that used it, so the order is from the newest to the oldest.
    """
    reached = {node.number: node for node in roots}
    waiting = list(reached.values())
    for node in waiting:  # it grows as we go
        for parent in node.inputs:
            if isinstance(parent, Node) and (number := parent.number) not in reached:
                reached[number] = parent
                if number >= since:
                    waiting.append(parent)
    return [reached[number] for number in sorted(reached, reverse=True)]


def _pass_on(node: Node, gradient: Any, pending: dict[Node, Any], useful: set[Node] | None) -> None:
    """Add the gradient of one of several results to the pending gradients of their call."""
    call = node.inputs[0]
    if isinstance(node, Result) and (useful is None or call in useful):
        arrived = pending.setdefault(call, [None] * len(call.shape))
        before = arrived[node.index]  # higher derivatives have several nodes for one result
        arrived[node.index] = gradient if before is None else before + gradient


def unbroadcast(gradient: Any, shape: tuple[int, ...], node: Node) -> Any:
    """Sum `gradient` to `shape`: where NumPy broadcast an operand, one element was used several times."""
    given, added = gradient.shape, gradient.ndim - len(shape)
    if added > 0:
        gradient = _gradients.summed(gradient, tuple(range(added)))
    elif added < 0:  # NumPy also drops leading axes of length 1, when assigning into a slice
        gradient = np.reshape(gradient, (1,) * -added + gradient.shape)
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 and gradient.shape[axis] != 1)
    if stretched:
        gradient = _gradients.summed(gradient, stretched, keepdims=True)
    if gradient.shape != shape:
        raise _messages.wrong_shape(node, given, shape)
    return gradient
