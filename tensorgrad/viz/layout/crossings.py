"""Second step of the layout: order the vertices within layers so that few edges cross."""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections.abc import Sequence

from tensorgrad.viz.layout.layers import MIDDLE, Layered, Link

PATIENCE = 4
"""Give up after this many sweeps without an improvement."""

LONGEST_EXCHANGE = 400
"""Neighbours are tried in exchanged order only in graphs with at most this many vertices, where it is quick."""


def order(graph: Layered) -> None:
    """Reorder `graph.layers` to reduce crossings.

    Forward and backward sweeps place each vertex at the mean position of its neighbours in the previous layer (the
    barycentre, Sugiyama et al. 1981). After each sweep, adjacent vertices are swapped if that removes crossings. The
    best order found is kept.
    """
    before, after = _neighbours(graph)
    best = [list(layer) for layer in graph.layers]
    fewest = crossings(graph)
    idle = 0
    sweep = 0
    while fewest and idle < PATIENCE:
        forwards = sweep % 2 == 1
        _sweep(graph, before if forwards else after, forwards=forwards)
        if len(graph.layer_of) <= LONGEST_EXCHANGE:
            _exchange(graph, before, after)
        now = crossings(graph)
        idle = 0 if now < fewest else idle + 1
        if now < fewest:
            fewest, best = now, [list(layer) for layer in graph.layers]
        sweep += 1
    graph.layers[:] = best


def crossings(graph: Layered) -> int:
    """Return the number of edge crossings."""
    total = 0
    for at, gap in enumerate(graph.links):
        place_before = {vertex: place for place, vertex in enumerate(graph.layers[at])}
        place_after = {vertex: place for place, vertex in enumerate(graph.layers[at + 1])}
        ends = sorted((place_before[link.start] + link.leaves, place_after[link.end] + link.enters) for link in gap)
        passed: list[float] = []
        for _, end in ends:
            total += len(passed) - bisect_right(passed, end)
            insort(passed, end)
    return total


Neighbours = dict[int, list[tuple[int, float]]]
"""For each vertex those it is linked to on one side, and how far from the middle of theirs the link runs."""


def _neighbours(graph: Layered) -> tuple[Neighbours, Neighbours]:
    before: Neighbours = {vertex: [] for vertex in range(len(graph.layer_of))}
    after: Neighbours = {vertex: [] for vertex in range(len(graph.layer_of))}
    links: list[Link] = [link for gap in graph.links for link in gap]
    for link in links:
        before[link.end].append((link.start, link.leaves - MIDDLE))
        after[link.start].append((link.end, link.enters - MIDDLE))
    return before, after


def _sweep(graph: Layered, neighbours: Neighbours, *, forwards: bool) -> None:
    place: dict[int, float] = {}
    for layer in graph.layers if forwards else reversed(graph.layers):
        wanted = {
            vertex: _mean([place[other] + offset for other, offset in neighbours[vertex]], default=float(index))
            for index, vertex in enumerate(layer)
        }
        layer.sort(key=wanted.__getitem__)
        place.update((vertex, float(index)) for index, vertex in enumerate(layer))


def _exchange(graph: Layered, before: Neighbours, after: Neighbours) -> None:
    place = {vertex: float(index) for layer in graph.layers for index, vertex in enumerate(layer)}
    improved = True
    while improved:
        improved = False
        for layer in graph.layers:
            for index in range(len(layer) - 1):
                first, second = layer[index], layer[index + 1]
                gain = 0
                for side in (before, after):
                    ends = [place[v] + offset for v, offset in side[first]]
                    others = [place[v] + offset for v, offset in side[second]]
                    gain += _inversions(ends, others) - _inversions(others, ends)
                if gain > 0:
                    layer[index], layer[index + 1] = second, first
                    place[first], place[second] = place[second], place[first]
                    improved = True


def _inversions(first: Sequence[float], second: Sequence[float]) -> int:
    return sum(a > b for a in first for b in second)


def _mean(values: Sequence[float], default: float) -> float:
    return math.fsum(values) / len(values) if values else default
