"""Entry point `draw`: draw the graph of tensors, of a function or of a network as a `Drawing`."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from html import escape
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from typing import Any, Literal, get_args

from tensorgrad._hints import DRAWING
from tensorgrad.arguments import with_hints
from tensorgrad.viz.calling import outputs_of, without_results
from tensorgrad.viz.folding import compact, fold, is_scalar
from tensorgrad.viz.layout import Direction, Picture, cards, picture, wrapped
from tensorgrad.viz.layout.rows import MOST
from tensorgrad.viz.layout.theme import THEMES, ThemeName
from tensorgrad.viz.outputs import dot, html, raster, svg, text
from tensorgrad.viz.outputs.renderer import render
from tensorgrad.viz.recording import Recording, labels
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.expansion import Expand, expanded

Renderer = Literal["tensorgrad", "dot"]
Style = Literal["compact", "full"]
THUMBNAIL = 24
"""Maximum number of rows and columns of the heatmap of an array."""

NARROWEST = 200
"""The smallest width, in pixels, at which a picture may be wrapped."""

SUFFIXES = (".svg", ".html", ".dot", ".png", ".pdf")


class Drawing:
    """Picture of a graph. Notebooks display it; `str` returns it as text.

    Args:
        recording: the graph to draw, as recorded at one moment. All of it is drawn; use `folding.fold` to reduce a
            large one.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        theme: `"light"` or `"dark"`.
        renderer: `"tensorgrad"` or `"dot"`; see `draw`.
        style: `"compact"` or `"full"`; None for the more readable one; see `draw`.
        width: the width in pixels at which the picture is wrapped into rows; None for one row.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        direction: Direction = "LR",
        theme: ThemeName = "light",
        renderer: Renderer = "tensorgrad",
        style: Style | None = None,
        width: float | None = MOST,
    ) -> None:
        self.recording = recording
        self.style: Style = style or ("compact" if is_scalar(recording) else "full")
        self.width = width
        self.direction: Direction = direction
        self.theme: ThemeName = theme
        self.renderer: Renderer = renderer

    @cached_property
    def shown(self) -> Recording:
        """Return the recording as it is drawn: in compact form, with symbols."""
        return compact(self.recording) if self.style == "compact" else self.recording

    @cached_property
    def picture(self) -> Picture:
        """Return the coordinates of the built-in layout, which SVG, PNG and PDF have in common."""
        whole = picture(self.shown, self.direction, cards(self.shown, compact=self.style == "compact", heatmaps=True))
        return whole if self.width is None else wrapped(self.shown, whole, self.width)

    @cached_property
    def svg(self) -> str:
        """Return the picture as an SVG element that scales to the available width."""
        rendered = self._rendered("svg")
        if rendered is None:
            return svg.svg(self.picture, THEMES[self.theme], self._description)
        _, start, element = rendered.decode().partition("<svg ")
        scaling = f'style="max-width:100%;height:auto" role="img" aria-label="{escape(self._description)}" '
        return start + scaling + element

    @property
    def dot(self) -> str:
        """Return the graph as Graphviz source. The `dot` program is not needed."""
        return dot.dot(self.shown, self.direction, THEMES[self.theme])

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file. The suffix determines the format.

        An HTML page of the light theme shows the dark one in a browser that prefers dark pages.

        PNG and PDF take Chinese, Japanese and Korean characters from a font of the system, if one is installed; see
        `tensorgrad.viz.fonts`. Characters that no font has, such as emoji, are shown as empty squares. SVG and HTML use
        the fonts of the viewer's system.

        Args:
            path: file name that ends in .svg, .html, .dot, .png or .pdf.

        Raises:
            ValueError: the suffix is not one of these.
            FileNotFoundError: the directory does not exist.
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
            content = html.html({each.theme: each.svg for each in self._for_pages()}, self._description)
        else:
            content = self.svg if suffix == ".svg" else self.dot
        path.write_text(content, encoding="utf-8", newline="\n")

    def _for_pages(self) -> list[Drawing]:
        """Return the drawing in the themes of a page: a light one turns dark in a dark browser."""
        if self.theme == "dark":
            return [self]
        options: dict[str, Any] = {"renderer": self.renderer, "style": self.style, "width": self.width}
        return [self, Drawing(self.recording, direction=self.direction, theme="dark", **options)]

    def _save_pixels(self, path: Path, kind: str) -> None:
        rendered = self._rendered(kind)
        if rendered is None:
            raster.save(self.picture, THEMES[self.theme], path, kind)
        else:
            path.write_bytes(rendered)

    def _rendered(self, kind: str) -> bytes | None:
        """Return Graphviz's rendering if it was requested and is available."""
        return render(self.dot, kind) if self.renderer == "dot" else None

    @property
    def _description(self) -> str:
        boxes = self.recording.boxes
        whole = sum(box.stands_for for box in boxes)
        count = f"{len(boxes)} box{'es' if len(boxes) > 1 else ''}"
        outputs = [labels.full_title(box) for box in boxes if self.recording.is_output(box)]
        title = outputs[0] if len(outputs) == 1 else f"{len(outputs)} outputs"
        return f"Graph of {title}: {count}" + (f" for {whole:,}" if whole > len(boxes) else "")

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


@with_hints(DRAWING)
def draw(
    output: Any,
    *arguments: Any,
    direction: Direction = "LR",
    depth: int | None = None,
    unfold: bool = False,
    style: Style | None = None,
    width: float | None = MOST,
    expand: Expand = False,
    values: bool = True,
    heatmaps: bool = False,
    theme: ThemeName = "light",
    renderer: Renderer = "tensorgrad",
) -> Drawing:
    """Draw how a tensor was computed, with values and gradients; or a function, or the structure of a network.

    Each box shows its name or operation, its shape, its value and the gradient of `output` with respect to it, or "–"
    if none has been computed yet. Arrays of more than 16 elements are shown as mean ± standard deviation; a mean that
    is 0 up to rounding is omitted. Smaller ones are shown row by row, and with more than two axes in blocks that begin
    with their leading indices. Leaves show their accumulated `.grad`. The operations of an `nn.Module` are
    framed.

    Values are recomputed for the picture. They are shown as "?" if an array they depend on has changed since or has
    been freed. A graph keeps the arrays that its derivatives need until `backward` releases them;
    `backward(retain_graph=True)` keeps them. An array that no derivative needs, such as `data` in `weight + data`, is
    available as long as a variable refers to it.

    Large graphs are folded, and the picture says how. With more than 30 boxes, only the first of four or more identical
    consecutive layers is drawn (marked `×12`). With more than 300 boxes, modules and long sequences become one box
    each. If the result is still too large to read, set `depth`.

    Args:
        output: the tensor to start from, or a list of tensors. Or a function, or an `nn.Module`, which is called. The
            tensors, their graph and every `.grad` are left unchanged.
        arguments: the arguments of the function or the module. Numbers and arrays of floats that are passed to a
            function become leaves. A module without arguments is called with zeros of a suitable shape, and only the
            values of its parameters are shown. Modules are called in evaluation mode.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        depth: nesting depth at which modules are drawn as one box each: 0 for the outermost modules, 1 for those
            directly inside them. None draws all modules, but folds identical layers.
        unfold: whether to draw each of several identical layers.
        style: `"compact"` has symbols such as × and ² for operations, and shows a shape only in place of numbers.
            `"full"` has the names of the operations and all shapes. None means `"compact"` if all values are scalars.
        width: the width in pixels at which a picture from left to right is wrapped into rows. At this width, text
            is at least 11 pixels high. None for one row.
        expand: True to draw each fused operation, such as `lstm`, `conv2d` or `softmax_cross_entropy`, as the simpler
            operations that it consists of, in a frame with its name; or the name of an operation, or several names.
            Operations on constants alone are not drawn; to see them too, make the input a tensor that requires a
            gradient.
        values: whether to show values and gradients.
        heatmaps: whether to show arrays of more than a few elements as images, too: orange is positive, blue negative.
            The renderer `"dot"` does not draw them.
        theme: `"light"` or `"dark"`.
        renderer: `"tensorgrad"`, the built-in layout, or `"dot"`, Graphviz's layout for SVG, HTML, PNG and PDF. If
            Graphviz is not installed, fails or takes more than 10 seconds, the built-in layout is used and a warning
            says why.

    Raises:
        TypeError: `output` is none of these or returns no tensor, `depth` is not an integer, or `expand` is neither a
            boolean nor names.
        ValueError: `direction`, `theme` or `renderer` is unknown, `depth` is negative, or `expand` names an operation
            that is not in the graph or does not consist of simpler ones. Or no input is known that the module accepts.
        RuntimeError: an operation cannot be expanded, because `backward` released its operands.

    >>> import tensorgrad as tg
    >>> x = tg.tensor(3.0, requires_grad=True, name="x")
    >>> loss = x * x
    >>> loss.backward()
    >>> print(draw(loss))
                         shape  value  grad
    x (leaf)             ()     3      6
    #1 = multiply(x, x)  ()     9      1
    """
    for name, given, known in (
        ("direction", direction, get_args(Direction)),
        ("theme", theme, get_args(ThemeName)),
        ("renderer", renderer, get_args(Renderer)),
        ("style", style, (None, *get_args(Style))),
    ):
        if given not in known:
            raise ValueError(f"draw: expected {name} to be one of {', '.join(map(repr, known))}, got {given!r}.")
    if depth is not None and (isinstance(depth, bool) or not isinstance(depth, Integral)):
        raise TypeError(f"draw: expected depth to be an integer or None, got {depth!r}.")
    if depth is not None and depth < 0:
        raise ValueError(f"draw: expected depth to be at least 0, which draws the outermost modules, got {depth}.")
    outputs = outputs_of("draw", output, arguments)
    made_up = not arguments and hasattr(type(output), "__graph__")
    whole = capture(expanded("draw", outputs, expand), values=values, detail=THUMBNAIL if heatmaps else False)
    recording = fold(without_results(whole) if made_up else whole, depth=depth, unfold=unfold)
    if width is not None and not (isinstance(width, Real) and width >= NARROWEST):
        raise ValueError(f"draw: expected width to be at least {NARROWEST} pixels or None, got {width!r}.")
    return Drawing(recording, direction=direction, theme=theme, renderer=renderer, style=style, width=width)
