"""Colours. The kinds of boxes differ in outline as well, so that nothing depends on seeing colour.

The hues (blue, orange, purple, grey) are from Okabe and Ito's palette for all kinds of colour vision (2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DOUBLE = 3.0
"""Between the two lines of a double border, in pixels."""

ThemeName = Literal["light", "dark"]


@dataclass(frozen=True)
class Outline:
    """How a kind of box is drawn.

    Attributes:
        line: the colour of the border.
        header: the fill behind the title.
        radius: of the corners, in pixels.
        weight: of the border, in pixels.
        dashed: whether the border is.
        double: whether there are two borders, one inside the other.
    """

    line: str
    header: str
    radius: float
    weight: float = 1.2
    dashed: bool = False
    double: bool = False

    @property
    def inset(self) -> float:
        """How far inside the box its inner border runs, in pixels."""
        return DOUBLE if self.double else 0.0


@dataclass(frozen=True)
class Theme:
    """The colours of a picture."""

    background: str
    card: str
    title: str
    text: str
    muted: str
    gradient: str
    edge: str
    outlines: dict[str, Outline]

    def text_colour(self, role: str) -> str:
        """The colour of a line of text."""
        roles = {"title": self.title, "value": self.text, "gradient": self.gradient}
        return roles.get(role, self.muted)


THEMES: dict[ThemeName, Theme] = {
    "light": Theme(
        background="#ffffff",
        card="#ffffff",
        title="#1b2430",
        text="#1b2430",
        muted="#667080",
        gradient="#9c3587",
        edge="#7b8696",
        outlines={
            "leaf": Outline("#0072b2", "#d6e9f5", radius=2, weight=2.0),
            "constant": Outline("#8a93a0", "#f3f4f6", radius=2, dashed=True),
            "operation": Outline("#7b8696", "#e9ecf1", radius=9),
            "output": Outline("#c05a00", "#fde6d3", radius=6, double=True),
        },
    ),
    "dark": Theme(
        background="#12161c",
        card="#1b212a",
        title="#eef1f5",
        text="#e3e8ee",
        muted="#97a2b0",
        gradient="#ec9fd9",
        edge="#76828f",
        outlines={
            "leaf": Outline("#56b4e9", "#1d4560", radius=2, weight=2.0),
            "constant": Outline("#77818d", "#232a33", radius=2, dashed=True),
            "operation": Outline("#6b7683", "#2d3641", radius=9),
            "output": Outline("#f0923b", "#5a3514", radius=6, double=True),
        },
    ),
}
