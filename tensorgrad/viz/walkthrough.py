"""Entry point `walkthrough`: show the forward and backward pass of a loss step by step on a web page."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import cached_property
from html import escape
from importlib.resources import files
from os import PathLike
from pathlib import Path
from typing import Any, get_args

from tensorgrad._hints import DRAWING
from tensorgrad.arguments import with_hints
from tensorgrad.tensor import Tensor
from tensorgrad.viz import film
from tensorgrad.viz.calling import outputs_of
from tensorgrad.viz.layout import Direction
from tensorgrad.viz.layout.theme import SHAPES, THEMES, Theme
from tensorgrad.viz.lesson import lesson
from tensorgrad.viz.recording import Recording, labels
from tensorgrad.viz.recording.capture import capture
from tensorgrad.viz.recording.expansion import Expand, expanded

MOST = 600
"""Boxes on one page. More can neither be seen nor walked through."""

SUFFIXES = (".html", ".gif", ".mp4")

WRONG = "#b3261e", "#ff9a8d"
"""The colour of wrong numbers, in the light and the dark theme. A sign always accompanies it."""

SCRIPTS = (
    "lesson.js",
    "address.js",
    "squeeze.js",
    "curves.js",
    "picture.js",
    "focus.js",
    "formula.js",
    "details.js",
    "compare.js",
    "map.js",
    "predict.js",
    "table.js",
    "flow.js",
    "player.js",
)
"""In the order they stand on the page. They share one scope; the last one starts it."""


class Walkthrough:
    """Page that shows a forward and a backward pass one step at a time. Notebooks display it inline.

    Args:
        recording: the graph with its passes, as returned by `capture`.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.

    Raises:
        ValueError: the recording has no backward pass, or it has more than 600 boxes.
    """

    def __init__(self, recording: Recording, *, direction: Direction = "LR") -> None:
        if not recording.passes:
            raise ValueError("walkthrough: the recording has no backward pass. Record it with passes=True.")
        _refuse_many(recording)
        self.recording = recording
        self.direction: Direction = direction

    @cached_property
    def html(self) -> str:
        """Return the page as a single file that loads no other resources."""
        title = f"Walkthrough of {labels.full_title(self.recording.boxes[-1])}"
        content = lesson(self.recording, self.direction, title)
        shown = json.dumps(content, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        parts = {
            "title": escape(title),
            "style": _colours() + _page("page.css"),
            "lesson": shown.replace("<", "\\u003c"),  # no name in it can end the element
            "script": "\n".join(map(_page, SCRIPTS)),
        }
        before, *rest = _page("page.html").split("{{")
        return before + "".join(parts[name] + after for name, after in (piece.split("}}", 1) for piece in rest))

    def save(self, path: str | PathLike[str], *, seconds: float = 1.5) -> None:
        """Write the page, or an animation of its steps, to a file.

        Args:
            path: file name that ends in .html for the page, or in .gif or .mp4 (requires ffmpeg) for an animation.
            seconds: the duration of a step of an animation.

        Raises:
            ValueError: the suffix is unknown, `seconds` is not positive, or an animation has more than 200 steps.
            FileNotFoundError: the directory does not exist.
            RuntimeError: ffmpeg is not installed, or fails.
        """
        path = Path(path).expanduser()
        suffix = path.suffix.lower()
        if suffix not in SUFFIXES:
            known = ", ".join(SUFFIXES)
            raise ValueError(f"save: unknown suffix {path.suffix!r} of {path.name!r}. Save a walkthrough as {known}.")
        if not path.parent.is_dir():
            raise FileNotFoundError(f"save: there is no folder {str(path.parent)!r}. Make it first.")
        if suffix == ".html":
            path.write_text(self.html, encoding="utf-8", newline="\n")
        else:
            film.save(self.recording, self.direction, path, seconds)

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        frame = (
            f'<iframe srcdoc="{escape(self.html)}" title="walkthrough" '
            'style="width:100%;height:720px;border:0" loading="lazy"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}

    def __repr__(self) -> str:
        boxes = self.recording.boxes
        count = f"{len(boxes)} box{'es' if len(boxes) > 1 else ''}"
        return f"<Walkthrough: {labels.full_title(boxes[-1])}, {count}>"


@with_hints(DRAWING)
def walkthrough(loss: Any, *arguments: Any, direction: Direction = "LR", expand: Expand = False) -> Walkthrough:
    """Show the forward pass of `loss` and its backward pass by the chain rule, step by step.

    Each step is explained in symbols, in numbers (or shapes) and in words. Where a common mistake would change the
    result, the page also shows the incorrect backward pass, with its numbers next to the correct ones: nodes visited in
    a naive order, gradients overwritten, or `zero_grad` omitted. The gradients of the leaves are checked against finite
    differences.

    Values are recomputed for the page and the graph is left unchanged. `backward` need not have been called. Hooks are
        not called; if there are any, the page says so.

    Args:
        loss: a tensor with a single element that depends on a leaf which requires a gradient, or a function that
            returns such a tensor.
        arguments: the arguments of the function. Numbers and arrays of floats become leaves, named after the
            parameters.
        direction: `"LR"`, from left to right, or `"TB"`, from top to bottom.
        expand: True to explain each fused operation, such as `lstm`, by the simpler operations that it consists of; or
            the name of an operation, or several names. See `draw`.

    Raises:
        TypeError: `loss` is neither a tensor nor a function that returns one tensor, or `expand` is neither a boolean
            nor names.
        ValueError: `loss` has more than one element, its graph has more than 600 boxes, the direction is unknown, or
            `expand` names an operation that is not in the graph or does not consist of simpler ones.
        RuntimeError: `loss` depends on no leaf that requires a gradient, or its values are no longer available.

    >>> import tensorgrad as tg
    >>> a = tg.tensor(2.0, requires_grad=True, name="a")
    >>> b = tg.tensor(3.0, requires_grad=True, name="b")
    >>> walkthrough(a * b)
    <Walkthrough: multiply, 3 boxes>
    >>> walkthrough(lambda a, b: a * b, 2.0, 3.0)
    <Walkthrough: multiply, 3 boxes>
    """
    if arguments:
        loss, *others = outputs_of("walkthrough", loss, arguments)
        if others:
            raise TypeError(f"walkthrough: expected the function to return one Tensor, got {1 + len(others)}.")
    if not isinstance(loss, Tensor):
        hint = " Call it, and pass the loss that was computed from its result." if callable(loss) else ""
        raise TypeError(f"walkthrough: expected a Tensor, got {type(loss).__name__}.{hint}")
    if direction not in get_args(Direction):
        known = ", ".join(map(repr, get_args(Direction)))
        raise ValueError(f"walkthrough: expected direction to be one of {known}, got {direction!r}.")
    [output] = expanded("walkthrough", [loss], expand)
    _refuse_many(capture(output, values=False))  # before the expensive part
    return Walkthrough(capture(output, detail=True, passes=True, checks=True), direction=direction)


def _refuse_many(recording: Recording) -> None:
    if len(recording.boxes) > MOST:
        raise ValueError(
            f"walkthrough: the graph has {len(recording.boxes)} boxes, and a page shows at most {MOST}. "
            "Take a smaller part of it (fewer layers, one time step), or see all of it with tg.draw."
        )


def _page(name: str) -> str:
    return files("tensorgrad.viz.lesson").joinpath("page", name).read_text(encoding="utf-8")


def _colours() -> str:
    """Return the palettes of `theme` as CSS variables: light, or dark by system setting or the page's button."""
    light, dark = _variables(THEMES["light"]), _variables(THEMES["dark"])
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=light] {{ color-scheme: light; {light} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
        + "".join(
            f".{name} .outline {{ stroke: var(--{name}-line); stroke-width: {look.weight}; "
            f"stroke-dasharray: {'4 3' if look.dashed else 'none'}; }} "
            f".{name} .header {{ fill: var(--{name}-header); }} .{name} .stripe {{ fill: var(--{name}-line); }}\n"
            for name, look in SHAPES.items()
        )
    )


def _variables(theme: Theme) -> str:
    names = ("background", "card", "title", "text", "muted", "gradient", "edge", "frame", "tint")
    plain = [f"--{name}: {getattr(theme, name)};" for name in names]
    for name, outline in theme.outlines.items():
        plain += [f"--{name}-line: {outline.line};", f"--{name}-header: {outline.header};"]
    plain.append(f"--wrong: {WRONG[theme is THEMES['dark']]};")
    return " ".join(plain)
