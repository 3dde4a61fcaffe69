"""Draw the picture of a network with matplotlib, for PNG and PDF, from the elements that `svg` writes."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

from matplotlib.axes import Axes
from matplotlib.patches import Circle, FancyBboxPatch
from matplotlib.patheffects import withStroke

from nn.plots.style import Picture

PIXELS_PER_INCH = 96
POINTS_PER_PIXEL = 72 / PIXELS_PER_INCH
SIDES = {"start": "left", "middle": "center", "end": "right"}
NUMBERS = re.compile(r"-?\d+\.?\d*")


def figure(svg: str) -> Picture:
    """Return a figure of the picture. Its axes have the picture's pixels as units."""
    root = ElementTree.fromstring(svg)
    width, height = float(root.attrib["width"]), float(root.attrib["height"])
    background = next(element for element in root if _name(element) == "rect").attrib["fill"]
    picture = Picture(figsize=(width / PIXELS_PER_INCH, height / PIXELS_PER_INCH), facecolor=background)
    axes = picture.add_axes((0.0, 0.0, 1.0, 1.0), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    for order, element in enumerate(root.iter()):
        draw = DRAWN.get(_name(element))
        if draw is not None and "style" in element.attrib:
            draw(axes, element, _style(element), order)
    return picture


def _draw_line(axes: Axes, element: Any, style: dict[str, str], order: int) -> None:
    x, y, *end = map(float, NUMBERS.findall(element.attrib["d"]))
    if "h" in element.attrib["d"]:
        end = [x + end[0], y]
    opacity = float(element.attrib.get("stroke-opacity", 1))
    width = float(style["stroke-width"]) * POINTS_PER_PIXEL
    options: dict[str, Any] = {"solid_capstyle": "butt", "zorder": order}
    axes.plot([x, end[0]], [y, end[1]], color=style["stroke"], linewidth=width, alpha=opacity, **options)


def _draw_circle(axes: Axes, element: Any, style: dict[str, str], order: int) -> None:
    x, y, radius = (float(element.attrib[name]) for name in ("cx", "cy", "r"))
    axes.add_patch(Circle((x, y), radius, zorder=order, **_filled(style)))


def _draw_box(axes: Axes, element: Any, style: dict[str, str], order: int) -> None:
    x, y, width, height, radius = (float(element.attrib[name]) for name in ("x", "y", "width", "height", "rx"))
    corners = f"round,pad=0,rounding_size={radius}"
    axes.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=corners, zorder=order, **_filled(style)))


def _write(axes: Axes, element: Any, style: dict[str, str], order: int) -> None:
    text = axes.text(
        float(element.attrib["x"]),
        float(element.attrib["y"]),
        element.text or "",
        color=style["fill"],
        fontsize=float(element.attrib.get("font-size", 11)) * POINTS_PER_PIXEL,
        weight="bold" if "font-weight" in element.attrib else "normal",
        ha=SIDES[element.attrib["text-anchor"]],
        va="baseline",
        parse_math=False,
        zorder=order,
    )
    if "stroke" in style:
        text.set_path_effects([withStroke(linewidth=3 * POINTS_PER_PIXEL, foreground=style["stroke"])])


DRAWN: dict[str, Callable[[Axes, Any, dict[str, str], int], None]] = {
    "path": _draw_line, "circle": _draw_circle, "rect": _draw_box, "text": _write,
}  # fmt: skip


def _filled(style: dict[str, str]) -> dict[str, Any]:
    width = float(style.get("stroke-width", 0)) * POINTS_PER_PIXEL
    opacity = float(style.get("fill-opacity", 1))
    return {
        "facecolor": (style["fill"], opacity),
        "edgecolor": style.get("stroke", "none"),
        "linewidth": width,
    }


def _style(element: Any) -> dict[str, str]:
    return dict(entry.split(":", 1) for entry in element.attrib["style"].split(";"))


def _name(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]
