"""A picture as SVG: one self-contained element, without styles or ids that could meet those of a page around it."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from tensorgrad.viz.cards import TEXT_SIZE, TITLE_SIZE
from tensorgrad.viz.layout import Picture, Placed, Point, Route
from tensorgrad.viz.legend import SIZE as LEGEND_SIZE
from tensorgrad.viz.legend import SWATCH, SWATCH_HEIGHT, Entry
from tensorgrad.viz.theme import DOUBLE, Outline, Theme

SANS = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"


def svg(picture: Picture, theme: Theme, description: str) -> str:
    """The SVG element of `picture`; `description` is read to those who cannot see it."""
    width, height = number(picture.width), number(picture.height)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="max-width:100%;height:auto" role="img" aria-label="{escape(description)}">',
        f'<rect width="{width}" height="{height}" fill="{theme.background}"/>',
        f'<g fill="none" stroke="{theme.edge}" stroke-width="1.3">',
        *(_line(route, picture) for route in picture.routes),
        "</g>",
        f'<g fill="{theme.edge}">',
        *(f'<path d="{_arrowhead(route)}"/>' for route in picture.routes),
        "</g>",
        f'<g font-family="{SANS}" font-size="{TEXT_SIZE}">',
        *(line for box in picture.boxes for line in _box(box, theme)),
        *(line for route in picture.routes if route.label for line in [_operand(route, picture, theme)]),
        *(line for entry in picture.legend for line in _entry(entry, theme)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """At most two decimals.

    >>> number(3.0), number(2 / 3)
    ('3', '0.67')
    """
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").removesuffix(".")


def _line(route: Route, picture: Picture) -> str:
    path = [f"M{_at(route.points[0])}"]
    for here, there, arrival in zip(route.points[::2], route.points[1::2], [*route.points[2::2], None]):
        if there != here:
            path.append(f"L{_at(there)}")
        if arrival is not None:
            path.append(f"C{' '.join(_at(point) for point in picture.curve(there, arrival))}")
    dashes = ' stroke-dasharray="4 3"' if route.style == "constant" else ""
    return f'<path d="{"".join(path)}"{dashes}/>'


def _arrowhead(route: Route) -> str:
    return f"M{_at(route.tip)}L{' '.join(_at(corner) for corner in route.arrow_corners)}Z"


def _box(box: Placed, theme: Theme) -> Iterator[str]:
    card, outline = box.card, theme.outlines[box.card.style]
    yield f"<g><title>{escape(card.tooltip, quote=False)}</title>"
    yield from _outlined(box.x, box.y, card.width, card.height, outline, theme)
    if card.height > card.header:
        yield _body(box, outline, theme)
    for text in card.texts:
        yield _text(
            box.x + text.x,
            box.y + text.baseline,
            text.text,
            theme.text_colour(text.role),
            size=TITLE_SIZE if text.role == "title" else None,
            bold=text.role == "title",
            mono=text.role not in ("title", "label"),
        )
    yield "</g>"


def _outlined(x: float, y: float, width: float, height: float, outline: Outline, theme: Theme) -> Iterator[str]:
    """A filled outline; a double one has its second line inside."""
    if outline.double:
        yield _rectangle(x, y, width, height, outline, theme.card, outline.radius + DOUBLE)
    inset = outline.inset
    yield _rectangle(
        x + inset, y + inset, width - 2 * inset, height - 2 * inset, outline, outline.header, outline.radius
    )


def _rectangle(x: float, y: float, width: float, height: float, outline: Outline, fill: str, radius: float) -> str:
    dashes = ' stroke-dasharray="4 3"' if outline.dashed else ""
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
        f'rx="{number(min(radius, height / 2))}" fill="{fill}" '
        f'stroke="{outline.line}" stroke-width="{outline.weight}"{dashes}/>'
    )


def _body(box: Placed, outline: Outline, theme: Theme) -> str:
    """The part below the title, inside the border."""
    inset = outline.inset + outline.weight / 2
    radius = max(outline.radius - outline.weight / 2, 0.0)
    left, right = box.x + inset, box.x + box.card.width - inset
    top, bottom = box.y + box.card.header, box.y + box.card.height - inset
    corners = (
        f"M{_at((left, top))}H{number(right)}V{number(bottom - radius)}"
        f"Q{_at((right, bottom))} {_at((right - radius, bottom))}"
        f"H{number(left + radius)}Q{_at((left, bottom))} {_at((left, bottom - radius))}Z"
    )
    return f'<path d="{corners}" fill="{theme.card}"/>'


def _operand(route: Route, picture: Picture, theme: Theme) -> str:
    x, y = picture.label_place(route)
    halo = f' stroke="{theme.background}" stroke-width="3" paint-order="stroke"'
    anchor = ' text-anchor="end"' if picture.direction == "LR" else ""
    return _text(x, y, route.label, theme.muted, mono=True, more=anchor + halo)


def _entry(entry: Entry, theme: Theme) -> Iterator[str]:
    if entry.style:
        yield from _outlined(entry.x, entry.swatch_top, SWATCH, SWATCH_HEIGHT, theme.outlines[entry.style], theme)
    yield _text(entry.text_x, entry.baseline, entry.text, theme.muted, size=LEGEND_SIZE)


def _text(
    x: float,
    y: float,
    text: str,
    colour: str,
    *,
    size: float | None = None,
    bold: bool = False,
    mono: bool = False,
    more: str = "",
) -> str:
    attributes = f'x="{number(x)}" y="{number(y)}" fill="{colour}"'
    attributes += f' font-size="{size}"' if size is not None else ""
    attributes += ' font-weight="600"' if bold else ""
    attributes += f' font-family="{MONO}"' if mono else ""
    return f"<text {attributes}{more}>{escape(text, quote=False)}</text>"


def _at(point: Point) -> str:
    return f"{number(point[0])},{number(point[1])}"
