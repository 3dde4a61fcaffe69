"""Write the interactive page: the picture, the steps of both passes, and the details of each neuron."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from typing import Any

from nn.plots.neurons import equations
from nn.plots.neurons.diagram import Diagram, Layer
from nn.plots.neurons.layout import Placed
from nn.plots.neurons.svg import THEMES, content, description

VARIABLES = {name: f"var(--{name})" for name in THEMES["light"]}


def page(diagram: Diagram, placed: Placed) -> str:
    """Return the page as a single file that loads no other resources."""
    picture = (
        f'<svg viewBox="0 0 {placed.width:g} {placed.height:g}" data-width="{placed.width:g}" '
        f'data-height="{placed.height:g}" role="group" aria-label="{escape(description(diagram))}">'
        + "\n".join(content(diagram, placed, VARIABLES))
        + "</svg>"
    )
    data = json.dumps(lesson(diagram, placed), allow_nan=False, separators=(",", ":"))
    parts = {
        "title": escape(f"{diagram.name}: neurons and weights"),
        "style": _colours() + _file("page.css"),
        "picture": picture,
        "lesson": data.replace("<", "\\u003c"),  # no name in it can end the element
        "script": _file("page.js"),
    }
    before, *rest = _file("page.html").split("{{")
    return before + "".join(parts[name] + after for name, after in (piece.split("}}", 1) for piece in rest))


def lesson(diagram: Diagram, placed: Placed) -> dict[str, Any]:
    """Return the steps and the details of each neuron, as the page's script reads them."""
    return {
        "steps": steps(diagram),
        "units": {
            unit.key: {
                "title": f"{_name(diagram.layers[unit.layer], unit.layer)}, number {unit.index + 1}",
                "forward": equations.forward(diagram, unit.layer, unit.index),
                "backward": equations.backward(diagram, unit.layer, unit.index),
                "weights": equations.weights(diagram, unit.layer, unit.index),
            }
            for unit in placed.units
        },
    }


def steps(diagram: Diagram) -> list[dict[str, Any]]:
    """Return the steps: each layer forward, the result, and each layer backward. Without a sample, there are none."""
    if diagram.result is None:
        return []
    last = len(diagram.layers) - 1
    found = [
        {"layer": number, "phase": "forward", "words": _forward_words(layer, number)}
        for number, layer in enumerate(diagram.layers)
    ]
    result = f"The {diagram.target} is {equations.number(diagram.result)}. Its gradient with respect to itself is 1."
    found.append({"layer": last, "phase": "result", "words": result})
    for number in range(last, -1, -1):
        words = _backward_words(diagram, number)
        found.append({"layer": number, "phase": "backward", "words": words})
    return found


def _forward_words(layer: Layer, number: int) -> str:
    if not number:
        return "Forward: the sample enters the network."
    if layer.weight is None:
        return f"Forward: {_name(layer, number)} returns an array of shape {layer.shape}."
    bias = " + b" if layer.bias is not None else ""
    words = f"Forward: {_name(layer, number)} computes z = x @ W{bias}, a weighted sum for each neuron."
    return words + "".join(f" {name} is applied to z." for name in layer.activations)


def _backward_words(diagram: Diagram, number: int) -> str:
    layer = diagram.layers[number]
    name = _name(layer, number)
    if layer.gradient is None:
        return f"Backward: the gradient passes through {name}, which is not drawn as neurons."
    after = diagram.layers[number + 1] if number + 1 < len(diagram.layers) else None
    words = f"Backward: {name} receives the gradient of the {diagram.target}."
    if after is not None and after.weight is not None:
        words = (
            f"Backward: {name} receives dz @ Wᵀ: each line carries back the gradient dz at its end times its weight."
        )
    if layer.activations:
        names = ", ".join(layer.activations)
        over_all = equations.OVER_ALL.intersection(layer.activations)
        words += (
            f" The derivative of {names} turns it into dz." if over_all else f" Times the slope of {names}, it is dz."
        )
    if layer.weight is not None:
        words += " The gradient of a weight is the value at its start times the dz at its end."
    return words


def _name(layer: Layer, number: int) -> str:
    return "the input" if not number else f"layer {number} ({layer.title})"


def _file(name: str) -> str:
    return files("nn.plots.neurons").joinpath("page", name).read_text(encoding="utf-8")


def _colours() -> str:
    """Return the themes as CSS variables: light, or dark by system setting or the page's button."""
    light, dark = (" ".join(f"--{name}: {value};" for name, value in theme.items()) for theme in THEMES.values())
    return (
        f":root {{ color-scheme: light; {light} }}\n"
        f"@media (prefers-color-scheme: dark) {{ :root {{ color-scheme: dark; {dark} }} }}\n"
        f":root[data-theme=light] {{ color-scheme: light; {light} }}\n"
        f":root[data-theme=dark] {{ color-scheme: dark; {dark} }}\n"
    )
