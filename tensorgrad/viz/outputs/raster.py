"""Write a picture as PNG or PDF, drawn by matplotlib from the same coordinates as the SVG."""

from __future__ import annotations

from os import PathLike
from typing import IO, Any

from tensorgrad.viz.fonts import fallbacks, quiet_about_missing_glyphs
from tensorgrad.viz.layout.cards import TEXT_SIZE, TITLE_SIZE
from tensorgrad.viz.layout.legend import SIZE as LEGEND_SIZE
from tensorgrad.viz.layout.legend import SWATCH, SWATCH_HEIGHT
from tensorgrad.viz.layout.placement import Frame, Picture, Placed, Route, rounded
from tensorgrad.viz.layout.theme import FRAME_LINE, FRAME_RADIUS, HALO, Outline, Rectangle, Theme
from tensorgrad.viz.outputs.heatmap import colours

PIXELS_PER_INCH = 96
RESOLUTION = 2
"""Dots for each pixel of the picture, for screens that show them."""
MOST_DOTS = 30_000
"""Along the longer side; matplotlib refuses more than twice that."""


def save(picture: Picture, theme: Theme, path: str | PathLike[str] | IO[bytes], kind: str) -> None:
    """Write `picture` as `kind`, "png" or "pdf"."""
    figure, _ = drawn(picture, theme)
    dots = min(RESOLUTION * PIXELS_PER_INCH, MOST_DOTS / max(figure.get_size_inches()))
    write(figure, path, kind, dots)


def write(figure: Any, path: str | PathLike[str] | IO[bytes], kind: str, dots: float) -> None:
    """Write a figure with `dots` per inch, without the warnings about characters that no font has."""
    with quiet_about_missing_glyphs():
        figure.savefig(path, format=kind, dpi=dots, metadata={"CreationDate": None} if kind == "pdf" else None)


def drawn(picture: Picture, theme: Theme) -> tuple[Any, Any]:
    """Return a matplotlib figure of `picture`, and its axes, whose units are the picture's pixels."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Polygon
    from matplotlib.patheffects import withStroke

    size = (picture.width / PIXELS_PER_INCH, picture.height / PIXELS_PER_INCH)
    figure = Figure(figsize=size, facecolor=theme.background)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)

    for frame in picture.frames:
        _draw_frame(axes, frame, theme)
    for route in picture.routes:
        _draw_line(axes, route, picture, theme)
        axes.add_patch(Polygon([route.tip, *route.arrow_corners], facecolor=theme.edge, linewidth=0))
    for box in picture.boxes:
        _draw_box(axes, box, theme)
    axes.set_xlim(0, picture.width)  # images have changed the limits
    axes.set_ylim(picture.height, 0)
    for route in picture.routes:
        if route.label:
            side = "right" if picture.direction == "LR" else "left"
            name = _write(axes, *picture.label_place(route), route.label, theme.muted, mono=True, side=side)
            name.set_path_effects([withStroke(linewidth=_points(HALO), foreground=theme.ground(route.depth))])
    for entry in picture.legend:
        if entry.style:
            swatch = entry.x, entry.swatch_top, SWATCH, SWATCH_HEIGHT
            _outlined(axes, *swatch, entry.swatch_top + SWATCH_HEIGHT, theme.outlines[entry.style], theme)
        _write(axes, entry.text_x, entry.baseline, entry.text, theme.muted, size=LEGEND_SIZE)

    return figure, axes


def _points(pixels: float) -> float:
    """Convert pixels to points (72 per inch), matplotlib's unit of line width and font size."""
    return pixels * 72 / PIXELS_PER_INCH


def _draw_line(axes: Any, route: Route, picture: Picture, theme: Theme) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices, codes = [(*route.before, route.points)[0][0]], [Path.MOVETO]
    for points, turn in zip([*route.before, route.points], [*route.turns, ()]):
        for there, arrival in zip(points[1::2], [*points[2::2], None]):
            vertices.append(there)
            codes.append(Path.LINETO)
            if arrival is not None:
                vertices += picture.curve(there, arrival)
                codes += [Path.CURVE4] * 3
        for start, corner, end in rounded(turn):
            vertices += [start, corner, end]
            codes += [Path.LINETO, Path.CURVE3, Path.CURVE3]
        vertices += turn[-1:]
        codes += [Path.LINETO] * len(turn[-1:])
    dashes = "--" if route.style == "constant" else "-"
    path = Path(vertices, codes)
    axes.add_patch(PathPatch(path, fill=False, edgecolor=theme.edge, linewidth=_points(1.3), linestyle=dashes))


def _draw_frame(axes: Any, frame: Frame, theme: Theme) -> None:
    from matplotlib.colors import to_rgba

    look = {"facecolor": to_rgba(theme.frame, theme.tint), "edgecolor": to_rgba(theme.frame, FRAME_LINE)}
    rectangle = Rectangle(frame.x, frame.y, frame.width, frame.height, FRAME_RADIUS)
    _rounded(axes, rectangle, linewidth=_points(1.0), **look)
    _write(axes, *frame.label_place, frame.label, theme.muted, bold=True)


def _draw_box(axes: Any, box: Placed, theme: Theme) -> None:
    card = box.card
    outline = theme.outlines[card.style]
    _outlined(axes, box.x, box.y, card.width, card.height, box.y + card.header, outline, theme)
    for text in card.texts:
        _write(
            axes,
            box.x + text.x,
            box.y + text.baseline,
            text.text,
            theme.text_colour(text.role),
            size=TITLE_SIZE if text.bold else TEXT_SIZE,
            bold=text.bold,
            mono=text.mono,
        )
    for image in card.heatmaps:
        left, top = box.x + image.x, box.y + image.y
        extent = (left, left + image.width, top + image.height, top)
        axes.imshow(colours(image.detail), extent=extent, aspect="auto", interpolation="nearest", zorder=3)


def _outlined(
    axes: Any, x: float, y: float, width: float, height: float, header: float, outline: Outline, theme: Theme
) -> None:
    """Draw the filled borders and the stripe. The fill of the title ends at `header`."""
    from matplotlib.patches import Rectangle as Area

    line = {
        "edgecolor": outline.line,
        "linewidth": _points(outline.weight),
        "linestyle": "--" if outline.dashed else "-",
    }
    *behind, front = outline.rectangles(x, y, width, height)
    for each in behind:
        _rounded(axes, each, facecolor=theme.card, **line)
    clip = _rounded(axes, front, facecolor=theme.card, linewidth=0)
    areas = [(width, header - y, outline.header)]
    if outline.striped:
        areas.append((outline.stripe(front).width, height, outline.line))
    for across, down, fill in areas:
        area = axes.add_patch(Area((x, y), across, down, facecolor=fill, linewidth=0))
        area.set_clip_path(clip)
    _rounded(axes, front, facecolor="none", **line)


def _rounded(axes: Any, rectangle: Rectangle, **look: Any) -> Any:
    from matplotlib.patches import FancyBboxPatch

    x, y, width, height, radius = rectangle
    style = f"round,pad=0,rounding_size={min(radius, height / 2)}"
    return axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=style, **look))


def _write(
    axes: Any,
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    size: float = TEXT_SIZE,
    bold: bool = False,
    mono: bool = False,
    side: str = "left",
) -> Any:
    return axes.text(
        x,
        y,
        text,
        color=colour,
        fontsize=_points(size),
        family=["monospace" if mono else "sans-serif", *fallbacks(text)],
        weight="bold" if bold else "normal",
        ha=side,
        va="baseline",
        parse_math=False,
    )
