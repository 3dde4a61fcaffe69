"""The graph: what was computed from what, and how a gradient travels back through it.

Every operation that a gradient must pass leaves one `Node`. A node points to the nodes of its inputs and
keeps the few arrays its derivative rules asked for; it never keeps its own result. Going backwards is one
loop over the nodes, newest first, that calls each rule and adds up what arrives at the same place.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol
from weakref import ReferenceType

import numpy as np

Rule = Callable[..., Any]
"""`rule(g, *saved)`: the gradient of one input, given the gradient `g` of the result."""

next_number = itertools.count().__next__


class Rules(Protocol):
    """Derivative rules by the position of their operand."""

    def __getitem__(self, position: int, /) -> Any:
        """The rule of the operand at `position`."""


class Declared(Protocol):
    """What the graph needs to know of an operation; `op.Operation` is the real thing."""

    @property
    def name(self) -> str:
        """The name users call it by."""

    @property
    def rules(self) -> Rules:
        """The derivative rule of each operand, by position; None where there is none."""

    def owners(self, node: Node, position: int) -> Iterator[Any]:
        """For each value saved for an operand, the node it belongs to."""


class Examiner(Protocol):
    """Somebody who watches a backward pass, such as anomaly mode."""

    def before_rules(self, node: Node) -> None:
        """Called before the rules of `node` run."""

    def after_rule(self, node: Node, position: int, contribution: Any) -> None:
        """Called with what the rule of the operand at `position` gave."""

    def after_adding(self, node: Node, position: int, contribution: Any, total: Any) -> None:
        """Called when that has been summed down to the operand's shape, and added to what had arrived there before."""


class Node:
    """One recorded operation, or a leaf: one version of a tensor the user made.

    Attributes:
        number: creation order. Parents are always older than their children, so descending numbers are a
            topological order.
        operation: the operation that was called; None for a leaf.
        inputs: an entry per operand: its `Node` if a gradient goes there, else (for pictures) the number, or a weak
            reference to the array or tensor, which a node must not keep alive.
        options: the remaining arguments by name (`axis=0`, …).
        saved: per operand, the values its rule will be called with; None where no gradient goes. The whole
            becomes None when the graph is released. Of a leaf, its array, for pictures, until a graph it is in is
            released; None when its values change.
        shape, dtype: those of the result.
        tensor: a weak reference to the tensor; set on leaves, and on results that were named or
            asked to retain their gradient.
        name: the tensor's name, for pictures and messages, also when the tensor is gone; absent from results without.
        collects: whether the backward pass reports the gradient that arrives here.
        hooks: functions called with that gradient, or None.
        seed: the gradient that the last backward pass from here started with; None before one. Pictures use it.
        scopes: the calls of layers that returned this result, the innermost first, for pictures.
    """

    __slots__ = (
        "__weakref__",
        "collects",
        "dtype",
        "hooks",
        "inputs",
        "name",
        "number",
        "operation",
        "options",
        "saved",
        "scopes",
        "seed",
        "shape",
        "tensor",
    )

    number: int
    operation: Declared | None
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    saved: tuple[tuple[Any, ...] | None, ...] | None
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    tensor: ReferenceType[Any] | None
    name: str | None
    collects: bool
    hooks: list[Callable[[Any], Any]] | None
    scopes: tuple[Any, ...]
    seed: Any

    @classmethod
    def leaf(cls, tensor: ReferenceType[Any], array: np.ndarray[Any, Any], name: str | None = None) -> Node:
        """The node of a tensor that no operation made."""
        node = cls()
        node.number = next_number()
        node.operation = None
        node.inputs = ()
        node.options = {}
        node.saved = ((array,),)
        node.shape = array.shape
        node.dtype = array.dtype
        node.tensor = tensor
        node.name = name
        node.collects = True
        node.hooks = None
        node.seed = None
        node.scopes = ()
        return node

    @property
    def parents(self) -> tuple[Node, ...]:
        """The nodes a gradient goes to, one for each operand: `a * a` has the parent `a` twice."""
        return tuple(entry for entry in self.inputs if isinstance(entry, Node))

    def __repr__(self) -> str:
        name = self.operation.name if self.operation else "leaf"
        return f"<Node {self.number} {name} {self.shape}>"


def topological_order(roots: Iterable[Node], since: int = 0) -> list[Node]:
    """All nodes that `roots` were made from, children before parents; none behind those older than number `since`.

    A node may only pass its gradient on when it is complete, that is after every node that used it. The
    reachable nodes sorted by age are such an order: a node is always younger than the nodes it was made from.
    """
    reached = {node.number: node for node in roots}
    waiting = list(reached.values())
    for node in waiting:  # it grows as we go
        for parent in node.inputs:
            if isinstance(parent, Node) and parent.number not in reached:
                reached[parent.number] = parent
                if parent.number >= since:
                    waiting.append(parent)
    return [reached[number] for number in sorted(reached, reverse=True)]


def backpropagate(
    seeds: Mapping[Node, Any],
    *,
    release: bool,
    towards: Iterable[Node] | None = None,
    since: int = 0,
    attach: Callable[[Any, Node], Any] | None = None,
    examiner: Examiner | None = None,
) -> dict[Node, Any]:
    """Send the gradients `seeds` back through the graph.

    Args:
        seeds: for each output's node, the gradient to start from.
        release: drop the saved arrays as the pass goes.
        towards: compute only what these nodes' gradients need, and report theirs; default all that collect.
        since: stop at nodes older than this number.
        attach: makes a tensor from an array and the node it belongs to. With it the rules are called on
            tensors, so that the gradients are themselves recorded and can be differentiated.
        examiner: told of every node and every contribution.

    Returns:
        The gradient of each node reported. No two of them share memory.

    Raises:
        RuntimeError: a graph that was released, or a leaf whose data changed after it was recorded.
    """
    order = topological_order(seeds, since)
    wanted = None if towards is None else set(towards)
    relevant = None if wanted is None else _leading_to(wanted, order)
    useful = None if wanted is None or relevant is None else wanted | relevant
    pending = dict(seeds)
    added: set[Node] = set()  # whose pending gradient is a sum that nobody else holds
    in_place = attach is None and examiner is None  # tensors are values, and an examiner may keep what it is shown
    collected: dict[Node, Any] = {}

    for node in order:
        if node.saved is None:
            if node.operation is None:
                raise _changed(node)
            if relevant is None or node in relevant:
                raise _released(node)

    for node in order:
        gradient = pending.pop(node, None)
        if gradient is None:
            continue
        if node.hooks is not None and node.number >= since:  # behind that, somebody else's pass calls them
            gradient = _after_hooks(node, gradient, as_array=attach is None)
        reported = node.collects if wanted is None else node in wanted
        if reported:
            collected[node] = gradient
        if node.operation is None:
            if release:
                node.saved = ()
            continue
        if node.number < since or (relevant is not None and node not in relevant):
            continue

        if examiner is not None:
            examiner.before_rules(node)
        assert node.saved is not None
        rules = node.operation.rules
        for position, saved in enumerate(node.saved):
            if saved is None:
                continue
            parent = node.inputs[position]
            if useful is not None and parent not in useful:
                continue
            if attach is not None:
                saved = attached(node, position, attach)
            if len(saved) == 1:  # spelled out, as a call with a star takes three times as long
                contribution = rules[position](gradient, saved[0])
            elif saved:
                contribution = rules[position](gradient, *saved)
            else:
                contribution = rules[position](gradient)
            if examiner is not None:
                examiner.after_rule(node, position, contribution)
            try:
                if contribution.shape != parent.shape:
                    contribution = unbroadcast(contribution, parent.shape, node)
            except AttributeError:
                raise _not_an_array(node, contribution) from None
            if contribution.dtype is not parent.dtype:
                contribution = contribution.astype(parent.dtype)
            if parent not in pending:
                pending[parent] = contribution
            elif parent in added and in_place:
                pending[parent] += contribution
            else:
                pending[parent] = pending[parent] + contribution
                added.add(parent)
            if examiner is not None:
                examiner.after_adding(node, position, contribution, pending[parent])
        if release:
            node.saved = None

    return collected if attach is not None else _owned(collected, seeds)


def unbroadcast(gradient: Any, shape: tuple[int, ...], node: Node) -> Any:
    """Sum `gradient` down to `shape`: where NumPy stretched an operand, one element was used many times."""
    given = gradient.shape
    added = gradient.ndim - len(shape)
    if added > 0:
        gradient = np.add.reduce(gradient, axis=tuple(range(added)))
    elif added < 0:  # NumPy also drops leading axes of length 1, when assigning into a slice
        gradient = np.reshape(gradient, (1,) * -added + gradient.shape)
    stretched = tuple(axis for axis, length in enumerate(shape) if length == 1 and gradient.shape[axis] != 1)
    if stretched:
        gradient = np.add.reduce(gradient, axis=stretched, keepdims=True)
    if gradient.shape != shape:
        assert node.operation is not None
        raise ValueError(
            f"{node.operation.name}: a derivative rule gave a gradient of shape {given} for an input of "
            f"shape {shape}. A rule must return the input's shape, or one that NumPy would broadcast it to."
        )
    return gradient


def _after_hooks(node: Node, gradient: Any, *, as_array: bool) -> Any:
    for hook in tuple(node.hooks or ()):
        # The same array may be the gradient of something else.
        replacement = hook(read_only(gradient) if isinstance(gradient, np.ndarray) else gradient)
        if replacement is None:
            continue
        if as_array or not hasattr(replacement, "dtype"):
            replacement = np.asarray(replacement)
        if replacement.shape != node.shape or replacement.dtype.kind not in "fiub":
            raise ValueError(
                f"hook: expected a gradient of shape {node.shape} and dtype {node.dtype}, but {hook} returned "
                f"{replacement.shape} {replacement.dtype}."
            )
        gradient = replacement if replacement.dtype is node.dtype else replacement.astype(node.dtype)
    return gradient


def read_only(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """A view of `array` that refuses writes."""
    view = array.view()
    view.flags.writeable = False
    return view


def _not_an_array(node: Node, contribution: Any) -> TypeError:
    assert node.operation is not None
    return TypeError(
        f"{node.operation.name}: a derivative rule returned {contribution!r}; it must return an array, the gradient of "
        "its input. For an input without one, declare the rule as None."
    )


def _released(node: Node) -> RuntimeError:
    assert node.operation is not None
    return RuntimeError(
        f"backward: the graph of this {node.operation.name} was released by an earlier backward pass. "
        "Compute the result again, or keep the graph with backward(retain_graph=True)."
    )


def _changed(leaf: Node) -> RuntimeError:
    name = f" {leaf.name!r}" if leaf.name else ""
    return RuntimeError(
        f"backward: the data of leaf{name} {leaf.shape} changed after it was used (an optimizer step, or an assignment "
        "to .data), so the recorded derivatives no longer hold. Compute the result again first."
    )


def _leading_to(wanted: set[Node], order: list[Node]) -> set[Node]:
    """The nodes of `order` from which one of `wanted` can be reached."""
    leading: set[Node] = set()
    for node in reversed(order):
        for entry in node.inputs:
            if isinstance(entry, Node) and (entry in leading or entry in wanted):
                leading.add(node)
                break
    return leading


def attached(node: Node, position: int, attach: Callable[[Any, Node], Any]) -> tuple[Any, ...]:
    """What is saved for one operand, as tensors again: an input belongs to its own node, the result to this one."""
    assert node.operation is not None
    assert node.saved is not None
    saved = node.saved[position] or ()
    return tuple(
        _attach_each(value, owner, attach) for value, owner in zip(saved, node.operation.owners(node, position))
    )


def _attach_each(value: Any, owner: Any, attach: Callable[[Any, Node], Any]) -> Any:
    if isinstance(owner, tuple):
        return [_attach_each(item, node, attach) for item, node in zip(value, owner)]
    return attach(value, owner) if isinstance(owner, Node) else value


def _owned(collected: dict[Node, Any], seeds: Mapping[Node, Any]) -> dict[Node, Any]:
    """Copies of those gradients that are a view, or are also someone else's."""
    taken = {id(seed) for seed in seeds.values()}
    for node, gradient in collected.items():
        if not isinstance(gradient, np.ndarray) or gradient.base is not None or id(gradient) in taken:
            collected[node] = np.array(gradient)
        taken.add(id(gradient))
    return collected
