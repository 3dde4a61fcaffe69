"""`draw`: a tensor in, a `Drawing` out."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from tensorgrad.tensor import Tensor
from tensorgrad.viz import dot, html, labels, raster, svg, text
from tensorgrad.viz.capture import capture
from tensorgrad.viz.layout import Direction, Picture, picture
from tensorgrad.viz.recording import Recording
from tensorgrad.viz.theme import THEMES, ThemeName

SUFFIXES = (".svg", ".html", ".dot", ".png", ".pdf")


class Drawing:
    """A picture of a graph. Notebooks show it; `str` gives it as text.

    Args:
        recording: the graph, as it was at one moment.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        theme: `"light"` or `"dark"`.
    """

    def __init__(self, recording: Recording, *, direction: Direction = "LR", theme: ThemeName = "light") -> None:
        self.recording = recording
        self.direction: Direction = direction
        self.theme: ThemeName = theme

    @cached_property
    def picture(self) -> Picture:
        """The coordinates that SVG, PNG and PDF share."""
        return picture(self.recording, self.direction)

    @property
    def svg(self) -> str:
        """The picture as an SVG element, which scales to the width there is."""
        return svg.svg(self.picture, THEMES[self.theme], self._description)

    @property
    def dot(self) -> str:
        """The graph as Graphviz source. Making it does not need the `dot` program."""
        return dot.dot(self.recording, self.direction, THEMES[self.theme])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file, in the format that its suffix names.

        Args:
            path: ends in .svg, .html, .dot, .png or .pdf.

        Raises:
            ValueError: another suffix.
            FileNotFoundError: the folder does not exist.
        """
        path = Path(path)
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(
                f"save: unknown suffix {path.suffix!r} of {path.name!r}. Use one of {', '.join(SUFFIXES)}."
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(f"save: there is no folder {str(path.parent)!r}. Make it first.")
        if suffix in (".png", ".pdf"):
            raster.save(self.picture, THEMES[self.theme], path, suffix.removeprefix("."))
            return
        if suffix == ".html":
            content = html.html(self.svg, THEMES[self.theme], self._description)
        else:
            content = self.svg if suffix == ".svg" else self.dot
        path.write_text(content, encoding="utf-8", newline="\n")

    @property
    def _description(self) -> str:
        boxes = self.recording.boxes
        return f"Graph of {labels.full_title(boxes[-1])}: {len(boxes)} box{'es' if len(boxes) > 1 else ''}"

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        return {"image/svg+xml": self.svg, "text/plain": str(self)}

    def __str__(self) -> str:
        return text.text(self.recording)

    def __repr__(self) -> str:
        return f"<Drawing: {self._description}>"


def draw(output: Tensor, *, direction: Direction = "LR", values: bool = True, theme: ThemeName = "light") -> Drawing:
    """A picture of how `output` was computed, with values and gradients.

    Each box shows what it is, its shape, its value and the gradient of `output` by it: "–" where none was computed
    yet. Of more than six elements it shows mean ± standard deviation, without a mean that is 0 but for rounding.
    Leaves show their `.grad`, with all that has accumulated there.

    Values are computed again for the picture, and show "?" where what they depend on has changed since or is not
    there any more. A graph keeps what its derivatives need until `backward` releases it; after
    `backward(retain_graph=True)` that is still known. What no derivative needs, such as the data in
    `weight + data`, is known as long as a variable holds it.

    Args:
        output: the tensor to start from. It, its graph and every `.grad` stay as they are.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        values: whether to show values and gradients.
        theme: `"light"` or `"dark"`.

    Raises:
        TypeError: `output` is not a tensor.
        ValueError: an unknown direction or theme.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> loss = x * x
    >>> loss.backward()
    >>> print(draw(loss))
                       shape  value  grad
    x (leaf)           ()     3      6
    #1 = multiply(x, x)  ()     9      1
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"draw: expected a Tensor, got {type(output).__name__}.")
    for name, given, known in (("direction", direction, get_args(Direction)), ("theme", theme, get_args(ThemeName))):
        if given not in known:
            raise ValueError(f"draw: expected {name} to be one of {', '.join(map(repr, known))}, got {given!r}.")
    return Drawing(capture(output, values=values), direction=direction, theme=theme)
