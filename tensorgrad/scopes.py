"""Scopes: which layer created which nodes, so that drawings can frame them.

Nodes are numbered in creation order, so the nodes recorded by a layer form an interval of numbers. The interval is
stored once, on the node of the layer's result, at no cost to the operations inside.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple
from weakref import ReferenceType, ref

import numpy as np

from tensorgrad._arrays import is_foreign
from tensorgrad._operands import Constant, without_gradient
from tensorgrad.node import Result, next_number
from tensorgrad.tensor import Tensor


class Scope(NamedTuple):
    """One call of a layer, stored on a node that it returned.

    Attributes:
        start: the nodes created by the call have greater numbers than this; the last one holds this scope.
        kind: the name of the layer's class.
        owner: a weak reference to the layer, which may keep its result; a strong one would create a cycle.
        sources: weak references to the arrays and leaf tensors among its arguments.
    """

    start: int
    kind: str
    owner: ReferenceType[Any]
    sources: tuple[ReferenceType[Any], ...]


def enter() -> int:
    """Begin the scope of a layer; pass the returned number to `leave`.

    >>> import tensorgrad as tg
    >>> class Double:
    ...     def __call__(self, x):
    ...         start = tg.scopes.enter()
    ...         return tg.scopes.leave(start, self, (x,), 2 * x)
    >>> double = Double()
    >>> result = double(tg.tensor(1.0, requires_grad=True))
    >>> tg.draw(result).recording.groups[0].kind
    'Double'
    """
    return next_number()


def reference(value: Any) -> ReferenceType[Any]:
    """Return a weak reference to an array or a leaf; of a constant tensor, to what nodes keep of it."""
    if not isinstance(value, Tensor) or value.node is not None:
        return ref(value)
    kept = without_gradient(value)
    if isinstance(kept, Constant):
        kept = kept.array
    return kept if isinstance(kept, ReferenceType) else ref(kept)


def leave(start: int, owner: Any, inputs: Iterable[Any], result: Any) -> Any:
    """Store on `result` that `owner` computed it from `inputs`, and return it: a tensor, or a tuple, list or dict."""
    if isinstance(result, Tensor):
        node = result.node
        if isinstance(node, Result):  # the scope is stored once per call, not for each of its results
            node = node.inputs[0]
            if node.scopes and node.scopes[-1].start == start:
                return result
        if node is not None and node.number > start:
            sources: tuple[ReferenceType[Any], ...] = ()
            for each in inputs:
                if each.is_leaf if isinstance(each, Tensor) else isinstance(each, np.ndarray) or is_foreign(each):
                    try:  # `contextlib.suppress` takes ten times as long
                        sources += (reference(each),)
                    except TypeError:  # the arrays of some libraries allow no weak references
                        continue
            node.scopes += (Scope(start, type(owner).__name__, ref(owner), sources),)
    elif isinstance(result, (tuple, list)):
        for item in result:
            leave(start, owner, inputs, item)
    elif isinstance(result, dict):
        for item in result.values():
            leave(start, owner, inputs, item)
    return result
