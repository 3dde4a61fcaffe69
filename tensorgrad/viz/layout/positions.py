"""Third step of the layout: position the vertices across their layers so that edges are level."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from tensorgrad.viz.layout.layers import MIDDLE, Layered, Link

ROUNDS = 12

Pulls = dict[int, list[tuple[int, float, float]]]
"""For each vertex, those it is linked to, how far beside their centres it should be, and how strongly."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of the vertices across their layers.

    Attributes:
        extent: the size of each vertex.
        gap: the free space on each side of each vertex.
        framed: the vertices that are graphs themselves. An edge to one of these should be level with its entry point.
            An edge to a box should be level with the box's middle; otherwise each box would be lower than the previous
            one.
    """

    extent: Sequence[float]
    gap: Sequence[float]
    framed: frozenset[int] = frozenset()

    def apart(self, first: int, second: int) -> float:
        """Return the minimum distance between the centres of two neighbours."""
        return (self.extent[first] + self.extent[second]) / 2 + max(self.gap[first], self.gap[second])

    def step(self, link: Link) -> float:
        """Return the offset from the centre of `link.start` to that of `link.end` when the link is straight."""
        return self._beside(link.start, link.leaves) - self._beside(link.end, link.enters)

    def _beside(self, vertex: int, fraction: float) -> float:
        return (fraction - MIDDLE) * self.extent[vertex] if vertex in self.framed else 0.0


def positions(graph: Layered, sizes: Sizes) -> list[float]:
    """Return the centre of each vertex of `graph` across its layer.

    Every vertex is moved towards the mean of its neighbours, layer by layer in forward and backward sweeps. Within a
    layer this is a least-squares problem with a fixed order of vertices and lower bounds on their distances. It is
    solved by `least_squares`.
    """
    before, after = _pulls(graph, sizes)
    centre = [0.0] * len(graph.layer_of)
    for layer in graph.layers:
        _set(layer, [0.0] * len(layer), [1.0] * len(layer), sizes, centre)
    for turn in range(ROUNDS):
        last = turn >= ROUNDS - 2
        forwards = turn % 2 == 1
        for layer in graph.layers if forwards else reversed(graph.layers):
            wanted, weights = [], []
            for vertex in layer:
                pulls = before[vertex] + after[vertex] if last else (before if forwards else after)[vertex]
                weight = math.fsum(each for _, _, each in pulls)
                goal = math.fsum((centre[other] + beside) * each for other, beside, each in pulls)
                wanted.append(goal / weight if pulls else centre[vertex])
                weights.append(weight or 0.1)
            _set(layer, wanted, weights, sizes, centre)
    return centre


def least_squares(wanted: Sequence[float], weights: Sequence[float], apart: Sequence[float]) -> list[float]:
    """Return the numbers nearest to `wanted` such that each is at least `apart[i]` above the previous one.

    Minimises Σ weight·(x - wanted)² by pooling adjacent violators: numbers that would be too close move together.

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


def _set(
    layer: Sequence[int], wanted: Sequence[float], weights: Sequence[float], sizes: Sizes, centre: list[float]
) -> None:
    apart = [sizes.apart(first, second) for first, second in pairwise(layer)]
    for vertex, place in zip(layer, least_squares(wanted, weights, apart)):
        centre[vertex] = place


def _pulls(graph: Layered, sizes: Sizes) -> tuple[Pulls, Pulls]:
    before: Pulls = {vertex: [] for vertex in range(len(graph.layer_of))}
    after: Pulls = {vertex: [] for vertex in range(len(graph.layer_of))}
    for links in graph.links:
        for link in links:
            step = sizes.step(link)
            before[link.end].append((link.start, step, link.weight))
            after[link.start].append((link.end, -step, link.weight))
    return before, after
