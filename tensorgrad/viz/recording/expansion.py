"""Expand fused operations: replace their calls in a graph by the simpler operations that they consist of.

A fused operation, such as `lstm`, is one node of the graph. Its composed form declares the same computation in simpler
operations. Without one, its forward rule is used: it is NumPy code, and records simpler operations when it is called
with tensors. The result is a new graph. It shares leaves and saved arrays with the user's graph, which is left
unchanged.
"""

from __future__ import annotations

import sys
import threading
import warnings
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from typing import Any
from weakref import ReferenceType, ref

import numpy as np

from tensorgrad import _operands
from tensorgrad._operands import Constant
from tensorgrad.backward import topological_order
from tensorgrad.node import Node, Result, next_number
from tensorgrad.op import Operation, operation_of, registry
from tensorgrad.scopes import Scope, reference
from tensorgrad.tensor import Tensor, tensor_at
from tensorgrad.viz.recording.replay import (
    WHY,
    Replay,
    Replaying,
    arguments_of,
    called,
    declared,
    identity,
    is_given,
    kept,
    replay,
)  # fmt: skip

SIMPLE, FUSED = "tensorgrad.ops.", "tensorgrad.ops.reductions.softmax"
"""Modules whose operations `expand=True` does not expand, and an exception. Some of these operations, such as
`sigmoid`, can be expanded by name."""

_keeping = threading.RLock()
"""Lock for the time in which nodes keep all operands."""

Expand = bool | str | Collection[str]
"""True for all fused operations; or the name of an operation, or several names."""


def expanded(asker: str, outputs: Sequence[Tensor], expand: Expand) -> list[Tensor]:
    """Return tensors with the values of `outputs` up to rounding, whose graph has simpler operations in place of fused
    ones.

    The simpler operations form a group with the name of the fused operation. Fused operations inside them are expanded
    too.

    Args:
        asker: the function that is named in messages.
        outputs: the tensors to start from.
        expand: True, or the names of the operations to expand.

    Raises:
        TypeError: `expand` is neither a boolean nor names.
        ValueError: the graph has no operation of this name, or the operation has no simpler form.
        RuntimeError: the operands of an operation to expand are no longer available.

    >>> import tensorgrad as tg
    >>> x = tg.tensor([1.0, 2.0], requires_grad=True)
    >>> [output] = expanded("draw", [tg.softmax(x)], True)
    >>> graph = topological_order([output.node])
    >>> [node.operation.name for node in graph[::-1] if node.operation]
    ['max', 'subtract', 'exp', 'sum', 'divide']
    """
    names, outputs = _names(asker, expand), list(outputs)
    if names is not None and not names:
        return outputs
    found: set[str] = set()
    while True:
        expansion = _Expansion(asker, outputs, names, unchanged=bool(found))
        outputs = expansion.outputs
        if not expansion.names:
            break
        found |= expansion.names
    if names is not None and not names <= found:
        raise _not_expanded(asker, outputs, sorted(names - found)[0])
    return outputs


def steps(operation: Operation, arguments: dict[str, Any]) -> tuple[Tensor, ...] | None:
    """Return the results of an operation, computed by simpler operations, or None if it has no such form.

    Args:
        operation: the operation.
        arguments: tensors, arrays and options by name.
    """
    start = next_number()
    form = operation.composed or operation.forward
    while hasattr(form, "operation"):  # the composed form is itself one operation
        form = form.operation.composed or form.operation.forward
    try:
        with _keeping_operands(), Replaying(), np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = called(form, operation, arguments)
    except Exception:
        return None  # a forward rule need not accept tensors
    results = tuple(made) if operation.results is not None else (made,)
    nodes = [each.node if isinstance(each, Tensor) else None for each in results]
    if any(node is None or node.number < start for node in nodes):
        return None
    inside = [node for node in topological_order([n for n in nodes if n is not None], start) if node.number > start]
    operations = [node.operation for node in inside if not isinstance(node, Result)]
    return None if len(operations) < 2 or operation in operations else results


@contextmanager
def _keeping_operands() -> Iterator[None]:
    """Make new nodes keep all their operands, because nothing else holds the large constants of a composed form."""
    with _keeping:
        before, _operands.KEPT_BYTES = _operands.KEPT_BYTES, sys.maxsize
        try:
            yield
        finally:
            _operands.KEPT_BYTES = before


class _Expansion:
    """One round of expansion: the graph of `outputs` with the calls of some operations replaced.

    Args:
        asker, outputs, names: as for `expanded`; `names` is None for all operations.
        unchanged: whether the graph is the result of an earlier round. Its values then replace those of `outputs`,
            from which they differ by rounding.

    Attributes:
        outputs: tensors with the values of the given ones and the new graph.
        names: the operations that were replaced.
    """

    def __init__(self, asker: str, outputs: Sequence[Tensor], names: set[str] | None, *, unchanged: bool) -> None:
        self.asker = asker
        self.wanted = names
        self.names: set[str] = set()
        roots = [output.node for output in outputs if output.node is not None]
        self.replayed = Replay()
        for output in outputs:
            if output.node is not None:
                again = replay(output, unchanged=unchanged)
                self.replayed.values.update(again.values)
                self.replayed.missing.update(again.missing)
        self.copies: dict[Node, Node] = {}
        self.results: dict[Node, tuple[Node, ...]] = {}
        self.starts: dict[int, int] = {}
        order = topological_order(roots)[::-1]
        waiting = sorted({scope.start for node in order for scope in node.scopes}, reverse=True)
        for node in order:
            while waiting and waiting[-1] < node.number:  # the scope begins before this node in both graphs
                self.starts[waiting.pop()] = next_number()
            self.copies[node] = self._copy(node)
        values = self.replayed.values
        self.outputs = [
            output if output.node is None else tensor_at(values[output.node], self.copies[output.node])
            for output in outputs
        ]
        for output, copy in zip(outputs, self.outputs):
            if output.name is not None and copy is not output:
                copy.name = output.name

    def _copy(self, node: Node) -> Node:
        """Return the counterpart of `node` in the new graph. Both graphs share the leaves."""
        operation = declared(node)
        if node.operation is None:
            return node
        if isinstance(node, Result):
            call = node.inputs[0]
            made = self.results.get(call)
            copy = Result(self.copies[call], node.index) if made is None else made[node.index]
        elif operation is not None and self._is_wanted(operation) and (expanded := self._expanded(node, operation)):
            self.names.add(operation.name)
            self.results[node] = expanded
            copy = expanded[0]
        else:
            inputs = tuple(self.copies[entry] if isinstance(entry, Node) else entry for entry in node.inputs)
            copy = Node(node.operation, inputs, node.options, node.saved, node.shape, node.dtype)
            copy.state = node.state
        for made_by_it in self.results.get(node, (copy,)):
            made_by_it.scopes += tuple(scope._replace(start=self.starts[scope.start]) for scope in node.scopes)
        if node not in self.results or operation is None or operation.results is None:
            copy.tensor, copy.collects, copy.hooks, copy.seed = node.tensor, node.collects, node.hooks, node.seed
            if getattr(node, "name", None) is not None:
                copy.name = node.name
        return copy

    def _is_wanted(self, operation: Operation) -> bool:
        if self.wanted is not None:
            return operation.name in self.wanted
        module = operation.forward.__module__
        return operation.composed is not None or module == FUSED or not module.startswith(SIMPLE)

    def _expanded(self, node: Node, operation: Operation) -> tuple[Node, ...] | None:
        """Return the result nodes of a call in simpler operations, in a scope with the operation's name."""
        operands = [self._operand(node, position) for position in range(len(node.inputs))]
        start = next_number()
        made = steps(operation, arguments_of(node, operation, operands))
        if made is None:
            return None
        scope = Scope(start, operation.name, ref(operation), tuple(_sources(node, operands)))
        nodes = tuple(result.node for result in made if result.node is not None)
        for each in dict.fromkeys(nodes):
            each.scopes += (scope,)
        return nodes

    def _operand(self, node: Node, position: int) -> Any:
        """Return the operand at `position` for the new call.

        Raises:
            RuntimeError: its value is no longer available.
        """
        if not is_given(node, position):
            return None
        entry, key = node.inputs[position], identity(node, position)
        value = self.replayed.values.get(key)
        value = kept(node, position) if value is None else value
        if value is None:
            reason = self.replayed.missing[key]
            remedy = f"Call {self.asker} before backward(), or use backward(retain_graph=True)."
            if reason == "dropped":
                remedy = "Keep it in a variable: x = tg.tensor(X), for the input X of a network."
            raise RuntimeError(
                f"{self.asker}: {node.operation.name} cannot be expanded, because one of its operands {WHY[reason]}. "
                f"{remedy}"
            )
        if isinstance(entry, Node):
            return tensor_at(value, self.copies[entry])
        source = entry() if isinstance(entry, ReferenceType) else entry
        if isinstance(source, Constant):
            source = tensor_at(source.array, None)
            source.name = entry.name
        return source if isinstance(source, Tensor) else value


def _sources(node: Node, operands: Iterable[Any]) -> Iterable[ReferenceType[Any]]:
    """Yield weak references to the leaves and arrays that a call used, which are drawn outside its frame."""
    for entry, operand in zip(node.inputs, operands):
        if isinstance(entry, Node):
            if entry.operation is None and entry.tensor is not None:
                yield entry.tensor
        elif isinstance(operand, (np.ndarray, Tensor)):
            yield reference(operand)


def _names(asker: str, expand: Expand) -> set[str] | None:
    """Return the names of the operations to expand, or None for all."""
    if isinstance(expand, bool):
        return None if expand else set()
    names = [expand] if isinstance(expand, str) else expand
    if not isinstance(names, Collection) or not all(isinstance(name, str) for name in names):
        raise TypeError(
            f"{asker}: expected expand to be True, or the name of an operation such as 'lstm', got {expand!r}."
        )
    return set(names)


def _not_expanded(asker: str, outputs: Sequence[Tensor], name: str) -> ValueError:
    nodes = topological_order(output.node for output in outputs if output.node is not None)
    operations = (declared(node) for node in nodes)
    names = sorted({operation.name for operation in operations if operation is not None})
    if name in names:
        return ValueError(f"{asker}: {name} cannot be expanded: it does not consist of simpler operations.")
    lower = name.lower()
    close = [each for each in names if lower in each] or get_close_matches(lower, names, n=1)
    if close:
        hint = f" Did you mean {close[0]!r}?"
    elif lower in {operation_of(function).name for function in registry.values()}:
        hint = (
            f" If {lower} was called on constants, it was not recorded: make its input a tensor that requires a "
            "gradient, x = tg.tensor(x, requires_grad=True)."
        )
    else:
        hint = ""
    return ValueError(
        f"{asker}: expand={name!r} is not an operation of this graph, which has {', '.join(names)}.{hint}"
    )
