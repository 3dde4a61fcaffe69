"""`draw`: a tensor in, a `Drawing` out."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from html import escape
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Literal, get_args

from tensorgrad.tensor import Tensor
from tensorgrad.viz.folding import fold
from tensorgrad.viz.layout import Direction, Picture, picture
from tensorgrad.viz.layout.theme import THEMES, ThemeName
from tensorgrad.viz.outputs import dot, html, raster, svg, text
from tensorgrad.viz.outputs.renderer import render
from tensorgrad.viz.recording import Recording, labels
from tensorgrad.viz.recording.capture import capture

Renderer = Literal["tensorgrad", "dot"]
SUFFIXES = (".svg", ".html", ".dot", ".png", ".pdf")


class Drawing:
    """A picture of a graph. Notebooks show it; `str` gives it as text.

    Args:
        recording: the graph, as it was at one moment. All of it is drawn; `folding.fold` makes large ones smaller.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        theme: `"light"` or `"dark"`.
        renderer: `"tensorgrad"` or `"dot"`; see `draw`.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        direction: Direction = "LR",
        theme: ThemeName = "light",
        renderer: Renderer = "tensorgrad",
    ) -> None:
        self.recording = recording
        self.direction: Direction = direction
        self.theme: ThemeName = theme
        self.renderer: Renderer = renderer

    @cached_property
    def picture(self) -> Picture:
        """The coordinates of our own layout, which SVG, PNG and PDF share."""
        return picture(self.recording, self.direction)

    @cached_property
    def svg(self) -> str:
        """The picture as an SVG element, which scales to the width there is."""
        rendered = self._rendered("svg")
        if rendered is None:
            return svg.svg(self.picture, THEMES[self.theme], self._description)
        _, start, element = rendered.decode().partition("<svg ")
        scaling = f'style="max-width:100%;height:auto" role="img" aria-label="{escape(self._description)}" '
        return start + scaling + element

    @property
    def dot(self) -> str:
        """The graph as Graphviz source. Making it does not need the `dot` program."""
        return dot.dot(self.recording, self.direction, THEMES[self.theme])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file, in the format that its suffix names.

        PNG and PDF have matplotlib's own font, in which Chinese, Japanese and Korean letters and emoji are empty
        squares. SVG and HTML take the fonts of whoever looks at them.

        Args:
            path: ends in .svg, .html, .dot, .png or .pdf.

        Raises:
            ValueError: another suffix.
            FileNotFoundError: the folder does not exist.
        """
        path = Path(path).expanduser()
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            raise ValueError(
                f"save: unknown suffix {path.suffix!r} of {path.name!r}. Use one of {', '.join(SUFFIXES)}."
            )
        if not path.parent.is_dir():
            raise FileNotFoundError(f"save: there is no folder {str(path.parent)!r}. Make it first.")
        if suffix in (".png", ".pdf"):
            self._save_pixels(path, suffix.removeprefix("."))
            return
        if suffix == ".html":
            content = html.html(self.svg, THEMES[self.theme], self._description)
        else:
            content = self.svg if suffix == ".svg" else self.dot
        path.write_text(content, encoding="utf-8", newline="\n")

    def _save_pixels(self, path: Path, kind: str) -> None:
        rendered = self._rendered(kind)
        if rendered is None:
            raster.save(self.picture, THEMES[self.theme], path, kind)
        else:
            path.write_bytes(rendered)

    def _rendered(self, kind: str) -> bytes | None:
        """What Graphviz makes of it, if that was asked for and can be had."""
        return render(self.dot, kind) if self.renderer == "dot" else None

    @property
    def _description(self) -> str:
        boxes = self.recording.boxes
        whole = sum(box.stands_for for box in boxes)
        count = f"{len(boxes)} box{'es' if len(boxes) > 1 else ''}"
        return f"Graph of {labels.full_title(boxes[-1])}: {count}" + (f" for {whole:,}" if whole > len(boxes) else "")

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, str]:
        kinds = [kind for kind in ("image/svg+xml", "text/plain") if include is None or kind in include]
        return {
            kind: str(self) if kind == "text/plain" else self.svg
            for kind in kinds
            if exclude is None or kind not in exclude
        }

    def __str__(self) -> str:
        return text.text(self.recording)

    def __repr__(self) -> str:
        return f"<Drawing: {self._description}>"


def draw(
    output: Tensor,
    *,
    direction: Direction = "LR",
    depth: int | None = None,
    values: bool = True,
    theme: ThemeName = "light",
    renderer: Renderer = "tensorgrad",
) -> Drawing:
    """A picture of how `output` was computed, with values and gradients.

    Each box shows what it is, its shape, its value and the gradient of `output` by it: "–" where none was computed
    yet. Of more than six elements it shows mean ± standard deviation, without a mean that is 0 but for rounding.
    Leaves show their `.grad`, with all that has accumulated there. Frames stand around what an `nn.Module` did.

    Values are computed again for the picture, and show "?" where what they depend on has changed since or is not
    there any more. A graph keeps what its derivatives need until `backward` releases it; after
    `backward(retain_graph=True)` that is still known. What no derivative needs, such as the data in
    `weight + data`, is known as long as a variable holds it.

    Large graphs are folded, and the picture says how: of four or more layers in a row that are alike the first is
    drawn (`×12`) if there are more than 30 boxes, and of more than 300 boxes modules and long rows become one box.
    What is still too wide to read stands better in `direction="TB"`, or with a `depth`.

    Args:
        output: the tensor to start from. It, its graph and every `.grad` stay as they are.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        depth: draw modules inside so many others as one box each: with 0 the outermost, with 1 those directly inside
            them. None draws all, but folds layers that are alike.
        values: whether to show values and gradients.
        theme: `"light"` or `"dark"`.
        renderer: `"tensorgrad"`, which needs nothing, or `"dot"`, Graphviz's layout for SVG, HTML, PNG and PDF. If
            Graphviz is not there, fails or takes more than 10 seconds, our own is used and a warning says why.

    Raises:
        TypeError: `output` is not a tensor, or `depth` not an integer.
        ValueError: an unknown direction, theme or renderer, or a negative depth.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> loss = x * x
    >>> loss.backward()
    >>> print(draw(loss))
                         shape  value  grad
    x (leaf)             ()     3      6
    #1 = multiply(x, x)  ()     9      1
    """
    if not isinstance(output, Tensor):
        raise TypeError(f"draw: expected a Tensor, got {type(output).__name__}.")
    for name, given, known in (
        ("direction", direction, get_args(Direction)),
        ("theme", theme, get_args(ThemeName)),
        ("renderer", renderer, get_args(Renderer)),
    ):
        if given not in known:
            raise ValueError(f"draw: expected {name} to be one of {', '.join(map(repr, known))}, got {given!r}.")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, Integral)):
        raise TypeError(f"draw: expected depth to be an integer or None, got {depth!r}.")
    if depth is not None and depth < 0:
        raise ValueError(f"draw: expected depth to be at least 0, which draws the outermost modules, got {depth}.")
    recording = fold(capture(output, values=values), depth=depth)
    return Drawing(recording, direction=direction, theme=theme, renderer=renderer)
