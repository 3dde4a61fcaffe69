"""Last step of the layout: align vertices on straight lines where possible, and move leaves close to their users."""

from __future__ import annotations

import math
from collections import Counter
from itertools import pairwise

from tensorgrad.viz.layout.layers import FROM_LEAF, FROM_RESULT, MIDDLE, Layered, Link
from tensorgrad.viz.layout.positions import Sizes, least_squares

STRAIGHTENINGS = 7
SETTLED = 0.05
"""Stop when nothing moves by more, in pixels."""
FIXED = 1e9
"""The weight of what should stay where it is."""

Run = list[tuple[int, float]]
"""Vertices that one straight line could pass, and how far beside it their centres are."""


def straightened(graph: Layered, sizes: Sizes, places: list[float]) -> list[float]:
    """Return the centre of each vertex, with `places` as the initial guess."""
    centre = list(places)
    runs = _runs(graph, sizes)
    _straighten(runs, graph, sizes, centre)
    _gather_leaves(graph, sizes, {vertex for run in runs for vertex, _ in run}, centre)
    return centre


def _straighten(runs: list[Run], graph: Layered, sizes: Sizes, centre: list[float]) -> None:
    """Align the vertices of a run on one line as far as their neighbours allow.

    The longest runs are processed first. Further sweeps, up and down in the order across, let each run make space for
    the next.
    """
    above: dict[int, tuple[int, float]] = {}
    below: dict[int, tuple[int, float]] = {}
    for layer in graph.layers:
        for first, second in pairwise(layer):
            distance = sizes.apart(first, second)
            above[second], below[first] = (first, distance), (second, distance)
    for turn in range(STRAIGHTENINGS):
        before = list(centre)
        if turn:
            runs = sorted(runs, key=lambda run: centre[run[0][0]], reverse=turn % 2 == 0)
        for run in runs:
            piece: Run = []
            lowest, highest = -math.inf, math.inf
            for vertex, beside in run:
                low = centre[above[vertex][0]] + above[vertex][1] - beside if vertex in above else -math.inf
                high = centre[below[vertex][0]] - below[vertex][1] - beside if vertex in below else math.inf
                if piece and max(lowest, low) > min(highest, high):
                    _align(piece, lowest, highest, centre)
                    piece, lowest, highest = [], -math.inf, math.inf
                piece.append((vertex, beside))
                lowest, highest = max(lowest, low), min(highest, high)
            _align(piece, lowest, highest, centre)
        if all(abs(now - then) <= SETTLED for now, then in zip(centre, before)):
            break


def _gather_leaves(graph: Layered, sizes: Sizes, straight: set[int], centre: list[float]) -> None:
    """Move each leaf that is not on a straight line as close to its users as the other vertices allow."""
    users: dict[int, list[float]] = {}
    for link in (link for gap in graph.links for link in gap):
        if link.weight == FROM_LEAF and link.start not in straight:
            users.setdefault(link.start, []).append(centre[link.end] - sizes.step(link))
    for layer in graph.layers:
        places = [users.get(vertex, []) for vertex in layer]
        wanted = [math.fsum(each) / len(each) if each else centre[vertex] for vertex, each in zip(layer, places)]
        weights = [len(each) or FIXED for each in places]
        apart = [sizes.apart(first, second) for first, second in pairwise(layer)]
        for vertex, place in zip(layer, least_squares(wanted, weights, apart)):
            if vertex in users:
                centre[vertex] = place


def _align(piece: Run, lowest: float, highest: float, centre: list[float]) -> None:
    mean = math.fsum(centre[vertex] - beside for vertex, beside in piece) / len(piece)
    line = min(max(mean, lowest), highest)
    for vertex, beside in piece:
        centre[vertex] = line + beside


def _runs(graph: Layered, sizes: Sizes) -> list[Run]:
    """Return the sequences that one straight line could pass through, the longest first.

    A sequence consists of waypoints of an edge, graphs, and boxes with a single operand or a single operand that is a
    result.
    """
    links = [link for gap in graph.links for link in gap]
    results = Counter(link.end for link in links if link.weight >= FROM_RESULT)
    following: dict[int, Link] = {}
    followed: set[int] = set()
    for link in sorted(links, key=lambda link: (link.end < graph.count, -link.weight)):  # stable
        spine = link.weight >= FROM_RESULT and results[link.end] == 1
        level = spine or link.enters == MIDDLE or link.end in sizes.framed
        if level and link.start not in following and link.end not in followed:
            following[link.start] = link
            followed.add(link.end)
    runs = []
    for first in sorted(following.keys() - followed):
        run = [(first, 0.0)]
        while run[-1][0] in following:
            link = following[run[-1][0]]
            run.append((link.end, run[-1][1] + sizes.step(link)))
        runs.append(run)
    return sorted(runs, key=len, reverse=True)
