"""Third step of the layout: where across its layer each vertex stands, so that edges run straight."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from tensorgrad.viz.layers import Layered

ROUNDS = 12
STRAIGHTENINGS = 3

FROM_LEAF, FROM_RESULT, BETWEEN_WAYPOINTS = 1.0, 12.0, 50.0
"""How much an edge, or a piece of one, should be straight: the line of results is the spine of a picture."""

Pulls = dict[int, list[tuple[int, float]]]
"""For each vertex, those it is linked to and how strongly."""


def positions(graph: Layered, extent: Sequence[float], gap: Sequence[float]) -> list[float]:
    """The centre of each vertex across its layer.

    Every vertex is drawn to the mean of its neighbours, layer by layer to and fro. Within a layer that is a least-
    squares problem with the vertices in fixed order and their distances bounded below; `least_squares` solves it.

    Args:
        graph: layers, in order.
        extent: the length of each vertex across.
        gap: the room to leave on each side of each vertex.
    """
    before, after = _pulls(graph)
    centre = [0.0] * len(extent)
    for layer in graph.layers:
        _set(layer, [0.0] * len(layer), [1.0] * len(layer), extent, gap, centre)
    for turn in range(ROUNDS):
        last = turn >= ROUNDS - 2
        forwards = turn % 2 == 1
        for layer in graph.layers if forwards else reversed(graph.layers):
            wanted, weights = [], []
            for vertex in layer:
                pulls = before[vertex] + after[vertex] if last else (before if forwards else after)[vertex]
                weight = sum(each for _, each in pulls)
                goal = sum(centre[other] * each for other, each in pulls)
                wanted.append(goal / weight if pulls else centre[vertex])
                weights.append(weight or 0.1)
            _set(layer, wanted, weights, extent, gap, centre)
    _straighten(graph, extent, gap, centre)
    return centre


def least_squares(wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]) -> list[float]:
    """The numbers nearest to `wanted` with each at least `apart[i]` above the one before it.

    Minimises Σ weight·(x - wanted)² by pooling adjacent violators: those that would come too close move as one.

    >>> least_squares([0.0, 0.0], [1.0, 1.0], [2.0])
    [-1.0, 1.0]
    """
    shifts = [0.0]
    for distance in apart:
        shifts.append(shifts[-1] + distance)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for value, weight, shift in zip(wanted, weights, shifts):
        pool = (value - shift, weight, 1)
        while pools and pools[-1][0] > pool[0]:
            mean, total, many = pools.pop()
            joint = total + pool[1]
            pool = ((mean * total + pool[0] * pool[1]) / joint, joint, many + pool[2])
        pools.append(pool)
    means = [mean for mean, _, many in pools for _ in range(many)]
    return [mean + shift for mean, shift in zip(means, shifts)]


def _straighten(graph: Layered, extent: Sequence[float], gap: Sequence[float], centre: list[float]) -> None:
    """Put the vertices of a run on one line as far as their neighbours leave room for it."""
    above: dict[int, tuple[int, float]] = {}
    below: dict[int, tuple[int, float]] = {}
    for layer in graph.layers:
        for first, second in pairwise(layer):
            distance = _distance(first, second, extent, gap)
            above[second], below[first] = (first, distance), (second, distance)
    runs = _runs(graph)
    for _ in range(STRAIGHTENINGS):
        for run in runs:
            piece: list[int] = []
            lowest, highest = -math.inf, math.inf
            for vertex in run:
                low = centre[above[vertex][0]] + above[vertex][1] if vertex in above else -math.inf
                high = centre[below[vertex][0]] - below[vertex][1] if vertex in below else math.inf
                if piece and max(lowest, low) > min(highest, high):
                    _align(piece, lowest, highest, centre)
                    piece, lowest, highest = [], -math.inf, math.inf
                piece.append(vertex)
                lowest, highest = max(lowest, low), min(highest, high)
            _align(piece, lowest, highest, centre)


def _align(piece: Sequence[int], lowest: float, highest: float, centre: list[float]) -> None:
    line = min(max(sum(centre[vertex] for vertex in piece) / len(piece), lowest), highest)
    for vertex in piece:
        centre[vertex] = line


def _runs(graph: Layered) -> list[list[int]]:
    """Vertices that one straight line could pass: waypoints of an edge, and results with a single operand."""
    following: dict[int, int] = {}
    followed: set[int] = set()
    links = [link for links in graph.links for link in links if link.fraction == 0.5]
    for link in sorted(links, key=lambda link: link.end < graph.count):  # stable: waypoints first
        if link.start not in following and link.end not in followed:
            following[link.start] = link.end
            followed.add(link.end)
    runs = []
    for first in sorted(following.keys() - followed):
        run = [first]
        while run[-1] in following:
            run.append(following[run[-1]])
        runs.append(run)
    return sorted(runs, key=len, reverse=True)


def _distance(first: int, second: int, extent: Sequence[float], gap: Sequence[float]) -> float:
    """How far apart the centres of two neighbours must be at least."""
    return (extent[first] + extent[second]) / 2 + max(gap[first], gap[second])


def _set(
    layer: Sequence[int],
    wanted: Sequence[float],
    weights: Sequence[float],
    extent: Sequence[float],
    gap: Sequence[float],
    centre: list[float],
) -> None:
    apart = [_distance(first, second, extent, gap) for first, second in pairwise(layer)]
    for vertex, place in zip(layer, least_squares(wanted, weights, apart)):
        centre[vertex] = place


def _pulls(graph: Layered) -> tuple[Pulls, Pulls]:
    before: Pulls = {vertex: [] for vertex in range(len(graph.layer_of))}
    after: Pulls = {vertex: [] for vertex in range(len(graph.layer_of))}
    made = {link.end for links in graph.links for link in links}
    for links in graph.links:
        for link in links:
            weight = FROM_RESULT if link.start in made else FROM_LEAF
            if link.start >= graph.count and link.end >= graph.count:
                weight = BETWEEN_WAYPOINTS
            before[link.end].append((link.start, weight))
            after[link.start].append((link.end, weight))
    return before, after
