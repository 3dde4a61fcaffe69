"""Where everything stands: a recording becomes a `Picture`, which any output draws without thinking."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tensorgrad.viz.layout.cards import Card, card, frame_label_width, with_room
from tensorgrad.viz.layout.legend import Entry, legend
from tensorgrad.viz.layout.plan import ARROW, Border, Piece, Plan
from tensorgrad.viz.recording import Recording, labels
from tensorgrad.viz.recording.nesting import Key, Nesting, nesting, shared

Direction = Literal["LR", "TB"]
Point = tuple[float, float]

MARGIN = 16.0
PADDING = 14.0
"""Between a frame and what is in it."""
BAND = 26.0
"""The same at the top, where the frame's label stands."""
LEVEL = 0.15
"""Pieces of an edge that are apart by less, in pixels, are one."""


@dataclass(frozen=True)
class Placed:
    """The card of a box and its top left corner."""

    id: int
    card: Card
    x: float
    y: float


@dataclass(frozen=True)
class Frame:
    """The frame around a group, with its label at the top left.

    Attributes:
        group: its id.
        x, y, width, height: of the rectangle.
        label: the group in words.
    """

    group: int
    x: float
    y: float
    width: float
    height: float
    label: str

    @property
    def label_place(self) -> Point:
        """Where the baseline of the label begins."""
        return self.x + PADDING, self.y + BAND - 9.0


@dataclass(frozen=True)
class Route:
    """The line of one operand.

    Attributes:
        points: where it begins, and then by turns the end of a straight piece and the end of a curve. A curve
            leaves and arrives along the direction of the picture. The last point is the base of the arrowhead.
        tip: the point of the arrowhead.
        label: the operand's name, or "".
        style: that of the box it comes from.
        source, target: the boxes it joins, by id.
        operand: its place among the operands of the target.
        depth: how many frames are around the target.
    """

    points: tuple[Point, ...]
    tip: Point
    label: str
    style: str
    source: int
    target: int
    operand: int
    depth: int

    @property
    def arrow_corners(self) -> tuple[Point, Point]:
        """The arrowhead's two corners behind its tip."""
        (x, y), (tip_x, tip_y) = self.points[-1], self.tip
        aside = (tip_y - y) / 2, (tip_x - x) / 2
        return (x + aside[0], y + aside[1]), (x - aside[0], y - aside[1])


@dataclass(frozen=True)
class Picture:
    """A drawing in pixels, y downwards. Frames that are inside others come after them."""

    width: float
    height: float
    direction: Direction
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]
    frames: tuple[Frame, ...]
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
        return (x - 1.0, y - 4.5) if self.direction == "LR" else (x + ARROW - 1.0, y + 1.0)


def picture(recording: Recording, direction: Direction, cards: Sequence[Card] | None = None) -> Picture:
    """Lay out `recording`.

    The inside of each group is laid out first, then what is around it; so edges stay out of frames that they have
    no business in, and frames overlap nothing.

    Args:
        recording: the graph.
        direction: from left to right (`"LR"`) or from top to bottom (`"TB"`).
        cards: of the boxes, if not the usual ones.
    """
    layout = _Layout(recording, direction, cards or [card(recording, box) for box in recording.boxes])
    boxes = tuple(layout.placed(box.id) for box in recording.boxes)
    routes = tuple(layout.route(box.id, at) for box in recording.boxes for at in range(len(box.operands)))
    entries, width, height = legend(recording, *layout.size, MARGIN)
    return Picture(width, height, direction, boxes, routes, tuple(layout.frames()), entries)


class _Layout:
    """All plans together.

    Attributes:
        size: width and height.
    """

    def __init__(self, recording: Recording, direction: Direction, cards: Sequence[Card]) -> None:
        self.left_to_right = direction == "LR"
        self.recording = recording
        self.cards = [with_room(each, left_to_right=self.left_to_right) for each in cards]
        self.nesting: Nesting = nesting(recording)
        self.labels = {group.id: labels.group(group) for group in recording.groups}
        self.plans: dict[int | None, Plan] = {}
        for group, inside in reversed(self.nesting.insides.items()):
            border = Border(MARGIN, MARGIN)
            if group is not None:
                border = Border(PADDING, BAND, frame_label_width(self.labels[group]))
            self.plans[group] = Plan(
                recording, inside, self.cards, self.plans, border, left_to_right=self.left_to_right
            )
        self.origins: dict[int | None, Point] = {None: (0.0, 0.0)}
        for group, inside in self.nesting.insides.items():
            if group is not None:
                self.origins[group] = self.corner(inside.path[-2], ("group", group))
        self.size = self.point(self.plans[None].length, self.plans[None].breadth)

    def corner(self, around: int | None, key: Key) -> Point:
        """Where something directly inside a group begins, along and across the whole picture."""
        (along, across), origin = self.plans[around].corner(key), self.origins[around]
        return origin[0] + along, origin[1] + across

    def placed(self, box: int) -> Placed:
        """A box where it belongs."""
        return Placed(box, self.cards[box], *self.point(*self.corner(self.nesting.paths[box][-1], ("box", box))))

    def frames(self) -> Iterator[Frame]:
        """The frames of all groups."""
        for group in self.nesting.insides:
            if group is not None:
                plan = self.plans[group]
                width, height = self.point(plan.length, plan.breadth)
                yield Frame(group, *self.point(*self.origins[group]), width, height, self.labels[group])

    def route(self, box: int, at: int) -> Route:
        """The line to operand number `at` of a box."""
        operand = self.recording.boxes[box].operands[at].box
        pieces = list(self.pieces(operand, box, at))
        points = [(pieces[0].start, pieces[0].across)] * 2
        for piece in pieces:
            if abs(piece.across - points[-1][1]) < LEVEL:
                points[-1] = piece.end, points[-1][1]
            else:
                points += [(piece.start, piece.across), (piece.end, piece.across)]
        along, across = points[-1]
        return Route(
            points=tuple(self.point(*point) for point in points),
            tip=self.point(along + ARROW, across),
            label=self.cards[box].operands[at],
            style=self.cards[operand].style,
            source=operand,
            target=box,
            operand=at,
            depth=len(self.nesting.paths[box]) - 1,
        )

    def pieces(self, source: int, target: int, operand: int) -> Iterator[Piece]:
        """The way from one box to another: out of the groups around the one, and into those around the other."""
        leaving, entering = self.nesting.paths[source], self.nesting.paths[target]
        common = shared(leaving, entering)
        for group in reversed(leaving[common:]):
            yield from self.moved(group, ("exit", source), source)
        for around, group in zip(entering[common - 1 :], entering[common:]):
            if group is not None:
                yield from self.moved(around, ("group", group), source)
        yield from self.moved(entering[-1], ("box", target), operand)

    def moved(self, around: int | None, key: Key, operand: int) -> Iterator[Piece]:
        """The pieces of an edge inside a group, where that group is in the picture."""
        along, across = self.origins[around]
        for piece in self.plans[around].pieces(key, operand):
            yield Piece(along + piece.start, along + piece.end, across + piece.across)

    def point(self, along: float, across: float) -> Point:
        """A point of the picture, or a width and height."""
        x, y = (along, across) if self.left_to_right else (across, along)
        return round(x, 1), round(y, 1)
