"""Where everything stands: a recording becomes a `Picture`, which any output draws without thinking."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tensorgrad.viz import crossings
from tensorgrad.viz.cards import TEXT_SIZE, Card, card, text_width
from tensorgrad.viz.layers import Edge, layered
from tensorgrad.viz.legend import Entry, legend
from tensorgrad.viz.positions import positions
from tensorgrad.viz.recording import Recording

Direction = Literal["LR", "TB"]
Point = tuple[float, float]

MARGIN = 16.0
BETWEEN_BOXES = 18.0
BESIDE_WAYPOINT = 9.0
BETWEEN_LAYERS = 34.0
STEEPEST = 0.22
"""A gap between layers widens by this share of the longest way an edge goes across in it."""
WIDEST = 110.0
BETWEEN_LABELS = 14.0
ARROW = 7.0
"""The length of an arrowhead."""


@dataclass(frozen=True)
class Placed:
    """A card and its top left corner."""

    card: Card
    x: float
    y: float


@dataclass(frozen=True)
class Route:
    """The line of one operand.

    Attributes:
        points: where it begins, and then by turns the end of a straight piece and the end of a curve. A curve
            leaves and arrives along the direction of the picture. The last point is the base of the arrowhead.
        tip: the point of the arrowhead.
        label: the operand's name, or "".
        style: that of the box it comes from.
    """

    points: tuple[Point, ...]
    tip: Point
    label: str
    style: str

    @property
    def arrow_corners(self) -> tuple[Point, Point]:
        """The arrowhead's two corners behind its tip."""
        (x, y), (tip_x, tip_y) = self.points[-1], self.tip
        aside = (tip_y - y) / 2, (tip_x - x) / 2
        return (x + aside[0], y + aside[1]), (x - aside[0], y - aside[1])


@dataclass(frozen=True)
class Picture:
    """A drawing in pixels, y downwards."""

    width: float
    height: float
    direction: Direction
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]
    legend: tuple[Entry, ...]

    def curve(self, start: Point, end: Point) -> tuple[Point, Point, Point]:
        """The cubic Bézier curve that leaves `start` and arrives at `end` along the picture."""
        if self.direction == "LR":
            middle = (start[0] + end[0]) / 2
            return (middle, start[1]), (middle, end[1]), end
        middle = (start[1] + end[1]) / 2
        return (start[0], middle), (end[0], middle), end

    def label_place(self, route: Route) -> Point:
        """Where the baseline of an operand's label ends (from left to right) or begins (from top to bottom)."""
        x, y = route.points[-1]
        return (x - 1.0, y - 4.5) if self.direction == "LR" else (x + ARROW - 1.0, y + 4.0)


def picture(recording: Recording, direction: Direction) -> Picture:
    """Lay out `recording` from left to right (`"LR"`) or from top to bottom (`"TB"`)."""
    plan = _Plan(recording, direction)
    boxes = tuple(plan.placed(box) for box in range(len(plan.cards)))
    routes = tuple(plan.route(edge) for edge in plan.edges)
    entries, width, height = legend(recording, *plan.size(), MARGIN)
    return Picture(round(width, 1), round(height, 1), direction, boxes, routes, entries)


class _Plan:
    """A layout in two directions of its own: *along* the picture, the way the edges go, and *across* it.

    Attributes:
        cards: the boxes as cards; `depth` is their length along, `extent` across.
        edges: one for each operand.
        graph: the boxes in layers; its vertices are the boxes and then the waypoints.
        centre: where each vertex is, across.
        columns: where each layer begins and ends, along. No box stands between, where the edges bend.
    """

    def __init__(self, recording: Recording, direction: Direction) -> None:
        self.left_to_right = direction == "LR"
        self.cards = [self._with_room(card(recording, box)) for box in recording.boxes]
        self.edges = [
            Edge(operand.box, box.id, port, len(box.operands))
            for box in recording.boxes
            for port, operand in enumerate(box.operands)
        ]
        self.graph = layered(len(self.cards), self.edges)
        crossings.order(self.graph)

        waypoints = len(self.graph.layer_of) - len(self.cards)
        self.depth = [each.width if self.left_to_right else each.height for each in self.cards]
        self.extent = [each.height if self.left_to_right else each.width for each in self.cards] + [0.0] * waypoints
        gap = [BETWEEN_BOXES] * len(self.cards) + [BESIDE_WAYPOINT] * waypoints
        centre = positions(self.graph, self.extent, gap)
        first = min(c - e / 2 for c, e in zip(centre, self.extent))
        self.centre = [round(c - first + MARGIN, 1) for c in centre]
        self.label_room = [0.0] * len(self.graph.layers)
        for edge in self.edges:
            layer = self.graph.layer_of[edge.target]
            self.label_room[layer] = max(self.label_room[layer], self._label_length(edge))
        self.columns = self._columns()

    def _with_room(self, card: Card) -> Card:
        """The card, large enough for its edges to end apart and their labels to fit between."""
        if not any(card.operands):
            return card
        if self.left_to_right:
            return replace(card, height=max(card.height, (len(card.operands) + 1) * BETWEEN_LABELS))
        apart = max(_label_width(label) for label in card.operands) + BETWEEN_LABELS
        return replace(card, width=max(card.width, round((len(card.operands) + 1) * apart)))

    def _label_length(self, edge: Edge) -> float:
        """How much of an edge is beside its label, and should be straight."""
        label = self.cards[edge.target].operands[edge.port]
        return _label_width(label) if self.left_to_right else TEXT_SIZE * bool(label)

    def _columns(self) -> list[Point]:
        columns: list[Point] = []
        end = MARGIN
        for at, layer in enumerate(self.graph.layers):
            if at:
                ways = (abs(self.centre[link.start] - self.centre[link.end]) for link in self.graph.links[at - 1])
                end += min(BETWEEN_LAYERS + STEEPEST * max(ways), WIDEST) + self.label_room[at]
            thickness = max((self.depth[vertex] for vertex in layer if vertex < self.graph.count), default=0.0)
            columns.append((end, end + thickness))
            end += thickness
        return columns

    def placed(self, box: int) -> Placed:
        """A box in the middle of its layer."""
        along = (sum(self.columns[self.graph.layer_of[box]]) - self.depth[box]) / 2
        x, y = self._point(along, self.centre[box] - self.extent[box] / 2)
        return Placed(self.cards[box], x, y)

    def route(self, edge: Edge) -> Route:
        """Straight through each layer, bending only between them."""
        start, end = self.graph.layer_of[edge.source], self.graph.layer_of[edge.target]
        leaving = (sum(self.columns[start]) + self.depth[edge.source]) / 2
        arriving = (sum(self.columns[end]) - self.depth[edge.target]) / 2
        port = self.centre[edge.target] + (edge.fraction - 0.5) * self.extent[edge.target]

        pieces = [(leaving, self.columns[start][1], self.centre[edge.source])]
        for waypoint, (left, right) in zip(self.graph.waypoints[edge.source], self.columns[start + 1 : end]):
            pieces.append((left, right, self.centre[waypoint]))
        pieces.append((self.columns[end][0] - ARROW - self._label_length(edge), arriving - ARROW, port))

        points = [(leaving, self.centre[edge.source])] * 2
        for left, right, place in pieces:
            if place == points[-1][1]:
                points[-1] = (right, place)
            else:
                points += [(left, place), (right, place)]
        return Route(
            points=tuple(self._point(*point) for point in points),
            tip=self._point(arriving, port),
            label=self.cards[edge.target].operands[edge.port],
            style=self.cards[edge.source].style,
        )

    def size(self) -> Point:
        """Width and height."""
        last = max(c + e / 2 for c, e in zip(self.centre, self.extent))
        return self._point(self.columns[-1][1] + MARGIN, last + MARGIN)

    def _point(self, along: float, across: float) -> Point:
        x, y = (along, across) if self.left_to_right else (across, along)
        return round(x, 1), round(y, 1)


def _label_width(label: str) -> float:
    return text_width(label, TEXT_SIZE, mono=True)
