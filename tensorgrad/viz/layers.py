"""First step of the layout: which layer each box stands in, and the waypoints of edges that pass through others.

The method is Sugiyama's, in the steps of Gansner, Koutsofios, North and Vo, "A technique for drawing directed
graphs" (1993): layers, order within them (`crossings`), coordinates (`positions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Edge:
    """A box used by another: its operand number `port` of `ports`."""

    source: int
    target: int
    port: int
    ports: int

    @property
    def fraction(self) -> float:
        """How far along the target's side the edge ends."""
        return (self.port + 1) / (self.ports + 1)


@dataclass(frozen=True)
class Link:
    """A piece of an edge, from one layer to the next; it ends `fraction` along the side of `end`."""

    start: int
    end: int
    fraction: float


@dataclass
class Layered:
    """A graph in layers.

    Attributes:
        layers: the vertices of each layer, in their order across. The first `count` vertices are the boxes, the
            others waypoints.
        links: for each gap between two layers, the pieces of edges in it.
        waypoints: for each box, the waypoints that edges from it pass, in the layers that follow it.
        layer_of: the layer of each vertex.
    """

    count: int
    layers: list[list[int]]
    links: list[list[Link]]
    waypoints: dict[int, list[int]]
    layer_of: list[int]


def layered(count: int, edges: Sequence[Edge]) -> Layered:
    """The layers of a graph whose edges lead from smaller to larger numbers; the last box is the output.

    A box stands just before the first one that uses it. Edges from the same box share their waypoints: they run
    together, and part where they must.
    """
    users: list[list[Edge]] = [[] for _ in range(count)]
    for edge in edges:
        users[edge.source].append(edge)
    distance = [0] * count
    for box in reversed(range(count)):
        distance[box] = max((distance[edge.target] + 1 for edge in users[box]), default=0)
    depth = max(distance, default=0)
    layer_of = [depth - d for d in distance]

    links: list[list[Link]] = [[] for _ in range(depth)]
    waypoints: dict[int, list[int]] = {}
    for box in range(count):
        start = layer_of[box]
        furthest = max((layer_of[edge.target] for edge in users[box]), default=start)
        passed = list(range(len(layer_of), len(layer_of) + max(furthest - start - 1, 0)))
        layer_of += range(start + 1, start + 1 + len(passed))
        waypoints[box] = passed
        chain = [box, *passed]
        for at, (here, there) in enumerate(zip(chain, passed), start):
            links[at].append(Link(here, there, 0.5))
        for edge in users[box]:
            at = layer_of[edge.target] - 1
            links[at].append(Link(chain[at - start], edge.target, edge.fraction))
    return Layered(count, _in_reading_order(count, links, layer_of), links, waypoints, layer_of)


def _in_reading_order(count: int, links: list[list[Link]], layer_of: list[int]) -> list[list[int]]:
    """The layers as one meets their vertices going back from the output, first operands first."""
    feeding: dict[int, list[Link]] = {}
    for gap in links:
        for link in gap:
            feeding.setdefault(link.end, []).append(link)
    layers: list[list[int]] = [[] for _ in range(len(links) + 1)]
    met: set[int] = set()
    waiting = [count - 1]
    while waiting:
        vertex = waiting.pop()
        if vertex in met:
            continue
        met.add(vertex)
        layers[layer_of[vertex]].append(vertex)
        operands = sorted(feeding.get(vertex, ()), key=lambda link: link.fraction, reverse=True)
        waiting += [link.start for link in operands]
    return layers
