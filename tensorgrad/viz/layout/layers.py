"""First step of the layout: the layer of each vertex, and the waypoints of edges that span several layers.

The method is Sugiyama's, with the steps of Gansner, Koutsofios, North and Vo, "A technique for drawing directed graphs"
(1993): layers, order within layers (`crossings`), coordinates (`positions`, `straight`). `plan` runs these steps for
each group (`nesting`, `wiring`), and `placement` combines the plans.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

MIDDLE = 0.5

FROM_LEAF, FROM_RESULT, BETWEEN_WAYPOINTS = 1.0, 12.0, 50.0
"""How much an edge, or a piece of one, should be straight: the line of results is the spine of a picture."""


@dataclass(frozen=True)
class Edge:
    """Edge from a vertex to a vertex that uses its value.

    Attributes:
        source, target: the vertices.
        signal: the value, as the id of the box that computed it. Edges with the same signal have the same source.
        leaves, enters: positions of the ends along the sides of the source and the target, from 0 to 1.
        result: whether the signal is the result of an operation.
    """

    source: int
    target: int
    signal: int
    leaves: float
    enters: float
    result: bool


@dataclass(frozen=True)
class Link:
    """Segment of an edge between two consecutive layers.

    Attributes:
        start, end: the vertices.
        leaves, enters: positions of the ends along the sides of the start and the end vertex, from 0 to 1.
        weight: how strongly the link should be straight.
    """

    start: int
    end: int
    leaves: float
    enters: float
    weight: float


@dataclass
class Layered:
    """Graph in layers.

    Attributes:
        count: the number of original vertices; the vertices after them are waypoints.
        layers: the vertices of each layer, in order.
        links: the edge segments between each two consecutive layers.
        waypoints: for each signal, the waypoints of its edges, in the layers that follow its source.
        layer_of: the layer of each vertex.
    """

    count: int
    layers: list[list[int]]
    links: list[list[Link]]
    waypoints: dict[int, list[int]]
    layer_of: list[int]


def layered(count: int, edges: Sequence[Edge], first: Collection[int] = ()) -> Layered:
    """Assign layers to a graph whose edges lead from smaller to larger numbers.

    A vertex is in the layer before its first user, or in the first layer if it is in `first`. Edges with the same
    signal share waypoints: they run together and split as late as possible.
    """
    bundles: dict[int, list[Edge]] = {}
    users: list[list[int]] = [[] for _ in range(count)]
    for edge in edges:
        bundles.setdefault(edge.signal, []).append(edge)
        users[edge.source].append(edge.target)
    distance = [0] * count
    for vertex in reversed(range(count)):
        distance[vertex] = max((distance[user] + 1 for user in users[vertex]), default=0)
    depth = max(distance, default=0)
    layer_of = [0 if vertex in first else depth - distance[vertex] for vertex in range(count)]

    links: list[list[Link]] = [[] for _ in range(depth)]
    waypoints: dict[int, list[int]] = {}
    for bundle in sorted(bundles.values(), key=lambda bundle: bundle[0].source):
        source, signal, leaves = bundle[0].source, bundle[0].signal, bundle[0].leaves
        start = layer_of[source]
        furthest = max(layer_of[edge.target] for edge in bundle)
        passed = list(range(len(layer_of), len(layer_of) + furthest - start - 1))
        layer_of += range(start + 1, furthest)
        waypoints[signal] = passed
        weight = FROM_RESULT if bundle[0].result else FROM_LEAF
        chain = [source, *passed]
        for at, (here, there) in enumerate(zip(chain, passed)):
            link = Link(here, there, leaves if at == 0 else MIDDLE, MIDDLE, BETWEEN_WAYPOINTS if at else weight)
            links[start + at].append(link)
        for edge in bundle:
            at = layer_of[edge.target] - 1 - start
            link = Link(chain[at], edge.target, MIDDLE if at else leaves, edge.enters, FROM_RESULT if at else weight)
            links[start + at].append(link)
    sinks = [vertex for vertex in range(count) if not users[vertex]]
    return Layered(count, _in_reading_order(sinks, links, layer_of), links, waypoints, layer_of)


def _in_reading_order(sinks: Sequence[int], links: list[list[Link]], layer_of: list[int]) -> list[list[int]]:
    """Return the layers with vertices in the order of a traversal from the results, first operands first."""
    feeding: dict[int, list[Link]] = {}
    for gap in links:
        for link in gap:
            feeding.setdefault(link.end, []).append(link)
    layers: list[list[int]] = [[] for _ in range(len(links) + 1)]
    met: set[int] = set()
    waiting = list(reversed(sinks))
    while waiting:
        vertex = waiting.pop()
        if vertex in met:
            continue
        met.add(vertex)
        layers[layer_of[vertex]].append(vertex)
        operands = sorted(feeding.get(vertex, ()), key=lambda link: link.enters, reverse=True)
        waiting += [link.start for link in operands]
    return layers
