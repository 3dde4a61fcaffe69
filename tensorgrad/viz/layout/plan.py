"""Layout of the inside of one group, or of the whole picture. Each group in it is one large box.

A plan has two directions: *along*, the direction of the edges, and *across*, perpendicular to it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tensorgrad.viz.layout import crossings
from tensorgrad.viz.layout.cards import TEXT_SIZE, Card, label_width
from tensorgrad.viz.layout.layers import MIDDLE, layered
from tensorgrad.viz.layout.positions import Sizes, positions
from tensorgrad.viz.layout.straight import straightened
from tensorgrad.viz.layout.wiring import edges_of
from tensorgrad.viz.recording import Recording
from tensorgrad.viz.recording.nesting import Inside, Key

BETWEEN_BOXES = 18.0
BESIDE_LINE = 9.0
BETWEEN_LAYERS = 34.0
STEEPEST = 0.22
"""A gap between layers widens by this share of the longest way an edge goes across in it."""
WIDEST = 110.0
ARROW = 7.0
"""The length of an arrowhead."""


@dataclass(frozen=True)
class Border:
    """Free space around the inside of a group.

    Attributes:
        padding: width on all sides.
        band: height at the top, in place of the padding.
        label: the width of the text in the band, which edges do not cross.
    """

    padding: float
    band: float
    label: float = 0.0


@dataclass(frozen=True)
class Piece:
    """Straight segment of an edge between two positions along the picture."""

    start: float
    end: float
    across: float


class Plan:
    """Positions of everything directly inside a group, relative to the corner of its frame.

    Values from outside enter at ports on the frame's front, and values used outside leave at ports on its back.

    Args:
        recording: the graph.
        inside: the contents to lay out.
        cards: the cards of all boxes.
        plans: the plans of the groups inside.
        border: the free space around it.
        left_to_right: lay out from left to right instead of from top to bottom.

    Attributes:
        length: integer size of the frame, along.
        breadth: integer size of the frame, across.
        ports: the position along the frame's side at which each value enters or leaves, from 0 to 1.
    """

    def __init__(
        self,
        recording: Recording,
        inside: Inside,
        cards: Sequence[Card],
        plans: Mapping[int | None, Plan],
        border: Border,
        *,
        left_to_right: bool,
    ) -> None:
        self._cards, self._plans, self._border = cards, plans, border
        self._left_to_right = left_to_right
        self._vertices = inside.vertices
        self._number = {key: at for at, key in enumerate(self._vertices)}
        self._edges = edges_of(recording, self._vertices, {group: plan.ports for group, plan in plans.items()})
        self._given = frozenset(range(len(self._vertices))).difference(edge.target for edge in self._edges.values())
        entries = range(len(inside.entries))
        self._graph = layered(len(self._vertices), list(self._edges.values()), first=entries)
        crossings.order(self._graph)

        boxes = [self._size(key) for key in self._vertices]
        waypoints = len(self._graph.layer_of) - len(boxes)
        self._depth = [depth for depth, _ in boxes]
        self._sizes = Sizes(
            extent=[extent for _, extent in boxes] + [0.0] * waypoints,
            gap=[BETWEEN_BOXES if extent else BESIDE_LINE for _, extent in boxes] + [BESIDE_LINE] * waypoints,
            framed=frozenset(at for at, (kind, _) in enumerate(self._vertices) if kind == "group"),
        )
        self._labels = [0.0] * len(self._graph.layers)
        for to, edge in self._edges.items():
            layer = self._graph.layer_of[edge.target]
            self._labels[layer] = max(self._labels[layer], self._label_length(*to))
        self._centre, self.breadth = self._across(entries)
        self._columns, self.length = self._along()
        self.ports: dict[Key, float] = {
            key: self._centre[self._number[key]] / self.breadth for key in self._vertices if key[0] in ("entry", "exit")
        }

    def corner(self, key: Key) -> tuple[float, float]:
        """Return the corner of a box or a group, along and across."""
        vertex = self._number[key]
        return self._begin(vertex), self._centre[vertex] - self._sizes.extent[vertex] / 2

    def pieces(self, key: Key, operand: int) -> Iterator[Piece]:
        """Return the path to `key`: straight through each layer and beside its labels, with bends only before them.

        Args:
            key: a box, a group, or the port through which a value leaves.
            operand: which operand of the box it is; for others, the box whose value goes there.
        """
        edge = self._edges[key, operand]
        start, end = self._graph.layer_of[edge.source], self._graph.layer_of[edge.target]
        leaving = self._begin(edge.source) + self._depth[edge.source]
        yield Piece(leaving, self._columns[start][1], self._place(edge.source, edge.leaves))
        for waypoint, layer in zip(self._graph.waypoints[edge.signal], range(start + 1, end)):
            yield Piece(self._straight(layer), self._columns[layer][1], self._centre[waypoint])
        arriving = self._begin(edge.target)
        arrow = ARROW if key[0] == "box" else 0.0
        begin = min(self._columns[end][0] - arrow, self._straight(end))
        yield Piece(begin, arriving - arrow, self._place(edge.target, edge.enters))

    def _size(self, key: Key) -> tuple[float, float]:
        """Return the size of a vertex, along and across."""
        kind, id = key
        if kind == "box":
            card = self._cards[id]
            return (card.width, card.height) if self._left_to_right else (card.height, card.width)
        return (self._plans[id].length, self._plans[id].breadth) if kind == "group" else (0.0, 0.0)

    def _across(self, entries: Sequence[int]) -> tuple[list[float], float]:
        """Return the centre of every vertex, and the total breadth."""
        border, extent = self._border, self._sizes.extent
        centre = straightened(self._graph, self._sizes, positions(self._graph, self._sizes))
        first = min(c - e / 2 for c, e in zip(centre, extent))
        if self._left_to_right:
            shift, end = border.band - first, 0.0
        else:
            end = border.padding + border.label
            beside_label = (end + BESIDE_LINE - centre[entry] for entry in entries)
            shift = max([border.padding - first, *beside_label])
        centre = [round(c + shift, 1) for c in centre]
        end = max(end, *(c + e / 2 for c, e in zip(centre, extent)))
        return centre, float(math.ceil(end + border.padding))

    def _along(self) -> tuple[list[tuple[float, float]], float]:
        """Return the start and end of each layer, and the total length.

        Edges bend between layers, where there are no boxes. A layer that contains only ports is as thick as the border,
        which edges cross in a straight line.
        """
        border = self._border
        front = border.padding if self._left_to_right else border.band
        columns: list[tuple[float, float]] = []
        end, thin = 0.0, False
        for at, vertices in enumerate(self._graph.layers):
            boxes = [vertex for vertex in vertices if vertex < len(self._vertices)]
            before, thin = thin, all(self._vertices[vertex][0] in ("entry", "exit") for vertex in boxes)
            if at:
                end += self._labels[at] + self._gap(at, tight=before or thin)
            elif not thin:
                end = front
            thickness = max(self._depth[vertex] for vertex in boxes)
            columns.append((end, end + (thickness or (border.padding if at else front))))
            end = columns[-1][1]
        if not thin:
            end += border.padding
        if self._left_to_right:
            end = max(end, border.label + 2 * border.padding)
        length = float(math.ceil(end))
        if thin:
            columns[-1] = columns[-1][0], length
        return columns, length

    def _gap(self, at: int, *, tight: bool) -> float:
        """Return the space in which edges can bend before layer `at`."""
        links = self._graph.links[at - 1]
        ways = (self._place(link.start, link.leaves) - self._place(link.end, link.enters) for link in links)
        longest = max(abs(way) for way in ways)
        bend = min(BETWEEN_LAYERS + STEEPEST * longest, WIDEST)
        return min(bend, ARROW + longest) if tight else bend

    def _straight(self, layer: int) -> float:
        """Return where edges into a layer, or through it, become straight: at its start, or before its labels."""
        start, labels = self._columns[layer][0], self._labels[layer]
        return start - labels - ARROW if labels else start

    def _begin(self, vertex: int) -> float:
        """Return the start of a vertex, along: centred in its layer, or, for a leaf beside a group, at the end."""
        layer = self._graph.layer_of[vertex]
        start, end = self._columns[layer]
        if vertex not in self._given or self._sizes.framed.isdisjoint(self._graph.layers[layer]):
            return (start + end - self._depth[vertex]) / 2
        return end - self._depth[vertex]

    def _place(self, vertex: int, fraction: float) -> float:
        """Return a position at a vertex's side, across."""
        return self._centre[vertex] + (fraction - MIDDLE) * self._sizes.extent[vertex]

    def _label_length(self, key: Key, operand: int) -> float:
        """Return the length of an edge that is beside its label and should be straight."""
        card = self._cards[key[1]] if key[0] == "box" else None
        label = "" if card is None else card.operands[operand]
        if self._left_to_right or card is None:
            return label_width(label)
        return TEXT_SIZE * card.lines * bool(label)
