"""Place all groups: convert a recording to a `Picture`, which outputs draw without further computation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tensorgrad.viz.layout.cards import Card, frame_label_width, with_room
from tensorgrad.viz.layout.cards import cards as plain_cards
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
"""The same at the top, where the frame's label is."""
LABEL = 17.0
"""From the top of a frame to the baseline of its label."""
CORNER = 8.0
"""The radius of the corners of an edge between two rows."""
LEVEL = 0.15
"""Pieces of an edge that are apart by less, in pixels, are one."""


@dataclass(frozen=True)
class Placed:
    """Card of a box and its top left corner."""

    id: int
    card: Card
    x: float
    y: float


@dataclass(frozen=True)
class Frame:
    """Frame around a group, with its label at the top left.

    Attributes:
        group: the id of the group.
        x, y, width, height: position and size of the rectangle.
        label: the label of the group.
    """

    group: int
    x: float
    y: float
    width: float
    height: float
    label: str

    @property
    def label_place(self) -> Point:
        """Left end of the label's baseline."""
        return self.x + PADDING, self.y + LABEL


@dataclass(frozen=True)
class Route:
    """Line of one operand.

    Attributes:
        points: the start, and then alternately the end of a straight segment and the end of a curve. A curve starts and
            ends along the direction of the picture. The last point is the base of the arrowhead.
        tip: the point of the arrowhead.
        label: the operand's name, or "".
        style: the style of the source box.
        source, target: the ids of the connected boxes.
        operand: the index among the operands of the target.
        depth: the number of frames around the target.
        before: if the picture has several rows, the parts of the line in earlier rows, like `points`.
        turns: the corners of the line from each of these rows to the next.
    """

    points: tuple[Point, ...]
    tip: Point
    label: str
    style: str
    source: int
    target: int
    operand: int
    depth: int
    before: tuple[tuple[Point, ...], ...] = ()
    turns: tuple[tuple[Point, ...], ...] = ()

    @property
    def arrow_corners(self) -> tuple[Point, Point]:
        """The two rear corners of the arrowhead."""
        (x, y), (tip_x, tip_y) = self.points[-1], self.tip
        aside = (tip_y - y) / 2, (tip_x - x) / 2
        return (x + aside[0], y + aside[1]), (x - aside[0], y - aside[1])


@dataclass(frozen=True)
class Picture:
    """Drawing in pixels, y downwards. Inner frames come after outer frames."""

    width: float
    height: float
    direction: Direction
    boxes: tuple[Placed, ...]
    routes: tuple[Route, ...]
    frames: tuple[Frame, ...]
    legend: tuple[Entry, ...]

    def curve(self, start: Point, end: Point) -> tuple[Point, Point, Point]:
        """Return the cubic Bézier curve from `start` to `end` whose ends are parallel to the picture's direction."""
        if self.direction == "LR":
            middle = (start[0] + end[0]) / 2
            return (middle, start[1]), (middle, end[1]), end
        middle = (start[1] + end[1]) / 2
        return (start[0], middle), (end[0], middle), end

    def label_place(self, route: Route) -> Point:
        """Return the right end (left to right) or left end (top to bottom) of the baseline of an operand's label."""
        x, y = route.points[-1]
        return (x - 1.0, y - 4.5) if self.direction == "LR" else (x + ARROW - 1.0, y + 1.0)


def rounded(corners: Sequence[Point]) -> Iterator[tuple[Point, Point, Point]]:
    """Yield, for each inner corner of a line with right angles, where its curve starts, the corner, and the end."""
    for before, corner, after in zip(corners, corners[1:], corners[2:]):
        yield _towards(corner, before), corner, _towards(corner, after)


def _towards(corner: Point, other: Point) -> Point:
    """Return the point at distance `CORNER` from the corner, or halfway to a point that is near."""
    far = abs(other[0] - corner[0]) + abs(other[1] - corner[1])
    share = min(CORNER, far / 2) / far if far else 0.0
    return corner[0] + share * (other[0] - corner[0]), corner[1] + share * (other[1] - corner[1])


def picture(
    recording: Recording, direction: Direction, cards: Sequence[Card] | None = None, *, band: float = BAND
) -> Picture:
    """Lay out `recording`.

    Each group is laid out before the graph around it. Edges therefore do not cross unrelated frames, and frames do not
    overlap.

    Args:
        recording: the graph.
        direction: from left to right (`"LR"`) or from top to bottom (`"TB"`).
        cards: the cards of the boxes, if not the default ones.
        band: the space at the top of a frame.
    """
    layout = _Layout(recording, direction, cards or plain_cards(recording), band)
    boxes = tuple(layout.placed(box.id) for box in recording.boxes)
    routes = tuple(layout.route(box.id, at) for box in recording.boxes for at in range(len(box.operands)))
    entries, width, height = legend(recording, *layout.size, MARGIN)
    return Picture(width, height, direction, boxes, routes, tuple(layout.frames()), entries)


class _Layout:
    """All plans, combined.

    Attributes:
        size: width and height of the picture.
    """

    def __init__(self, recording: Recording, direction: Direction, cards: Sequence[Card], band: float) -> None:
        self.left_to_right = direction == "LR"
        self.recording = recording
        self.cards = [with_room(each, left_to_right=self.left_to_right) for each in cards]
        self.nesting: Nesting = nesting(recording)
        self.labels = {group.id: labels.group(group) for group in recording.groups}
        self.plans: dict[int | None, Plan] = {}
        for group, inside in reversed(self.nesting.insides.items()):
            border = Border(MARGIN, MARGIN)
            if group is not None:
                border = Border(PADDING, band, frame_label_width(self.labels[group]))
            self.plans[group] = Plan(
                recording, inside, self.cards, self.plans, border, left_to_right=self.left_to_right
            )
        self.origins: dict[int | None, Point] = {None: (0.0, 0.0)}
        for group, inside in self.nesting.insides.items():
            if group is not None:
                self.origins[group] = self.corner(inside.path[-2], ("group", group))
        self.size = self.point(self.plans[None].length, self.plans[None].breadth)

    def corner(self, around: int | None, key: Key) -> Point:
        """Return the corner of an item directly inside a group, along and across the whole picture."""
        (along, across), origin = self.plans[around].corner(key), self.origins[around]
        return origin[0] + along, origin[1] + across

    def placed(self, box: int) -> Placed:
        """Return a box with its position."""
        return Placed(box, self.cards[box], *self.point(*self.corner(self.nesting.paths[box][-1], ("box", box))))

    def frames(self) -> Iterator[Frame]:
        """Return the frames of all groups."""
        for group in self.nesting.insides:
            if group is not None:
                plan = self.plans[group]
                width, height = self.point(plan.length, plan.breadth)
                yield Frame(group, *self.point(*self.origins[group]), width, height, self.labels[group])

    def route(self, box: int, at: int) -> Route:
        """Return the line to operand number `at` of a box."""
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
        """Return the path between two boxes: out of the groups around the first, and into those around the second."""
        leaving, entering = self.nesting.paths[source], self.nesting.paths[target]
        common = shared(leaving, entering)
        for group in reversed(leaving[common:]):
            yield from self.moved(group, ("exit", source), source)
        for around, group in zip(entering[common - 1 :], entering[common:]):
            if group is not None:
                yield from self.moved(around, ("group", group), source)
        yield from self.moved(entering[-1], ("box", target), operand)

    def moved(self, around: int | None, key: Key, operand: int) -> Iterator[Piece]:
        """Return the segments of an edge inside a group, shifted to the group's position in the picture."""
        along, across = self.origins[around]
        for piece in self.plans[around].pieces(key, operand):
            yield Piece(along + piece.start, along + piece.end, across + piece.across)

    def point(self, along: float, across: float) -> Point:
        """Return a point of the picture, or a width and height."""
        x, y = (along, across) if self.left_to_right else (across, along)
        return round(x, 1), round(y, 1)
