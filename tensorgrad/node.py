"""The nodes of the graph: recorded calls, their inputs, and the values saved for the derivative rules."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any
from weakref import ReferenceType

LIVE, RELEASED, CHANGED = "live", "released", "changed"

next_number = itertools.count(1).__next__


class Node:
    """One recorded call of an operation, or a leaf. It points to the nodes of its inputs, never to its own result.

    Attributes:
        number: creation order. Inputs are older, so descending numbers are a topological order.
        operation: the operation that was called; None for a leaf.
        inputs: per operand its node if it requires a gradient, else (for drawing) its value; if that takes more than
            1 KiB, a weak reference to the array or tensor.
        options: the remaining arguments by name (`axis=0`, …).
        saved: per rule, the values of its parameters; None where no gradient is required. The operands follow if
            the operation has a composed form. Empty without rules, and when released.
        state: LIVE; RELEASED by a backward pass; or CHANGED, for a leaf whose values were replaced.
        shape, dtype: those of the result; tuples of them if the call has several.
        tensor, name: a weak reference to the tensor and its name, for leaves and results that were named or retained.
        collects: whether `backward` writes the gradient that arrives here into the tensor's `grad`.
        hooks: functions called with that gradient, or None.
        array: the values of a leaf, until its graph is released.
        seed, scopes: for drawing: the gradient that a pass started with here, and the layers that returned this.
    """

    __slots__ = (
        "__weakref__", "array", "collects", "dtype", "hooks", "inputs", "name", "number", "operation", "options",
        "saved", "scopes", "seed", "shape", "state", "tensor",
    )  # fmt: skip

    array: Any
    name: str | None

    def __init__(
        self, operation: Any, inputs: tuple[Any, ...], options: Mapping[str, Any], saved: tuple[Any, ...],
        shape: Any, dtype: Any,
    ) -> None:  # fmt: skip
        self.number: int = next_number()
        self.operation = operation
        self.inputs = inputs
        self.options = options
        self.saved = saved
        self.state = LIVE
        self.shape = shape
        self.dtype = dtype
        self.tensor: ReferenceType[Any] | None = None
        self.hooks: list[Any] | None = None
        self.seed: Any = None
        self.collects = False
        self.scopes: tuple[Any, ...] = ()

    @property
    def parents(self) -> tuple[Node, ...]:
        """Return the nodes that receive a gradient, one for each operand: `a * a` has the parent `a` twice."""
        return tuple(entry for entry in self.inputs if isinstance(entry, Node))

    def __repr__(self) -> str:
        return f"<Node {self.number} {self.operation.name if self.operation else 'leaf'} {self.shape}>"


def leaf_node(tensor: ReferenceType[Any], array: Any, name: str | None = None) -> Node:
    """Return the node of a leaf tensor. It represents one version of the leaf, until its values change."""
    node = object.__new__(Node)  # optimizers call this for each parameter in each step; `Node(...)` takes twice as long
    node.number, node.state = next_number(), LIVE
    node.operation = node.hooks = node.seed = None
    node.inputs = node.saved = node.scopes = ()
    node.options, node.collects = {}, True
    node.shape, node.dtype = array.shape, array.dtype
    node.tensor, node.array, node.name = tensor, array, name
    return node


class Result(Node):
    """One of several results of a call, whose node is its only input."""

    __slots__ = ("index",)

    def __init__(self, call: Node, index: int) -> None:
        super().__init__(call.operation, (call,), {}, (), call.shape[index], call.dtype[index])
        self.index = index
