"""Draws docs/walkthrough.svg, the walkthrough of a small expression as an animation: `python docs/walkthrough.py`.

Boxes, edges, numbers and sentences are those of the page that `tg.walkthrough` writes. The colours follow the reader's
system, light or dark. Readers who prefer reduced motion, and programs that do not animate, see the last step.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any

import tensorgrad as tg
from tensorgrad.viz.layout.theme import SHAPES, THEMES, Theme
from tensorgrad.viz.lesson import lesson
from tensorgrad.viz.recording.capture import capture

PICTURE = Path(__file__).with_suffix(".svg")

SECONDS = 1.8
"""How long a step is shown."""
HEAD = 84
"""The height of the part above the graph: the bar of steps, the equation and the sentence."""
MARGIN = 16
TRAVEL = 8
"""Straight pieces of the way along which a number travels back."""

SANS = "system-ui, Segoe UI, Helvetica, Arial, sans-serif"
MONO = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"
STYLE = """\
text { fill: var(--text); font: 12px SANS; }
.title, .heading { font-weight: 600; }
.title { font-size: 13px; }
.label, .shape, .operand, .local { fill: var(--muted); }
.label { font-size: 11px; }
.shape, .value, .gradient, .operand, .local { font-family: MONO; }
.remark { fill: var(--input-line); font-weight: 600; }
.gradient { fill: var(--gradient); }
.operand, .local { stroke: var(--background); stroke-width: 4px; paint-order: stroke; }
.heading { font-size: 14px; }
.equation { font: 600 15px MONO; }
.words { font-size: 14px; }
.line { fill: none; stroke: var(--edge); stroke-width: 1.3; }
.head { fill: var(--edge); }
.now, .receives, .way { fill: none; }
.now { stroke: var(--output-line); stroke-width: 4; }
.receives { stroke: var(--gradient); stroke-width: 3; stroke-dasharray: 9 4; }
.way { stroke: var(--gradient); stroke-width: 3.5; }
.chip rect { fill: var(--gradient); }
.chip text { fill: var(--card); font-weight: 700; }
.body { fill: var(--card); }
.step { fill: var(--frame); opacity: .25; }
.forward { fill: var(--leaf-line); }
.backward { fill: var(--gradient); }
"""


class Animation:
    """The steps of a lesson in one SVG. An element is visible from one step to another."""

    def __init__(self, loss: tg.Tensor) -> None:
        recording = capture(loss, detail=True, passes=True, checks=True)
        recording = dataclasses.replace(recording, passes=recording.passes[:1])  # without the typical mistakes
        self.lesson = lesson(recording, "LR", "")
        self.boxes = self.lesson["boxes"]
        backward = self.lesson["passes"][0]["steps"]
        self.steps = [*self.lesson["forward"], *backward]
        self.turn = len(self.lesson["forward"])
        """The number of the first backward step."""
        self.keyframes: dict[str, str] = {}

    def svg(self) -> str:
        """Return the whole file."""
        width, height = self.lesson["width"] + 2 * MARGIN, self.lesson["height"] + HEAD + MARGIN
        content = [*self.progress(width), *self.captions(), *self.graph()]  # also finds the keyframes
        lines = [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{escape(self.description())}">',
            f"<style>\n{self.style()}</style>",
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="var(--background)"/>',
            *content,
            "</svg>\n",
        ]
        return "\n".join(lines)

    def description(self) -> str:
        """What is read to those who cannot see it."""
        return f"Forward and backward pass through a graph, step by step. At the end: {self.steps[-1]['line']}"

    def style(self) -> str:
        """Return the colours of both themes, the styles, and when each element is visible."""
        duration = f"{SECONDS * len(self.steps):g}s"
        outlines = (
            f".{name} .outline {{ stroke: var(--{name}-line); stroke-width: {shape.weight}; "
            f"fill: var(--{name}-header); }}\n"
            for name, shape in SHAPES.items()
        )
        return "".join(
            [
                f":root {{ {variables(THEMES['light'])} }}\n",
                f"@media (prefers-color-scheme: dark) {{ :root {{ {variables(THEMES['dark'])} }} }}\n",
                STYLE.replace("SANS", SANS).replace("MONO", MONO),
                *outlines,
                *(f"@keyframes {name} {{ {frames} }}\n" for name, frames in self.keyframes.items()),
                *(f".{name} {{ animation: {name} {duration} infinite {easing(name)}; }}\n" for name in self.keyframes),
                "@media (prefers-reduced-motion: reduce) { * { animation: none !important; } }\n",
            ]
        )

    def shown(self, first: int, end: int | None = None) -> str:
        """Return the attributes of what is visible from step `first` until before step `end`, or to the last."""
        count = len(self.steps)
        end = count if end is None else end
        name = f"from{first}to{end}"
        frames = [(0, 0), (first, 1), (end, 0)] if first else [(0, 1), (end, 0)]
        self.keyframes[name] = " ".join(f"{percent(n, count)} {{ opacity: {seen} }}" for n, seen in frames if n < count)
        return f'class="{name}" opacity="{int(end == count)}"'

    # -- above the graph ----------------------------------------------------------------------------------

    def progress(self, width: float) -> Iterator[str]:
        """Yield the bar of steps: blue for the forward pass, purple for the backward pass."""
        each = (width - 2 * MARGIN) / len(self.steps)
        for number in range(len(self.steps)):
            place = f'x="{MARGIN + number * each:.1f}" y="12" width="{each - 3:.1f}" height="5" rx="2"'
            yield f'<rect class="step" {place}/>'
            yield f'<g {self.shown(number)}><rect class="{self.direction(number)}" {place}/></g>'

    def captions(self) -> Iterator[str]:
        """Yield what each step says, in symbols and numbers, and in words."""
        for number, step in enumerate(self.steps):
            yield f"<g {self.shown(number, number + 1)}>"
            yield text(MARGIN, 39, "heading", self.direction(number).capitalize())
            yield text(MARGIN + 88, 39, "equation", step["line"])
            yield text(MARGIN + 88, 62, "words", step["words"].strip())
            yield "</g>"

    def direction(self, number: int) -> str:
        """Return the pass that a step belongs to."""
        return "forward" if number < self.turn else "backward"

    # -- the graph ----------------------------------------------------------------------------------------

    def graph(self) -> Iterator[str]:
        """Yield edges and boxes, then what moves above them."""
        yield f'<g transform="translate({MARGIN} {HEAD})">'
        for route in self.lesson["routes"]:
            yield f'<path class="line" d="{path(route)}"/>{arrowhead(route)}'
        for box in self.boxes:
            yield from self.box(box)
        for route in self.lesson["routes"]:
            yield from edge_texts(route)
        for number, step in enumerate(self.steps):
            yield from self.happening(number, step)
        yield "</g>"

    def box(self, box: dict[str, Any]) -> Iterator[str]:
        """Yield a card with the numbers that are written on it in the course of the steps."""
        shape = SHAPES[box["style"]]
        yield f'<g class="{box["style"]}">'
        if shape.inset:
            yield rectangle("outline", box, 0, shape.radius + shape.inset)
        yield rectangle("outline", box, shape.inset, shape.radius)
        yield card_body(box, shape)
        for x, y, role, words in box["texts"]:
            if role in ("title", "label", "shape"):
                yield text(box["x"] + x, box["y"] + y, role, words)
            elif role == "remark":
                if box["check"] is not None:
                    line = text(box["x"] + x, box["y"] + y, role, box["check"]["sign"])
                    yield f"<g {self.shown(len(self.steps) - 1)}>{line}</g>"
            else:
                written = self.written(box["id"], role)
                if role == "gradient":
                    written = [(0, "–"), *written]
                for (first, words), (end, _) in zip(written, [*written[1:], (None, "")]):
                    yield f"<g {self.shown(first, end)}>{text(box['x'] + x, box['y'] + y, role, words)}</g>"
        yield "</g>"

    def written(self, id: int, what: str) -> list[tuple[int, str]]:
        """Return the steps that write the value or the gradient of a box, and what they write."""
        return [
            (number, change["lines"][0])
            for number, step in enumerate(self.steps)
            for change in step["changes"]
            if (change["box"], change["what"]) == (id, what)
        ]

    def happening(self, number: int, step: dict[str, Any]) -> Iterator[str]:
        """Yield what is visible during one step only: outlines of the boxes, and the number that travels back."""
        if step["kind"] == "end":
            return
        now = self.boxes[step["box"]]
        yield f"<g {self.shown(number, number + 1)}>"
        yield rectangle("now", now, -5, SHAPES[now["style"]].radius + 5)
        if step["kind"] == "rule":
            (route,) = (
                route
                for route in self.lesson["routes"]
                if (route["target"], route["operand"]) == (step["box"], step["operand"])
            )
            receiver = self.boxes[route["source"]]
            yield rectangle("receives", receiver, -5, SHAPES[receiver["style"]].radius + 5)
            yield f'<path class="way" d="{path(route)}"/>'
            yield f'<g class="{self.travel(number, route)}">{chip(step["chip"])}</g>'
        yield "</g>"

    def travel(self, number: int, route: dict[str, Any]) -> str:
        """Return the class of what travels back along an edge during a step, and then stays until the next."""
        name = f"travel{number}"
        way = points_back(route)
        middle = way[len(way) // 2]
        moments = [number + 0.1 + 0.7 * n / (len(way) - 1) for n in range(len(way))]
        stops = [(0.0, way[0]), *zip(moments, way), (number + 1.0, way[-1])]
        count = len(self.steps)
        self.keyframes[name] = " ".join(
            f"{percent(moment, count)} {{ transform: translate({x:.1f}px, {y:.1f}px) }}" for moment, (x, y) in stops
        )
        self.keyframes[name] += f" 100% {{ transform: translate({middle[0]:.1f}px, {middle[1]:.1f}px) }}"
        return name


def easing(name: str) -> str:
    """Return how an animation goes from one keyframe to the next: numbers travel, everything else appears at once."""
    return "linear" if name.startswith("travel") else "step-end"


def percent(moment: float, count: int) -> str:
    """Return a moment, counted in steps, as a percentage of the animation."""
    return f"{100 * moment / count:.3f}".rstrip("0").rstrip(".") + "%"


def variables(theme: Theme) -> str:
    """Return the colours of a theme as CSS variables."""
    names = ("background", "card", "text", "muted", "gradient", "edge", "frame")
    found = [f"--{name}: {getattr(theme, name)};" for name in names]
    for name, outline in theme.outlines.items():
        found += [f"--{name}-line: {outline.line};", f"--{name}-header: {outline.header};"]
    return " ".join(found)


def text(x: float, y: float, role: str, words: str, more: str = "") -> str:
    """Return a line of text; `more` are further attributes."""
    return f'<text class="{role}" x="{x:g}" y="{y:g}"{more}>{escape(words, quote=False)}</text>'


def rectangle(role: str, box: dict[str, Any], inset: float, radius: float) -> str:
    """Return an outline of a box, `inset` pixels inside its border."""
    return (
        f'<rect class="{role}" x="{box["x"] + inset:g}" y="{box["y"] + inset:g}" '
        f'width="{box["width"] - 2 * inset:g}" height="{box["height"] - 2 * inset:g}" rx="{radius:g}"/>'
    )


def card_body(box: dict[str, Any], shape: Any) -> str:
    """Return the part of a card below its title, inside the border."""
    inside = shape.inset + shape.weight / 2
    left, right = box["x"] + inside, box["x"] + box["width"] - inside
    bottom, r = box["y"] + box["height"] - inside, max(shape.radius - shape.weight / 2, 0)
    return (
        f'<path class="body" d="M{left:g},{box["y"] + box["header"]:g}H{right:g}V{bottom - r:g}'
        f'Q{right:g},{bottom:g} {right - r:g},{bottom:g}H{left + r:g}Q{left:g},{bottom:g} {left:g},{bottom - r:g}Z"/>'
    )


def pieces(route: dict[str, Any]) -> Iterator[list[tuple[float, float]]]:
    """Yield an edge from its operand to its operation: straight pieces by 2 points, Bézier curves by 4."""
    points = [tuple(point) for point in route["points"]]
    for here, there, arrival in zip(points[::2], points[1::2], [*points[2::2], None]):
        if here != there:
            yield [here, there]
        if arrival is not None:
            middle = (there[0] + arrival[0]) / 2
            yield [there, (middle, there[1]), (middle, arrival[1]), arrival]


def path(route: dict[str, Any]) -> str:
    """Return the edge as SVG draws it."""
    x, y = route["points"][0]
    drawn = [f"M{x:g},{y:g}"]
    for _, *rest in pieces(route):
        drawn.append(("L" if len(rest) == 1 else "C") + " ".join(f"{x:g},{y:g}" for x, y in rest))
    return "".join(drawn)


def points_back(route: dict[str, Any]) -> list[tuple[float, float]]:
    """Return points along the edge, from the operation back to its operand."""
    found = [tuple(route["points"][0])]
    for piece in pieces(route):
        found += [bezier(piece, n / TRAVEL) for n in range(1, TRAVEL + 1)]
    return found[::-1]


def bezier(points: list[tuple[float, float]], t: float) -> tuple[float, float]:
    """Return the point at `t` of a Bézier curve, by de Casteljau's algorithm."""
    while len(points) > 1:
        points = [((1 - t) * x + t * u, (1 - t) * y + t * v) for (x, y), (u, v) in pairwise(points)]
    return points[0]


def arrowhead(route: dict[str, Any]) -> str:
    """Return the triangle at the end of an edge."""
    (x, y), (tip_x, tip_y) = route["points"][-1], route["tip"]
    half = (tip_x - x) / 2
    return f'<path class="head" d="M{tip_x:g},{tip_y:g}L{x:g},{y + half:g} {x:g},{y - half:g}Z"/>'


def edge_texts(route: dict[str, Any]) -> Iterator[str]:
    """Yield the local derivative above and below the end of an edge."""
    x, y = route["points"][-1]
    role = "local" if route["local"] else "operand"
    for words, below in zip(route["label"], (-4.5, 12)):
        yield text(x - 1, y + below, role, words, ' text-anchor="end"')


def chip(words: str) -> str:
    """Return the number that travels along an edge."""
    width = 16 + 7.2 * len(words)
    return (
        f'<g class="chip"><rect x="{-width / 2:g}" y="-9" width="{width:g}" height="18" rx="8"/>'
        f'<text text-anchor="middle" y="4">{escape(words)}</text></g>'
    )


def example() -> tg.Tensor:
    """Return the loss of the README's first example."""
    a = tg.tensor(2.0, requires_grad=True, name="a")
    b = tg.tensor(-3.0, requires_grad=True, name="b")
    c = a * b
    return c * c + a


if __name__ == "__main__":
    PICTURE.write_text(Animation(example()).svg(), encoding="utf-8", newline="\n")
