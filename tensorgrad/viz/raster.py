"""A picture as PNG or PDF, drawn by matplotlib from the same coordinates as the SVG."""

from __future__ import annotations

import warnings
from os import PathLike
from typing import Any

from tensorgrad.viz.cards import TEXT_SIZE, TITLE_SIZE
from tensorgrad.viz.layout import Picture, Placed, Route
from tensorgrad.viz.legend import SIZE as LEGEND_SIZE
from tensorgrad.viz.legend import SWATCH, SWATCH_HEIGHT
from tensorgrad.viz.theme import DOUBLE, Outline, Theme

PIXELS_PER_INCH = 96
RESOLUTION = 2
"""Dots for each pixel of the picture, for screens that show them."""
MOST_DOTS = 30_000
"""Along the longer side; matplotlib refuses more than twice that."""


def save(picture: Picture, theme: Theme, path: str | PathLike[str], kind: str) -> None:
    """Write `picture` as `kind`, "png" or "pdf"."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Polygon

    size = (picture.width / PIXELS_PER_INCH, picture.height / PIXELS_PER_INCH)
    figure = Figure(figsize=size, facecolor=theme.background)
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axes.set_axis_off()
    axes.set_xlim(0, picture.width)
    axes.set_ylim(picture.height, 0)

    for route in picture.routes:
        _draw_line(axes, route, picture, theme)
        axes.add_patch(Polygon([route.tip, *route.arrow_corners], facecolor=theme.edge, linewidth=0))
    for box in picture.boxes:
        _draw_box(axes, box, theme)
    for route in picture.routes:
        if route.label:
            side = "right" if picture.direction == "LR" else "left"
            _write(axes, *picture.label_place(route), route.label, theme.muted, mono=True, side=side)
    for entry in picture.legend:
        if entry.style:
            size_of_swatch = SWATCH, SWATCH_HEIGHT, SWATCH_HEIGHT
            _outlined(axes, entry.x, entry.swatch_top, *size_of_swatch, theme.outlines[entry.style], theme)
        _write(axes, entry.text_x, entry.baseline, entry.text, theme.muted, size=LEGEND_SIZE)

    dots = min(RESOLUTION * PIXELS_PER_INCH, MOST_DOTS / max(size))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)  # drawn as an empty square
        figure.savefig(path, format=kind, dpi=dots, metadata={"CreationDate": None} if kind == "pdf" else None)


def _points(pixels: float) -> float:
    """Matplotlib measures lines and letters in points, 72 to an inch."""
    return pixels * 72 / PIXELS_PER_INCH


def _draw_line(axes: Any, route: Route, picture: Picture, theme: Theme) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    vertices, codes = [route.points[0]], [Path.MOVETO]
    for there, arrival in zip(route.points[1::2], [*route.points[2::2], None]):
        vertices.append(there)
        codes.append(Path.LINETO)
        if arrival is not None:
            vertices += picture.curve(there, arrival)
            codes += [Path.CURVE4] * 3
    dashes = "--" if route.style == "constant" else "-"
    path = Path(vertices, codes)
    axes.add_patch(PathPatch(path, fill=False, edgecolor=theme.edge, linewidth=_points(1.3), linestyle=dashes))


def _draw_box(axes: Any, box: Placed, theme: Theme) -> None:
    card = box.card
    _outlined(axes, box.x, box.y, card.width, card.height, card.header, theme.outlines[card.style], theme)
    for text in card.texts:
        _write(
            axes,
            box.x + text.x,
            box.y + text.baseline,
            text.text,
            theme.text_colour(text.role),
            size=TITLE_SIZE if text.role == "title" else TEXT_SIZE,
            bold=text.role == "title",
            mono=text.role not in ("title", "label"),
        )


def _outlined(
    axes: Any, x: float, y: float, width: float, height: float, header: float, outline: Outline, theme: Theme
) -> None:
    from matplotlib.patches import Rectangle

    if outline.double:
        _rounded(axes, x, y, width, height, outline, outline.radius + DOUBLE, theme.card)
    inset = outline.inset
    inside = (x + inset, y + inset, width - 2 * inset, height - 2 * inset)
    clip = _rounded(axes, *inside, outline, outline.radius, theme.card)
    band = Rectangle((x, y), width, header, facecolor=outline.header, linewidth=0)
    axes.add_patch(band)
    band.set_clip_path(clip)
    _rounded(axes, *inside, outline, outline.radius, "none")


def _rounded(
    axes: Any, x: float, y: float, width: float, height: float, outline: Outline, radius: float, fill: str
) -> Any:
    from matplotlib.patches import FancyBboxPatch

    return axes.add_patch(
        FancyBboxPatch(
            (x, y),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={min(radius, height / 2)}",
            facecolor=fill,
            edgecolor=outline.line,
            linewidth=_points(outline.weight),
            linestyle="--" if outline.dashed else "-",
        )
    )


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
) -> None:
    axes.text(
        x,
        y,
        text,
        color=colour,
        fontsize=_points(size),
        family="monospace" if mono else "sans-serif",
        weight="bold" if bold else "normal",
        ha=side,
        va="baseline",
        parse_math=False,
    )
