"""Write a picture as SVG: one self-contained element without styles or ids that could clash with an embedding page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from tensorgrad.viz.layout.cards import TEXT_SIZE, TITLE_SIZE
from tensorgrad.viz.layout.legend import SIZE as LEGEND_SIZE
from tensorgrad.viz.layout.legend import SWATCH, SWATCH_HEIGHT, Entry
from tensorgrad.viz.layout.placement import Frame, Picture, Placed, Point, Route, rounded
from tensorgrad.viz.layout.theme import FRAME_LINE, FRAME_RADIUS, HALO, Outline, Rectangle, Theme
from tensorgrad.viz.outputs.heatmap import data_uri

SANS = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
SMALLEST = 0.6
"""A picture becomes narrower with what is around it, down to this share of its size, where one can still read it."""
DASHES = ' stroke-dasharray="4 3"'


def svg(picture: Picture, theme: Theme, description: str) -> str:
    """Return the SVG element of `picture`. `description` is the text for screen readers."""
    width, height = number(picture.width), number(picture.height)
    scales = f"max-width:100%;min-width:{number(SMALLEST * picture.width)}px;height:auto"
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'style="{scales}" role="img" aria-label="{escape(description)}">',
        f'<rect width="{width}" height="{height}" fill="{theme.background}"/>',
        f'<g font-family="{SANS}" font-size="{TEXT_SIZE}">',
        *(_frame(frame, theme) for frame in picture.frames),
        f'<g fill="none" stroke="{theme.edge}" stroke-width="1.3">',
        *(_line(route, picture) for route in picture.routes),
        "</g>",
        f'<g fill="{theme.edge}">',
        *(_arrowhead(route) for route in picture.routes),
        "</g>",
        *(line for box in picture.boxes for line in _box(box, theme)),
        *(line for route in picture.routes if route.label for line in [_operand(route, picture, theme)]),
        *(line for entry in picture.legend for line in _entry(entry, theme)),
        "</g>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Format a number with at most two decimals.

    >>> number(3.0), number(2 / 3)
    ('3', '0.67')
    """
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").removesuffix(".")


def _line(route: Route, picture: Picture) -> str:
    first = (*route.before, route.points)[0][0]
    path = [f"M{_at(first)}"]
    for points, turn in zip(route.before, route.turns):
        path += [*_through(points, picture), *_around(turn)]
    path += _through(route.points, picture)
    dashes = DASHES if route.style == "constant" else ""
    return f'<path {_edge(route)} d="{"".join(path)}"{dashes}/>'


def _through(points: Sequence[Point], picture: Picture) -> Iterator[str]:
    """Yield the straight segments and curves of a route."""
    for here, there, arrival in zip(points[::2], points[1::2], [*points[2::2], None]):
        if there != here:
            yield f"L{_at(there)}"
        if arrival is not None:
            yield f"C{' '.join(_at(point) for point in picture.curve(there, arrival))}"


def _around(turn: Sequence[Point]) -> Iterator[str]:
    """Yield straight segments with rounded corners."""
    for start, corner, end in rounded(turn):
        yield f"L{_at(start)}Q{_at(corner)} {_at(end)}"
    yield f"L{_at(turn[-1])}"


def _arrowhead(route: Route) -> str:
    corners = " ".join(_at(corner) for corner in route.arrow_corners)
    return f'<path {_edge(route)} d="M{_at(route.tip)}L{corners}Z"/>'


def _edge(route: Route) -> str:
    """Return the attributes that mark all parts of an edge for scripts."""
    return f'data-edge="{route.target}:{route.operand}"'


def _frame(frame: Frame, theme: Theme) -> str:
    rectangle = _rectangle(
        Rectangle(frame.x, frame.y, frame.width, frame.height, FRAME_RADIUS),
        f'fill="{theme.frame}" fill-opacity="{theme.tint}" stroke="{theme.frame}" stroke-opacity="{FRAME_LINE}"',
    )
    label = _text(*frame.label_place, frame.label, theme.muted, bold=True)
    return f'<g data-group="{frame.group}">{rectangle}{label}</g>'


def _box(box: Placed, theme: Theme) -> Iterator[str]:
    card, outline = box.card, theme.outlines[box.card.style]
    yield f'<g data-box="{box.id}"><title>{escape(card.tooltip, quote=False)}</title>'
    yield from _outlined(box.x, box.y, card.width, card.height, outline, theme)
    if card.height > card.header:
        yield _body(box, outline, theme)
    for text in card.texts:
        yield _text(
            box.x + text.x,
            box.y + text.baseline,
            text.text,
            theme.text_colour(text.role),
            size=TITLE_SIZE if text.bold else None,
            bold=text.bold,
            mono=text.mono,
        )
    for image in card.heatmaps:
        place = f'x="{number(box.x + image.x)}" y="{number(box.y + image.y)}"'
        size = f'width="{number(image.width)}" height="{number(image.height)}"'
        look = 'preserveAspectRatio="none" style="image-rendering:pixelated"'
        yield f'<image {place} {size} {look} href="{data_uri(image.detail)}"/>'
    yield "</g>"


def _outlined(x: float, y: float, width: float, height: float, outline: Outline, theme: Theme) -> Iterator[str]:
    """Yield the filled borders and the stripe."""
    line = f'stroke="{outline.line}" stroke-width="{outline.weight}"' + DASHES * outline.dashed
    *behind, front = outline.rectangles(x, y, width, height)
    for each in behind:
        yield _rectangle(each, f'fill="{theme.card}" {line}')
    yield _rectangle(front, f'fill="{outline.header}" {line}')
    if outline.striped:
        yield _rectangle(outline.stripe(front), f'fill="{outline.line}"')


def _rectangle(rectangle: Rectangle, look: str) -> str:
    x, y, width, height, radius = rectangle
    return (
        f'<rect x="{number(x)}" y="{number(y)}" width="{number(width)}" height="{number(height)}" '
        f'rx="{number(min(radius, height / 2))}" {look}/>'
    )


def _body(box: Placed, outline: Outline, theme: Theme) -> str:
    """Return the part below the title, inside the border."""
    x, y, width, height, radius = outline.rectangles(box.x, box.y, box.card.width, box.card.height)[-1]
    inset = outline.weight / 2
    radius = max(radius - inset, 0.0)
    left, right, bottom = x + max(inset, outline.room.left), x + width - inset, y + height - inset
    corners = (
        f"M{_at((left, box.y + box.card.header))}H{number(right)}V{number(bottom - radius)}"
        f"Q{_at((right, bottom))} {_at((right - radius, bottom))}"
        f"H{number(left + radius)}Q{_at((left, bottom))} {_at((left, bottom - radius))}Z"
    )
    return f'<path d="{corners}" fill="{theme.card}"/>'


def _operand(route: Route, picture: Picture, theme: Theme) -> str:
    x, y = picture.label_place(route)
    halo = f' stroke="{theme.ground(route.depth)}" stroke-width="{HALO}" paint-order="stroke"'
    anchor = ' text-anchor="end"' if picture.direction == "LR" else ""
    return _text(x, y, route.label, theme.muted, mono=True, more=f" {_edge(route)}{anchor}{halo}")


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
