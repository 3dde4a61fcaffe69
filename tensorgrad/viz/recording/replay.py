"""Recompute the values of a graph.

Nodes do not keep their results, and a backward pass leaves gradients on the leaves only. A picture needs all values and
gradients, and storing them would slow down training. The operations are therefore called again on leaves with the same
values. This records a new graph, on which a backward pass can run. The user's tensors and graph are left unchanged.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar
from weakref import ReferenceType

import numpy as np
from numpy.typing import NDArray

from tensorgrad._operands import Constant
from tensorgrad.backward import topological_order
from tensorgrad.modes import Switch
from tensorgrad.node import CHANGED, RELEASED, Node, Result
from tensorgrad.op import Operation
from tensorgrad.tensor import Tensor
from tensorgrad.viz.recording import Missing

WHY: dict[Missing, str] = {
    "not computed": "has not been computed",
    "released": "was released by backward()",
    "dropped": "no longer exists",
    "changed": "has changed since",
    "unrepeatable": "cannot be computed again",
}
"""What became of a value, as the end of a sentence."""


@dataclass
class Replay:
    """Recomputed values of a graph. Unavailable values are absent.

    Attributes:
        values: arrays or Python numbers, by `identity`.
        missing: the reason why a value could not be recomputed, by `identity`.
        tensors: the recomputed leaves and results, by the original node. Their graph equals the user's without hooks,
            and is used only here.
    """

    values: dict[Hashable, Any] = field(default_factory=dict)
    missing: dict[Hashable, Missing] = field(default_factory=dict)
    tensors: dict[Node, Tensor] = field(default_factory=dict)


class Replaying(Switch):
    """Recording mode of a replay: record even if the user disabled it, and add no checks."""

    changes: ClassVar = {"recording": True, "anomalies": False}


def identity(node: Node, position: int) -> Hashable:
    """Return a key for the operand at `position` of `node`. An array that is used twice is one operand."""
    entry = node.inputs[position]
    if isinstance(entry, Node):
        return entry
    if isinstance(entry, ReferenceType):
        alive = entry()
        entry = entry if alive is None else alive
    if isinstance(entry, (Constant, Tensor)):
        entry = entry.array
    return id(entry) if isinstance(entry, (ReferenceType, np.ndarray)) else (node, position)


def is_given(node: Node, position: int) -> bool:
    """Return whether there is an operand at `position`: `clip(x, 0, None)` has none for its upper bound."""
    return node.inputs[position] is not None


def is_constant_leaf(node: Node) -> bool:
    """Return whether a leaf is a constant, which `expansion` gave a node to record the operations on it."""
    return node.operation is None and not node.collects


def constants(order: Sequence[Node]) -> set[Node]:
    """Return the nodes of a graph, oldest first in `order`, that depend on constants alone."""
    found: set[Node] = set()
    for node in order:
        if is_constant_leaf(node) or (node.operation is not None and found.issuperset(node.parents)):
            found.add(node)
    return found


def declared(node: Node) -> Operation | None:
    """Return the operation of a node if it was declared with `op`. A leaf has none; a checkpoint has a special kind."""
    return node.operation if isinstance(node.operation, Operation) else None


def operand_name(node: Node, position: int) -> str:
    """Return the parameter name of the operand at `position`, or "" if the operation was not declared."""
    operation = declared(node)
    return "" if operation is None else operation.inputs[min(position, len(operation.inputs) - 1)]


def replay(*outputs: Tensor, unchanged: bool = False) -> Replay:
    """Recompute the values of all nodes that `outputs` depend on.

    If a result differs from the value of its output, an array was modified in place. Then no computed value is
    available except the outputs themselves.

    Args:
        outputs: the tensors to start from.
        unchanged: whether no array can have been modified. The results are then used instead of the outputs' values.
    """
    roots = [(output.node, output) for output in outputs if output.node is not None]
    order = topological_order([root for root, _ in roots])[::-1]
    found = Replay()
    _find_operands(order, found)
    with Replaying(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # already shown when the graph was created
        calls: dict[Node, Any] = {}
        for node in order:
            again = _leaf(node) if node.operation is None else _result(node, found, found.tensors, calls)
            if isinstance(again, tuple):
                calls[node] = again
            elif not isinstance(again, Tensor):
                found.missing[node] = again
            elif (again.shape, again.dtype) != (node.shape, node.dtype):
                found.missing[node] = "changed"
            else:
                found.tensors[node] = again
    if not unchanged and any(
        root in found.tensors and not _agree(found.tensors[root].array, output.array) for root, output in roots
    ):
        found.missing.update((node, "changed") for node in found.tensors if node.operation is not None)
        found.tensors = {node: tensor for node, tensor in found.tensors.items() if node.operation is None}
    found.values.update((node, tensor.array) for node, tensor in found.tensors.items())
    found.values.update((root, output.array) for root, output in roots if not (unchanged and root in found.tensors))
    return found


def recomputed(order: Sequence[Node], known: Replay, leaves: Mapping[Node, Tensor]) -> dict[Node, Tensor] | None:
    """Recompute the leaves and operations of `order`, oldest first, for other leaves; None where an operation fails.

    Args:
        order: the nodes of a graph.
        known: a replay of the graph without missing values.
        leaves: the replacement of each leaf.
    """
    tensors = dict(leaves)
    with Replaying(), np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        calls: dict[Node, Any] = {}
        for node in order:
            if node.operation is not None:
                again = _result(node, known, tensors, calls)
                if isinstance(again, tuple):
                    calls[node] = again
                elif not isinstance(again, Tensor):
                    return None
                else:
                    tensors[node] = again
    return tensors


def _agree(again: NDArray[Any], once: NDArray[Any]) -> bool:
    """Return whether two arrays are equal up to rounding, which can depend on memory alignment."""
    return np.allclose(again, once, rtol=1e-4, atol=1e-6, equal_nan=True)


def _find_operands(order: Sequence[Node], found: Replay) -> None:
    """Add the operands that require no gradient to `found`."""
    for node in order:
        for position, entry in enumerate(node.inputs):
            key = identity(node, position)
            if entry is None or isinstance(entry, Node) or key in found.values:
                continue
            value = kept(node, position)
            if value is None:
                value = entry() if isinstance(entry, ReferenceType) else entry
            if value is not None:
                found.values[key] = value.array if isinstance(value, (Constant, Tensor)) else value
                found.missing.pop(key, None)
            elif found.missing.get(key) != "released":
                found.missing[key] = _why_gone(node, position)


def _why_gone(node: Node, position: int) -> Missing:
    """Return whether a freed operand was released by the backward pass or never kept."""
    operation, name = declared(node), operand_name(node, position)
    was_kept = operation is not None and (
        operation.composed is not None or any(name in (names or ()) for names in operation.saves)
    )
    return "released" if was_kept and node.state is RELEASED else "dropped"


def kept(node: Node, position: int) -> Any:
    """Return the operand at `position` as `node` saved it for a derivative rule; None if it did not."""
    operation, name = declared(node), operand_name(node, position)
    if operation is None:
        return None
    for names, saved in _saved(node, operation):
        if name in names:
            value = saved[names.index(name)]
            return value[position - len(operation.inputs) + 1] if name == operation.sequence else value
    return None


def _saved(node: Node, operation: Operation) -> Iterator[tuple[tuple[str, ...], tuple[Any, ...]]]:
    """Yield what `node` saved: for each rule, and for the composed form, the names and the values."""
    entries = node.saved
    if operation.composed is not None and entries:
        yield operation.inputs, entries[-1]
        entries = entries[:-1]
    if operation.joint is not None:
        shared = next(names for names in operation.saves if names is not None)
        yield from ((shared, saved) for saved in entries)
    else:
        for place, saved in enumerate(entries):
            if saved is not None:
                yield operation.saved_for(place) or (), saved


def _leaf(node: Node) -> Tensor | Missing:
    if node.state is CHANGED:
        return "changed"
    if is_constant_leaf(node):
        return Tensor(node.array)
    tensor = node.tensor() if node.tensor is not None else None
    array = node.array if tensor is None else tensor.array
    return "released" if array is None else Tensor(array, requires_grad=True)


def _result(
    node: Node, found: Replay, tensors: Mapping[Node, Tensor], calls: Mapping[Node, Any]
) -> Tensor | tuple[Tensor, ...] | Missing:
    """Recompute the operation of `node`, or return why that is not possible.

    Args:
        node: the call of an operation, or one of its results.
        found, tensors: the values of its operands.
        calls: the results of the operations that have several.
    """
    if isinstance(node, Result):
        call = node.inputs[0]
        return calls[call][node.index] if call in calls else found.missing[call]
    operation = declared(node)
    if operation is None or any(isinstance(option, _GENERATORS) for option in node.options.values()):
        return "unrepeatable"  # a second draw would differ, and advance the user's generator
    operands = []
    for position, entry in enumerate(node.inputs):
        key = identity(node, position)
        operands.append(tensors.get(entry) if isinstance(entry, Node) else found.values.get(key))
        if operands[-1] is None and is_given(node, position):
            return found.missing[key]
    arguments = arguments_of(node, operation, operands)
    try:
        result: Tensor | tuple[Tensor, ...] = called(operation.function, operation, arguments)
        return result
    except Exception:
        return "changed"  # it worked before, so an array was modified in place


def arguments_of(node: Node, operation: Operation, operands: Sequence[Any]) -> dict[str, Any]:
    """Return the arguments of a call by name: these operands, and the options of the node."""
    arguments = dict(node.options)
    for position, value in enumerate(operands):
        name = operand_name(node, position)
        if name == operation.sequence:
            arguments.setdefault(name, []).append(value)
        else:
            arguments[name] = value
    return arguments


_GENERATORS = (np.random.Generator, np.random.RandomState)


def called(function: Callable[..., Any], operation: Operation, arguments: Mapping[str, Any]) -> Any:
    """Return the result of a function that has the parameters of `operation`, called with these arguments by name."""
    positional: list[Any] = []
    by_keyword: dict[str, Any] = {}
    for parameter in parameters(operation):
        value = arguments[parameter.name]
        if parameter.kind is parameter.KEYWORD_ONLY:
            by_keyword[parameter.name] = value
        elif parameter.kind is parameter.VAR_POSITIONAL:
            positional += value
        else:
            positional.append(value)
    return function(*positional, **by_keyword)


@functools.lru_cache(maxsize=1024)
def parameters(operation: Operation) -> tuple[inspect.Parameter, ...]:
    """Return the parameters of an operation. Cached: a lookup takes 30 µs, and a graph may have thousands."""
    return tuple(inspect.signature(operation.forward).parameters.values())
