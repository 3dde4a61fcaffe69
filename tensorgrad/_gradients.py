"""Special cases of the backward pass: partial targets, several results, hooks, copies, concurrent passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tensorgrad import _messages
from tensorgrad._arrays import as_array, is_foreign, read_only
from tensorgrad._tensor_methods import Methods
from tensorgrad.node import Node

_FLOAT16 = np.dtype(np.float16)


def after_hooks(node: Node, gradient: Any) -> Any:
    """Return `gradient`, or the replacement returned by the hooks of `node`."""
    recorded = isinstance(gradient, Methods)
    for hook in tuple(node.hooks or ()):
        replacement = hook(gradient if recorded else read_only(np.copy(gradient)))  # hooks may keep it
        if replacement is None:
            continue
        if not recorded or not hasattr(replacement, "dtype"):
            replacement = as_array(replacement)
        if replacement.shape != node.shape or replacement.dtype.kind not in "fiub":
            raise ValueError(
                f"hook: expected a gradient of shape {node.shape} and dtype {node.dtype}, but {hook} returned "
                f"{replacement.shape} {replacement.dtype}."
            )
        gradient = replacement if isinstance(replacement, Methods) else np.copy(replacement)  # the hook may reuse it
        gradient = gradient if gradient.dtype is node.dtype else gradient.astype(node.dtype)
    return gradient


def summed(gradient: Any, axes: tuple[int, ...], *, keepdims: bool = False) -> Any:
    """Return Σgradient over `axes`. float16 is added in float32, because a float16 sum of ones never exceeds 2048."""
    reduce: Any = np.add.reduce
    if gradient.dtype is _FLOAT16:
        return reduce(gradient, axis=axes, dtype=np.float32, keepdims=keepdims).astype(np.float16)
    return reduce(gradient, axis=axes, keepdims=keepdims)


def leading_to(requested: set[Node], order: list[Node]) -> set[Node]:
    """Return the nodes of `order` that were computed from a requested node."""
    leading: set[Node] = set()
    for node in reversed(order):
        for entry in node.inputs:
            if isinstance(entry, Node) and (entry in leading or entry in requested):
                leading.add(node)
                break
    return leading


def completed(node: Node, gradients: list[Any]) -> Any:
    """Return the gradients of several results as their named tuple, with zeros where none arrived."""
    present = next(g for g in gradients if g is not None)
    return node.operation.results(*(
        np.zeros_like(present, dtype=dtype, shape=shape) if g is None else g
        for g, shape, dtype in zip(gradients, node.shape, node.dtype)
    ))  # fmt: skip


def owned(found: dict[Node, Any], seeds: Mapping[Node, Any]) -> dict[Node, Any]:
    """Copy the arrays in `found` that are views or are shared with another gradient."""
    taken = set(map(id, seeds.values()))
    for node, gradient in found.items():
        identity = id(gradient)
        if isinstance(gradient, np.ndarray):
            if gradient.base is not None or identity in taken:
                found[node] = np.array(gradient)
        elif isinstance(gradient, np.generic):
            found[node] = np.array(gradient)
        elif is_foreign(gradient) and (getattr(gradient, "base", None) is not None or identity in taken):
            found[node] = np.copy(gradient)
        taken.add(identity)
    return found


Pass = tuple[list[Node], int]
"""A running backward pass: its nodes, newest first, and the number of the oldest node whose rules it calls."""

running: list[Pass] = []
"""Running passes of all threads."""


def begin_pass(order: list[Node], since: int) -> Pass:
    """Return a new pass, which the caller removes from `running` at its end.

    Meanwhile no other pass may use the same nodes, neither in a hook nor in another thread: one of them might release
    arrays that the other one needs.

    Raises:
        RuntimeError: another pass is going through one of these nodes.
    """
    current = (order, since)
    running.append(current)
    if len(running) > 1 and any(_overlap(current, other) for other in running.copy()):
        running.remove(current)
        raise _messages.running()
    return current


def _overlap(current: Pass, other: Pass) -> bool:
    """Return whether two passes call the rules of the same node."""
    if other is current or not other[0]:
        return False
    newest, oldest = other[0][0].number, max(current[1], other[1])
    both = {node for node in current[0] if node.operation is not None and oldest <= node.number <= newest}
    return not both.isdisjoint(other[0])
