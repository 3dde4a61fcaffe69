"""Which calls of modules made which boxes of a graph."""

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
    """The groups of a graph, outer ones first.

    Attributes:
        of: the innermost group of every operation's node that is in any.
        given: for each group the arrays and leaves its module was called with, as weak references.
    """

    groups: tuple[Group, ...]
    of: dict[Node, int]
    given: list[tuple[ReferenceType[Any], ...]]

    def common(self, one: int | None, other: int | None) -> int | None:
        """The innermost group around both; None if they share none."""
        around = set(self._outwards(one))
        return next((group for group in self._outwards(other) if group in around), None)

    def outside(self, group: int | None, source: ReferenceType[Any] | None) -> int | None:
        """The innermost group from `group` outwards whose module was not called with `source`."""
        outwards = self._outwards(group)
        return next((around for around in outwards if not any(source is each for each in self.given[around])), None)

    def _outwards(self, group: int | None) -> Iterator[int]:
        while group is not None:
            yield group
            group = self.groups[group].parent


def grouping(order: Sequence[Node]) -> Grouping:
    """What the modules that computed `order`, the nodes of a graph, say of it.

    A call covers what it returned and, of what that was made from, all that is younger than the call. So what another
    thread made meanwhile is not covered. Calls are taken in the order they began, so that the innermost comes last.
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
    return Grouping(tuple(groups), innermost, given)


def _calls(order: Iterable[Node]) -> list[tuple[Scope, list[Node]]]:
    """The calls that were noted on nodes, by their beginning, each with all that it returned."""
    calls: dict[int, tuple[Scope, list[Node]]] = {}
    for node in order:
        for scope in node.scopes:
            calls.setdefault(scope.start, (scope, []))[1].append(node)
    return [calls[start] for start in sorted(calls)]


def _made(results: Iterable[Node], start: int) -> set[Node]:
    """The operations younger than number `start` that `results` were made with."""
    found = set(results)
    waiting = list(found)
    while waiting:
        for entry in waiting.pop().inputs:
            if isinstance(entry, Node) and entry.number > start and entry.operation is not None and entry not in found:
                found.add(entry)
                waiting.append(entry)
    return found


def _paths_inside(owner: Any) -> dict[int, str]:
    """The dotted names of the modules inside another one, by their identity; none if it is gone or cannot tell."""
    named_modules = getattr(owner, "named_modules", None)
    return {} if named_modules is None else {id(module): path for path, module in named_modules()}
