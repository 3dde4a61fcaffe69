"""Find the module call that created each box of a graph."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import ReferenceType

from tensorgrad.node import Node, Result
from tensorgrad.scopes import Scope
from tensorgrad.viz.recording import Group


@dataclass(frozen=True)
class Grouping:
    """Groups of a graph, outer groups first.

    Attributes:
        of: the innermost group of each operation's node that is in a group.
        owners: the module of each group, or None if it no longer exists.
        given: for each group, weak references to the arrays and leaves its module was called with.
    """

    groups: tuple[Group, ...]
    of: dict[Node, int]
    owners: list[Any]
    given: list[tuple[ReferenceType[Any], ...]]

    def common(self, one: int | None, other: int | None) -> int | None:
        """Return the innermost group that contains both, or None if there is none."""
        around = set(self._outwards(one))
        return next((group for group in self._outwards(other) if group in around), None)

    def outside(self, group: int | None, source: ReferenceType[Any] | None) -> int | None:
        """Return the innermost group, starting from `group` outwards, whose module was not called with `source`."""
        outwards = self._outwards(group)
        return next((around for around in outwards if not any(source is each for each in self.given[around])), None)

    def _outwards(self, group: int | None) -> Iterator[int]:
        while group is not None:
            yield group
            group = self.groups[group].parent


def grouping(order: Sequence[Node]) -> Grouping:
    """Group the nodes `order` of a graph by the module calls that computed them.

    A call covers the nodes it returned and all their ancestors that were created after the call began. Nodes that
    another thread created in the meantime are therefore not covered. Calls are processed in the order they began, so
    that the innermost comes last.
    """
    groups: list[Group] = []
    owners: list[Any] = []
    paths: dict[int, dict[int, str]] = {}
    innermost: dict[Node, int] = {}
    given: list[tuple[ReferenceType[Any], ...]] = []
    for scope, results in _calls(order):
        parent = innermost.get(results[0])
        owner = scope.owner()
        name = ""
        if parent is not None and owner is not None:
            if parent not in paths:
                paths[parent] = _paths_inside(owners[parent])
            name = paths[parent].get(id(owner), "")
        for node in _made(results, scope.start):
            innermost[node] = len(groups)
        groups.append(Group(len(groups), parent, name, scope.kind))
        owners.append(owner)
        given.append(scope.sources)
    for node in order:
        if isinstance(node, Result) and node.inputs[0] in innermost:  # the call is noted for all its results
            innermost[node] = innermost[node.inputs[0]]
    return Grouping(tuple(groups), innermost, owners, given)


def _calls(order: Iterable[Node]) -> list[tuple[Scope, list[Node]]]:
    """Return the calls that were noted on nodes, in the order they began, each with all nodes it returned."""
    calls: dict[int, tuple[Scope, list[Node]]] = {}
    for node in order:
        for scope in node.scopes:
            calls.setdefault(scope.start, (scope, []))[1].append(node)
    return [calls[start] for start in sorted(calls)]


def _made(results: Iterable[Node], start: int) -> set[Node]:
    """Return the operations with numbers above `start` that `results` were computed with."""
    found = set(results)
    waiting = list(found)
    while waiting:
        for entry in waiting.pop().inputs:
            if isinstance(entry, Node) and entry.number > start and entry.operation is not None and entry not in found:
                found.add(entry)
                waiting.append(entry)
    return found


def _paths_inside(owner: Any) -> dict[int, str]:
    """Return the dotted names of a module's submodules, by identity; none if it is gone or has no names."""
    named_modules = getattr(owner, "named_modules", None)
    return {} if named_modules is None else {id(module): path for path, module in named_modules()}
