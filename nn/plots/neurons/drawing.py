"""Entry point `network`: draw a network as neurons and weights."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any, get_args

from numpy.typing import ArrayLike

from nn._hints import PLOT
from nn.module import Module
from nn.plots.neurons.diagram import Diagram, Loss, diagram
from nn.plots.neurons.layout import Placed, place
from nn.plots.neurons.page import page
from nn.plots.neurons.raster import figure
from nn.plots.neurons.svg import ThemeName, description, svg
from nn.plots.style import checked_path, saved
from tensorgrad.arguments import with_hints

SUFFIXES = (".svg", ".html", ".png", ".pdf")


class NetworkDrawing:
    """Picture of a network as neurons and weights. Notebooks display its interactive page.

    Args:
        diagram: the layers, with the values and gradients of one sample.
        theme: `"light"` or `"dark"`, for the picture.
    """

    def __init__(self, diagram: Diagram, *, theme: ThemeName = "light") -> None:
        self.diagram = diagram
        self.theme: ThemeName = theme

    @cached_property
    def placed(self) -> Placed:
        """Return the positions of neurons and lines."""
        return place(self.diagram)

    @property
    def svg(self) -> str:
        """Return the picture as an SVG element, with all values and gradients."""
        return svg(self.diagram, self.placed, self.theme)

    @property
    def html(self) -> str:
        """Return the interactive page as a single file that loads no other resources."""
        return page(self.diagram, self.placed)

    def save(self, path: str | Path) -> None:
        """Write the picture (.svg, .png, .pdf) or the interactive page (.html) to a file.

        Raises:
            ValueError: the suffix is none of these.
            FileNotFoundError: the folder does not exist.
        """
        path = checked_path("network", path, SUFFIXES)
        suffix = path.suffix.lower()
        if suffix in (".png", ".pdf"):
            saved(figure(self.svg), path)
        else:
            path.write_text(self.svg if suffix == ".svg" else self.html, encoding="utf-8", newline="\n")

    def _repr_mimebundle_(
        self, include: Collection[str] | None = None, exclude: Collection[str] | None = None
    ) -> dict[str, Any]:
        frame = (
            f'<iframe srcdoc="{escape(self.html)}" title="{escape(description(self.diagram))}" '
            'style="width:100%;height:600px;border:0" loading="lazy"></iframe>'
        )
        return {"text/html": frame, "text/plain": repr(self)}

    def __repr__(self) -> str:
        return f"<NetworkDrawing: {description(self.diagram)}>"


@with_hints(PLOT)
def network(
    model: Any, x: ArrayLike | None = None, y: Any = None, *, loss: Loss | None = None, theme: ThemeName = "light"
) -> NetworkDrawing:
    """Draw a network as neurons and weights, with the values and gradients of one sample.

    Each circle is a neuron and each line a weight: orange if it is positive, blue if it is negative, and wide if it is
    large. With a sample, each circle shows the neuron's value after the activation and the gradient with respect to
    that value. The interactive page steps through the forward and the backward pass and shows how each neuron is
    computed.

    Layers are drawn in the order of their calls. Of a layer of more than 12 neurons, the first and the last are drawn.
    A layer other than `Dense` is drawn as one box. Shortcuts around layers are not drawn; `tg.draw` shows them.

    Args:
        model: an `nn.Module`, or an `nn.Model`.
        x: one sample, or several, of which the first is shown. Default: the weights alone.
        y: the target of the sample, or the targets of the samples. The gradients are then those of the loss. Without
            a target, they are those of the sum of the outputs.
        loss: the loss function. Default: that of the `nn.Model`.
        theme: `"light"` or `"dark"`, for the picture. The page follows the reader's system.

    Returns:
        A drawing with `svg`, `html` and `save(path)`, for `.svg`, `.png`, `.pdf` and `.html`.

    Raises:
        TypeError: `model` is neither a module nor a model, or `x` does not hold numbers.
        ValueError: `x` does not fit, no input is known that the network accepts, `y` is given without a loss, or the
            theme is unknown.

    >>> import numpy as np, nn
    >>> network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Tanh(), nn.Dense(3, 1, rng=1))
    >>> nn.plots.network(network, x=np.ones((1, 2)))
    <NetworkDrawing: Sequential as neurons and weights: 2-3-1, 13 parameters>
    """
    module = model if isinstance(model, Module) else getattr(model, "network", None)
    if not isinstance(module, Module):
        raise TypeError(f"network: expected an nn.Module or an nn.Model, got {type(model).__name__}.")
    if theme not in get_args(ThemeName):
        raise ValueError(f"network: expected theme to be one of 'light', 'dark', got {theme!r}.")
    if loss is None and not isinstance(model, Module):
        loss = getattr(model, "loss", None)
    if y is not None and (loss is None or x is None):
        missing = "x" if x is None else "loss, such as loss=nn.MeanSquaredError()"
        raise ValueError(f"network: the target y needs {missing}.")
    return NetworkDrawing(diagram(module, x, y, loss), theme=theme)
