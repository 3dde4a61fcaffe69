"""Colours. The kinds of boxes also differ in outline, so that the picture can be read without colour.

The hues (blue, green, orange, purple, grey) are from Okabe and Ito's palette for people with colour vision deficiency
(2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

DOUBLE, STACK, STRIPE = 3.0, 4.0, 4.0
"""Between the two lines of a double border; how far a second card looks out; the width of a stripe. In pixels."""

HALO = 3.0
"""The width of the line around an operand's name that parts it from the edges below, in pixels."""
FRAME_RADIUS = 10.0
FRAME_LINE = 0.45
"""How opaque the line of a frame is, from 0 to 1."""

ThemeName = Literal["light", "dark"]


class Room(NamedTuple):
    """Space that the lines of an outline occupy inside a box, in pixels."""

    left: float
    top: float
    right: float
    bottom: float


class Rectangle(NamedTuple):
    """Rectangle and the radius of its corners, in pixels."""

    x: float
    y: float
    width: float
    height: float
    radius: float


@dataclass(frozen=True)
class Shape:
    """Outline of a kind of box, without its colours.

    Attributes:
        radius: radius of the corners, in pixels.
        weight: line width of the border, in pixels.
        dashed: whether the border is dashed.
        double: whether there are two borders, one inside the other.
        stacked: whether a second card is visible behind the first.
        striped: whether a stripe runs down the left side.
    """

    radius: float
    weight: float = 1.2
    dashed: bool = False
    double: bool = False
    stacked: bool = False
    striped: bool = False

    @property
    def inset(self) -> float:
        """Distance of the inner border from the edge of the box, in pixels."""
        return DOUBLE if self.double else 0.0

    @property
    def room(self) -> Room:
        """Space that is not available for text."""
        stack = STACK * self.stacked
        return Room(self.inset + STRIPE * self.striped, self.inset + stack, self.inset + stack, self.inset)

    def rectangles(self, x: float, y: float, width: float, height: float) -> list[Rectangle]:
        """Return the borders of a box of this shape, from back to front. The title is inside the last one."""
        if self.double:
            inset = self.inset
            inside = Rectangle(x + inset, y + inset, width - 2 * inset, height - 2 * inset, self.radius)
            return [Rectangle(x, y, width, height, self.radius + inset), inside]
        if self.stacked:
            width, height = width - STACK, height - STACK
            behind = Rectangle(x + STACK, y, width, height, self.radius)
            return [behind, Rectangle(x, y + STACK, width, height, self.radius)]
        return [Rectangle(x, y, width, height, self.radius)]

    def stripe(self, border: Rectangle) -> Rectangle:
        """Return the stripe along the left side of a border."""
        return border._replace(width=STRIPE)


SHAPES = {
    "leaf": Shape(radius=2, weight=2.0),
    "input": Shape(radius=2, striped=True),
    "constant": Shape(radius=2, dashed=True),
    "operation": Shape(radius=9),
    "folded": Shape(radius=9, stacked=True),
    "output": Shape(radius=6, double=True),
}


@dataclass(frozen=True, kw_only=True)
class Outline(Shape):
    """Appearance of a kind of box.

    Attributes:
        line: the colour of the border.
        header: the fill behind the title.
    """

    line: str
    header: str


def _outlines(**colours: tuple[str, str]) -> dict[str, Outline]:
    """Return the shapes with the colours of their lines and headers."""
    return {
        style: Outline(line=line, header=header, **vars(SHAPES[style])) for style, (line, header) in colours.items()
    }


@dataclass(frozen=True)
class Theme:
    """Colours of a picture.

    Attributes:
        name: the name, also used in CSS.
        outlines: the outlines of the kinds of boxes.
        frame: the colour of the frames around groups.
        tint: the opacity of the frame colour inside a frame, from 0 to 1. Nested frames are darker.
    """

    name: ThemeName
    background: str
    card: str
    title: str
    text: str
    muted: str
    gradient: str
    edge: str
    outlines: dict[str, Outline]
    frame: str
    tint: float

    def text_colour(self, role: str) -> str:
        """Return the colour of a line of text."""
        roles = {"title": self.title, "value": self.text, "gradient": self.gradient}
        return roles.get(role, self.muted)

    def ground(self, depth: int) -> str:
        """Return the background colour inside `depth` frames."""
        seen = (1 - self.tint) ** depth
        channels = zip(bytes.fromhex(self.background[1:]), bytes.fromhex(self.frame[1:]))
        return "#" + bytes(round(back * seen + tint * (1 - seen)) for back, tint in channels).hex()


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        name="light",
        background="#ffffff",
        card="#ffffff",
        title="#1b2430",
        text="#1b2430",
        muted="#667080",
        gradient="#9c3587",
        edge="#7b8696",
        outlines=_outlines(
            leaf=("#0072b2", "#d6e9f5"),
            input=("#00805c", "#d9f0e7"),
            constant=("#8a93a0", "#f3f4f6"),
            operation=("#7b8696", "#e9ecf1"),
            folded=("#7b8696", "#e9ecf1"),
            output=("#c05a00", "#fde6d3"),
        ),
        frame="#51719b",
        tint=0.07,
    ),
    "dark": Theme(
        name="dark",
        background="#12161c",
        card="#1b212a",
        title="#eef1f5",
        text="#e3e8ee",
        muted="#97a2b0",
        gradient="#ec9fd9",
        edge="#76828f",
        outlines=_outlines(
            leaf=("#56b4e9", "#1d4560"),
            input=("#3cc79a", "#154a3a"),
            constant=("#77818d", "#232a33"),
            operation=("#6b7683", "#2d3641"),
            folded=("#6b7683", "#2d3641"),
            output=("#f0923b", "#5a3514"),
        ),
        frame="#7f9cc4",
        tint=0.1,
    ),
}
