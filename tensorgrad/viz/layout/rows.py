"""Wrap a wide picture into rows, as text is wrapped into lines.

A picture from left to right is cut between boxes, where few edges cross. An edge that crosses a cut
leaves its row at the right, runs back between the rows, and enters the next row from the left.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from tensorgrad.viz.layout.cards import label_width
from tensorgrad.viz.layout.legend import legend
from tensorgrad.viz.layout.placement import BAND, MARGIN, PADDING, Frame, Picture, Placed, Point, Route
from tensorgrad.viz.layout.plan import ARROW
from tensorgrad.viz.recording import Recording
from tensorgrad.viz.recording.reading_order import paths

MOST = 1280.0
"""The width at which a picture is wrapped, in pixels. Text is then at least 11 pixels high at this width."""
LANE = 9.0
"""Distance between parallel edges outside the rows."""
BESIDE = 12.0
"""Distance between the end of a row and the first lane beside it."""
BETWEEN_ROWS = 16.0
NARROWEST = 12.0
"""Minimum width of a gap between boxes where the picture can be cut."""
SPLIT = 3.0
"""Cost of splitting a frame, in edges."""


class Squeeze:
    """Map to new vertical positions of a row's contents, without the empty space between them.

    Args:
        occupied: the vertical extents of the contents.
        top: the new position of the topmost one.
    """

    def __init__(self, occupied: Iterable[tuple[float, float]], top: float) -> None:
        self._starts: list[float] = []
        self._shifts: list[float] = []
        reach = None
        for low, high in sorted(occupied):
            if reach is None or low > reach:
                shift = top - low if reach is None else self._shifts[-1] + reach - low
                self._starts.append(low)
                self._shifts.append(shift)
            reach = high if reach is None else max(reach, high)
        assert reach is not None
        self.bottom = self(reach)

    def __call__(self, y: float) -> float:
        """Return the new position of `y`, an occupied position."""
        return y + self._shifts[max(bisect_right(self._starts, y) - 1, 0)]


@dataclass(frozen=True)
class Row:
    """Part of a picture between two cuts.

    Attributes:
        start, end: the positions of the cuts in the original picture.
        x: the horizontal shift of its contents.
        down: maps vertical positions in the original picture to new ones.
        signals: the boxes whose values cross the cut at the start, from top to bottom.
        bottom: the lower end of the row above. Edges run back below it.
    """

    start: float
    end: float
    x: float
    down: Squeeze
    signals: tuple[int, ...]
    bottom: float


def wrapped(recording: Recording, picture: Picture, most: float = MOST) -> Picture:
    """Return `picture` in rows of about `most` pixels, or unchanged if it is narrow enough or cannot be cut.

    Args:
        recording: the graph.
        picture: its picture, from left to right.
        most: the maximum width.
    """
    if picture.direction != "LR" or picture.width <= most:
        return picture
    cuts = _chosen(_candidates(picture), picture.width, most)
    if not cuts:
        return picture
    return _Wrapping(recording, picture, cuts).picture()


@dataclass(frozen=True)
class _Cut:
    x: float
    cost: float


def _candidates(picture: Picture) -> list[_Cut]:
    """Return the places between boxes, and how many edges and frames each cut would split."""
    covered = [
        (box.x - max(map(label_width, box.card.operands), default=0.0) - ARROW, box.x + box.card.width)
        for box in picture.boxes
    ]
    for frame in picture.frames:
        covered += [(edge - 4, edge + 4) for edge in (frame.x, frame.x + frame.width)]
    covered.sort()
    found, reach = [], covered[0][1]
    for start, end in covered:
        if start - reach >= NARROWEST:
            x = (reach + start) / 2
            signals = {route.source for route in picture.routes if route.points[0][0] < x < route.tip[0]}
            frames = sum(frame.x < x < frame.x + frame.width for frame in picture.frames)
            found.append(_Cut(x, len(signals) + SPLIT * frames))
        reach = max(reach, end)
    return found


def _chosen(candidates: Sequence[_Cut], width: float, most: float) -> list[float]:
    """Return the positions of the cuts: as few as possible, then cheap ones at equal distances."""
    places = [0.0, *(cut.x for cut in candidates), width]
    costs = [0.0, *(cut.cost for cut in candidates), 0.0]
    available = most - 2 * (MARGIN + BESIDE + 3 * LANE)
    best: list[tuple[float, float, int]] = [(0.0, 0.0, 0)]  # rows, cost, previous place
    for at in range(1, len(places)):
        options = []
        for before in range(at - 1, -1, -1):
            long = places[at] - places[before]
            if long > available and before < at - 1:
                break
            rows, cost, _ = best[before]
            options.append((rows + 1, cost + costs[at] + 8 * (long / available) ** 2, before))
        best.append(min(options))
    cuts, at = [], len(places) - 1
    while at:
        at = best[at][2]
        cuts.append(places[at])
    return sorted(cut for cut in cuts if cut)


class _Wrapping:
    """Rows of a picture and everything shifted into them."""

    def __init__(self, recording: Recording, whole: Picture, cuts: Sequence[float]) -> None:
        self.recording = recording
        self.whole = whole
        self.cuts = cuts
        self.pieces = [list(_pieces(route, cuts)) for route in whole.routes]
        self.frames = list(self._frames())[::-1]
        self.rows: list[Row] = []
        ends = [0.0, *cuts, whole.width]
        bottom = 0.0
        for at, (start, end) in enumerate(pairwise(ends)):
            signals = self._signals(at)
            lanes = BESIDE + LANE * len(signals) if signals else 0.0
            y = MARGIN if not at else bottom + BETWEEN_ROWS + LANE * len(signals) + BESIDE
            x = MARGIN + lanes - start if at else 0.0
            down = Squeeze(self._occupied(at), y - BESIDE)
            self.rows.append(Row(start, end, x, down, signals, bottom))
            bottom = down.bottom - BESIDE
        self.bottom = bottom
        self.drawn: set[tuple[int, int, tuple[Point, ...], tuple[Point, ...]]] = set()

    def picture(self) -> Picture:
        boxes = tuple(self._shifted(box) for box in self.whole.boxes)
        frames = tuple(self._shifted_frame(frame, self.rows[row]) for row, frame in self.frames)
        routes = tuple(self._route(route, pieces) for route, pieces in zip(self.whole.routes, self.pieces))
        right = max(
            [box.x + box.card.width for box in boxes]
            + [frame.x + frame.width for frame in frames]
            + [x for route in routes for turn in route.turns for x, _ in turn]
        )
        entries, width, height = legend(self.recording, math.ceil(right + MARGIN), self.bottom + MARGIN, MARGIN)
        return replace(
            self.whole, width=width, height=height, boxes=boxes, frames=frames, routes=routes, legend=entries
        )

    def row_of(self, x: float) -> int:
        """Return the number of the row of a position in the original picture."""
        return sum(cut <= x for cut in self.cuts)

    def _shifted(self, box: Placed) -> Placed:
        row = self.rows[self.row_of(box.x)]
        return replace(box, x=round(box.x + row.x, 1), y=round(row.down(box.y), 1))

    def _shifted_frame(self, frame: Frame, row: Row) -> Frame:
        top, bottom = row.down(frame.y), row.down(frame.y + frame.height)
        return replace(frame, x=round(frame.x + row.x, 1), y=round(top, 1), height=round(bottom - top, 1))

    def _signals(self, at: int) -> tuple[int, ...]:
        """Return the sources of the edges that enter a row from the row above, from top to bottom."""
        entering: dict[int, float] = {}
        for route, pieces in zip(self.whole.routes, self.pieces):
            first = pieces[0][0]
            if first < at <= first + len(pieces) - 1:
                y = pieces[at - first][1][0][1]
                entering[route.source] = min(y, entering.get(route.source, math.inf))
        return tuple(sorted(entering, key=lambda source: entering[source]))

    def _occupied(self, at: int) -> Iterator[tuple[float, float]]:
        """Yield the vertical extents of the contents of a row: boxes, ends of frames, and edges."""
        for box in self.whole.boxes:
            if self.row_of(box.x) == at:
                yield box.y - BESIDE, box.y + box.card.height + BESIDE
        for row, frame in self.frames:
            if row == at:
                bottom = frame.y + frame.height
                yield frame.y - BESIDE, frame.y + BAND
                yield bottom - PADDING, bottom + BESIDE
        for pieces in self.pieces:
            for row, points in pieces:
                if row == at:
                    yield from ((y - BESIDE, y + BESIDE) for _, y in points)

    def _frames(self) -> Iterator[tuple[int, Frame]]:
        """Yield the parts of the frames with their rows, inner frames first.

        A part is as high as its boxes and the edges to and from them. Rows without boxes of a group have no part.
        """
        path = paths(self.recording.groups)
        around = [path[box.group] for box in self.recording.boxes]
        held: dict[tuple[int, int], list[float]] = {}
        for box in self.whole.boxes:
            for group in around[box.id]:
                held.setdefault((group, self.row_of(box.x)), []).extend((box.y, box.y + box.card.height))
        sides = {frame.group: (frame.x, frame.x + frame.width) for frame in self.whole.frames}
        for route, pieces in zip(self.whole.routes, self.pieces):
            for group in sides.keys() & {*around[route.source], *around[route.target]}:
                left, right = sides[group]
                for row, points in pieces:
                    if (group, row) in held:
                        held[group, row] += [y for x, y in points if left < x < right]
        ends = [0.0, *self.cuts, self.whole.width]
        for frame in reversed(self.whole.frames):
            rows = sorted(row for group, row in held if group == frame.group)
            for row in reversed(rows):
                ys = held[frame.group, row]
                top, bottom = frame.y, frame.y + frame.height
                if len(rows) > 1:
                    top, bottom = max(top, min(ys) - BAND), min(bottom, max(ys) + PADDING)
                for group in path[frame.group][:-1]:
                    held[group, row] += [top, bottom]
                left, right = max(frame.x, ends[row] + 4), min(frame.x + frame.width, ends[row + 1] - 4)
                label = frame.label if row == rows[0] else f"… {frame.label}"
                yield row, Frame(frame.group, left, top, right - left, bottom - top, label)

    def _route(self, route: Route, pieces: list[tuple[int, list[Point]]]) -> Route:
        """Return a route in the rows, with the turns between them."""
        if len(pieces) == 1:
            return self._moved(route, *pieces[0])
        shifted = [(row, [self._point(row, point) for point in points]) for row, points in pieces]
        turns = []
        for (_, before), (row, after) in pairwise(shifted):
            turns.append(self._turn(row, route.source, before, after))
        parts = [(row, tuple(points), turn) for (row, points), turn in zip(shifted, turns)]
        new = 0  # edges from one box run together: what one has drawn is not drawn again
        while new < len(parts) and (route.source, *parts[new]) in self.drawn:
            new += 1
        self.drawn.update((route.source, *part) for part in parts)
        return replace(
            route,
            before=tuple(points for _, points, _ in parts[new:]),
            turns=tuple(turns[new:]),
            points=tuple(shifted[-1][1]),
            tip=self._point(shifted[-1][0], route.tip),
        )

    def _moved(self, route: Route, row: int, points: list[Point]) -> Route:
        moved = tuple(self._point(row, point) for point in points)
        return replace(route, points=moved, tip=self._point(row, route.tip))

    def _turn(self, at: int, source: int, before: list[Point], after: list[Point]) -> tuple[Point, ...]:
        """Return the corners of the way from the end of one row to the start of row `at`.

        The topmost edge takes the outermost lane on the right, the lowest between the rows, and the innermost on the
        left, so that edges in the same order do not cross.
        """
        row, above = self.rows[at], self.rows[at - 1]
        place = row.signals.index(source)
        rank = len(row.signals) - place
        right = above.end + above.x + BESIDE + LANE * (rank - 1)
        lane = row.bottom + BESIDE + LANE * (rank - 1)
        left = MARGIN + LANE * (len(row.signals) - place)
        end, start = before[-1], after[0]
        corners = (end, (right, end[1]), (right, lane), (left, lane), (left, start[1]), start)
        return tuple((round(x, 1), round(y, 1)) for x, y in corners)

    def _point(self, at: int, point: Point) -> Point:
        return round(point[0] + self.rows[at].x, 1), round(self.rows[at].down(point[1]), 1)


def _pieces(route: Route, cuts: Sequence[float]) -> Iterator[tuple[int, list[Point]]]:
    """Yield the parts of a route with their rows. A curve that is cut becomes straight on both sides."""
    points = list(route.points)
    row = sum(cut <= points[0][0] for cut in cuts)
    for cut in cuts[row:]:
        if cut > points[-1][0]:
            break
        at = next(at for at in range(1, len(points)) if points[at][0] >= cut)
        straight = at % 2 == 1
        head = points[:at] if straight else points[: at - 1]
        yield row, [*head, (cut, points[at - 1][1])]
        points = [(cut, points[at][1]), *(points[at:] if straight else points[at + 1 :])]
        row += 1
    yield row, points
