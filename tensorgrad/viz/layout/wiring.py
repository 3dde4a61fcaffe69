"""Edges between the items directly inside a group: boxes, groups, and ports in the group's frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tensorgrad.viz.layout.layers import MIDDLE, Edge
from tensorgrad.viz.recording import Recording
from tensorgrad.viz.recording.nesting import Key

Ports = Mapping[Key, float]
"""How far along a frame's side each value enters or leaves, from 0 to 1."""

Use = tuple[Key, int]
"""Where an edge ends: at which operand of a box; anywhere else, the box whose value it carries."""


def edges_of(recording: Recording, vertices: Sequence[Key], ports: Mapping[int | None, Ports]) -> dict[Use, Edge]:
    """Return the edges between `vertices`.

    Args:
        recording: the graph.
        vertices: the vertices to connect.
        ports: the ports of the groups among them.
    """
    sources: dict[int, tuple[int, float]] = {}
    for vertex, (kind, id) in enumerate(vertices):
        if kind == "group":
            sources.update((box, (vertex, place)) for (port, box), place in ports[id].items() if port == "exit")
        elif kind != "exit":
            sources[id] = vertex, MIDDLE

    edges: dict[Use, Edge] = {}
    for vertex, key in enumerate(vertices):
        for use, signal, enters in _uses(key, recording, ports):
            source, leaves = sources[signal]
            edges[key, use] = Edge(
                source, vertex, signal, leaves, enters, result=bool(recording.boxes[signal].operands)
            )
    return edges


def _uses(key: Key, recording: Recording, ports: Mapping[int | None, Ports]) -> Iterator[tuple[int, int, float]]:
    """Return the inputs of a vertex: the use, the source box, and the position of its end along the vertex's side."""
    kind, id = key
    if kind == "box":
        operands = recording.boxes[id].operands
        for place, operand in enumerate(operands):
            yield place, operand.box, (place + 1) / (len(operands) + 1)
    elif kind == "group":
        yield from ((box, box, place) for (port, box), place in ports[id].items() if port == "entry")
    elif kind == "exit":
        yield id, id, MIDDLE
