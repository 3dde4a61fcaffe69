"""Write the diagram of a network as SVG."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Literal

import numpy as np

from nn.plots.neurons.diagram import Array, Diagram, Layer
from nn.plots.neurons.equations import number, short
from nn.plots.neurons.layout import BLOCK_HEIGHT, BLOCK_WIDTH, FOOT, MARGIN, RADIUS, Line, Placed, Unit

ThemeName = Literal["light", "dark"]

THEMES: dict[ThemeName, dict[str, str]] = {
    "light": {
        "background": "#ffffff", "card": "#ffffff", "ink": "#1b2430", "muted": "#5b6573", "outline": "#7b8696",
        "positive": "#d55e00", "negative": "#0072b2", "gradient": "#9c3587",
    },
    "dark": {
        "background": "#12161c", "card": "#1b212a", "ink": "#eef1f5", "muted": "#97a2b0", "outline": "#76828f",
        "positive": "#f0923b", "negative": "#56b4e9", "gradient": "#ec9fd9",
    },
}  # fmt: skip
"""Orange is positive and blue is negative, as in the heatmaps of walkthroughs."""

SANS = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
LONGEST = 22
"""Maximum number of characters of a title."""
BLOCK_LINES = 3
"""Maximum number of lines in the box of a layer without neurons, one for each module."""
STRONGEST = 0.45
"""Opacity of the colour of the largest value of a layer."""


def svg(diagram: Diagram, placed: Placed, theme: ThemeName) -> str:
    """Return the picture as an SVG element in the colours of a theme."""
    width, height = placed.width, placed.height
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
        f'viewBox="0 0 {width:g} {height:g}" style="max-width:100%;height:auto" role="img" '
        f'aria-label="{escape(description(diagram))}">'
    )
    background = f'<rect width="{width:g}" height="{height:g}" fill="{THEMES[theme]["background"]}"/>'
    return "\n".join([head, background, *content(diagram, placed, THEMES[theme]), "</svg>"]) + "\n"


def description(diagram: Diagram) -> str:
    """Return the alternative text of the picture."""
    sizes = "-".join(str(layer.size or layer.title) for layer in diagram.layers)
    return f"{diagram.name} as neurons and weights: {sizes}, {diagram.parameters:,} parameters"


def content(diagram: Diagram, placed: Placed, colours: dict[str, str]) -> Iterator[str]:
    """Yield the elements of the picture. `colours` may be CSS variables."""
    yield f'<g font-family="{SANS}" font-size="11" style="fill:{colours["ink"]}">'
    for line in sorted(placed.lines, key=lambda line: line.width):
        yield _line(diagram, line, colours)
    for number_, layer in enumerate(diagram.layers):
        yield from _headings(number_, layer, placed, colours)
        if not layer.size:
            yield _block(number_, layer, placed, colours)
    for layer_number, x, y in placed.dots:
        hidden = diagram.layers[layer_number].size - sum(unit.layer == layer_number for unit in placed.units)
        yield _text(x, y - 2, "⋮", colours["ink"], size=18, bold=True, halo=colours["background"])
        words = f"{hidden:,} more"
        half = 3.4 * len(words) + 2  # half the width of a plate that separates the words from the lines behind them
        plate = f'<rect x="{x - half:g}" y="{y + 3:g}" width="{2 * half:g}" height="15" rx="3"'
        yield f'{plate} style="fill:{colours["background"]};fill-opacity:.9"/>'
        yield _text(x, y + 14, words, colours["muted"])
    for unit in placed.units:
        yield from _unit(diagram, unit, colours)
    yield from _legend(diagram, placed, colours)
    yield "</g>"


def _line(diagram: Diagram, line: Line, colours: dict[str, str]) -> str:
    colour = colours["muted"]
    title = ""
    if line.weight is not None:
        colour = colours["positive" if line.weight > 0 else "negative"]
        layer = diagram.layers[line.layer]
        gradient = (
            ""
            if layer.weight_gradient is None
            else (f", gradient {number(layer.weight_gradient[line.start, line.end])}")
        )
        place = f"{layer.path}.weight" if layer.path else "weight"
        title = f"<title>{escape(place)}[{line.start}, {line.end}] = {number(line.weight)}{gradient}</title>"
    return (
        f'<path data-line="{line.layer}" data-start="{line.start}" data-end="{line.end}" '
        f'd="M{line.x1:.1f},{line.y1:.1f}L{line.x2:.1f},{line.y2:.1f}" '
        f'style="fill:none;stroke:{colour};stroke-width:{line.width:.2f}" stroke-opacity="0.8">{title}</path>'
    )


def _headings(place: int, layer: Layer, placed: Placed, colours: dict[str, str]) -> Iterator[str]:
    x = placed.columns[place]
    modules = layer.title.split(", ")
    title = " + ".join([layer.title, *layer.activations]) if len(modules) == 1 else f"{len(modules)} layers"
    yield _text(x, 24, _cut(title), colours["ink"], size=12.5, bold=True)
    count = f"{layer.size:,} value{'s' * (layer.size > 1)}" if not place else f"{layer.size:,} neuron"
    if place and layer.size > 1:
        count += "s"
    yield _text(x, 40, count if layer.size else str(layer.shape), colours["muted"])


def _block(place: int, layer: Layer, placed: Placed, colours: dict[str, str]) -> str:
    x, y = placed.columns[place] - BLOCK_WIDTH / 2, placed.middle - BLOCK_HEIGHT / 2
    rect = (
        f'<rect x="{x:g}" y="{y:g}" width="{BLOCK_WIDTH:g}" height="{BLOCK_HEIGHT:g}" rx="8" '
        f'style="fill:{colours["card"]};stroke:{colours["outline"]};stroke-width:1.5"/>'
    )
    lines = layer.title.split(", ")
    lines = lines if len(lines) <= BLOCK_LINES else [*lines[: BLOCK_LINES - 1], "…"]
    first = placed.middle + 4 - 8 * (len(lines) - 1)
    texts = (
        _text(x + BLOCK_WIDTH / 2, first + 16 * row, _cut(line, 13), colours["ink"]) for row, line in enumerate(lines)
    )
    return rect + "".join(texts)


def _unit(diagram: Diagram, unit: Unit, colours: dict[str, str]) -> Iterator[str]:
    layer = diagram.layers[unit.layer]
    name = f"{'input' if not unit.layer else layer.title} {unit.index + 1}"
    words = [name]
    yield f'<g data-unit="{unit.key}">'
    circle = f'<circle cx="{unit.x:g}" cy="{unit.y:g}" r="{RADIUS:g}"'
    yield f'{circle} style="fill:{colours["card"]};stroke:{colours["outline"]};stroke-width:1.5"/>'
    if layer.value is not None:
        value = float(layer.value[unit.index])
        words.append(f"value {number(value)}")
        colour = colours["positive" if value > 0 else "negative"]
        strength = STRONGEST * _fraction(value, layer.value)
        yield f'{circle} class="tint" style="fill:{colour};fill-opacity:{strength:.2f}"/>'
        shift = 4 if layer.gradient is None else -2
        yield _text(unit.x, unit.y + shift, short(value), colours["ink"], bold=True, kind="value")
    if layer.gradient is not None:
        gradient = float(layer.gradient[unit.index])
        words.append(f"gradient {number(gradient)}")
        yield _text(unit.x, unit.y + 12, short(gradient), colours["gradient"], kind="gradient", halo=colours["card"])
    yield f"<title>{escape(', '.join(words))}</title></g>"


def _fraction(value: float, values: Array) -> float:
    largest = float(np.abs(values).max(initial=0.0))
    return abs(value) / largest if np.isfinite(value) and 0 < largest < np.inf else 0.0


def _legend(diagram: Diagram, placed: Placed, colours: dict[str, str]) -> Iterator[str]:
    y = placed.height - FOOT + 26
    x = MARGIN
    if any(line.weight is not None for line in placed.lines):
        for sign, words in (("positive", "positive weight"), ("negative", "negative weight")):
            yield f'<path d="M{x:g},{y - 4:g}h24" style="stroke:{colours[sign]};stroke-width:4"/>'
            yield _text(x + 30, y, words, colours["muted"], side="start")
            x += 128
        yield _text(
            MARGIN, y + 17, "line width: size of the weight, relative to its layer", colours["muted"], side="start"
        )
    if diagram.result is not None:
        words = f"in a circle: value, and below it the gradient of the {diagram.target}"
        yield _text(MARGIN, y + 34, words, colours["muted"], side="start")
        result = f"{diagram.target} = {number(diagram.result)}"
        yield _text(placed.width - MARGIN, y, result, colours["ink"], side="end", bold=True, size=12.5, kind="result")


def _text(
    x: float, y: float, text: str, colour: str, *, size: float = 11, bold: bool = False, side: str = "middle",
    kind: str = "", halo: str = "",
) -> str:  # fmt: skip
    style = f"fill:{colour}"
    if halo:
        style += f";stroke:{halo};stroke-width:3px;stroke-opacity:.9;paint-order:stroke"
    attributes = f' class="{kind}"' * bool(kind) + ' font-weight="600"' * bold
    attributes += f' font-size="{size:g}"' if size != 11 else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{side}"{attributes} style="{style}">{escape(text)}</text>'


def _cut(text: str, longest: int = LONGEST) -> str:
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= longest else text[: longest - 1] + "…"
