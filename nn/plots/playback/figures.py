"""Matplotlib figures of a recorded training, for GIF and MP4: the network, its decisions and its loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from nn.plots.boundary import Map, draw_map, draw_samples
from nn.plots.inputs import percent
from nn.plots.playback.measure import Film, Layer
from nn.plots.signs import NEGATIVE, POSITIVE, SIGNS
from nn.plots.style import COLOURS, INK, TRAINING, VALIDATION, blank, finish

FILL = 0.86
"""Size of a neuron's picture, as a fraction of the distance between neurons."""

FINE = 160
"""Points along each side of the decision boundary."""


def figures(film: Film, frames: Iterable[int]) -> Iterator[Figure]:
    """Yield a figure for each of the frames. It is the same figure, updated."""
    picture = blank(11.0, 5.4)
    panels = picture.add_gridspec(2, 2, width_ratios=[2, 1], height_ratios=[1.9, 1])
    network = picture.add_subplot(panels[:, 0])
    images = _draw_neurons(network, film)
    lines = [_draw_lines(network, film, number) for number in range(len(film.layers))]
    decisions = picture.add_subplot(panels[0, 1])
    cursor = _draw_loss(picture.add_subplot(panels[1, 1]), film)
    for frame in frames:
        for layer, row in zip(film.layers, images):
            for place, image in enumerate(row):
                _update_neuron(image, layer, layer.pictures[frame, place])
        for layer, drawn in zip(film.layers, lines):
            if drawn is not None and layer.weights is not None:
                _update_lines(drawn, layer.weights[frame])
        _draw_decisions(decisions, film, frame)
        cursor.set_xdata([film.epochs[frame]] * 2)
        finish(network, f"Epoch {film.epochs[frame]}", grid=False)
        yield picture
        picture.set_layout_engine("none")  # the layout of the first frame remains, which halves the time of the others


def _inputs(film: Film) -> int:
    """Return the number of inputs that are axes of the pictures."""
    return 0 if film.extent is None or film.samples is None else film.samples.shape[1]


def _places(film: Film, number: int) -> NDArray[np.float64]:
    """Return the heights of the neurons of a column, from the top; column -1 holds the inputs."""
    count = _inputs(film) if number < 0 else len(film.layers[number].column.shown)
    return np.linspace((count - 1) / 2, (1 - count) / 2, count)


def _width(film: Film) -> float:
    """Return the distance between columns, in multiples of the distance between neurons."""
    most = max(len(layer.column.shown) for layer in film.layers)
    first = 0 if film.layers[0].weights is None else -1
    return max(1.25 * most / max(len(film.layers) - 1 - first, 1), 1.6)


def _draw_neurons(axes: Axes, film: Film) -> list[list[Any]]:
    """Place the pictures of all neurons, and return them."""
    width, most = _width(film), max(len(layer.column.shown) for layer in film.layers)
    images: list[list[Any]] = []
    for number, layer in enumerate(film.layers):
        row: list[Any] = []
        for height in _places(film, number):
            inside = axes.inset_axes(
                (number * width - FILL / 2, height - FILL / 2, FILL, FILL), transform=axes.transData, zorder=3
            )
            inside.set(xticks=[], yticks=[], facecolor="white")
            inside.spines[:].set_color("#7b8696")
            if layer.kind == "means":
                values = layer.pictures[0, 0, 0]
                row.append(inside.bar(range(len(values)), values, color=[*COLOURS] if film.names else INK))
            elif layer.kind == "curve":
                row.append(_draw_curve(inside, layer.pictures[0, 0, 0]))
            else:
                row.append(inside.imshow(layer.pictures[0, 0], cmap=SIGNS, vmin=-1, vmax=1, aspect="auto"))
        images.append(row)
        count = len(layer.column.shown)
        of = "" if count == layer.column.neurons else f" of {layer.column.neurons}"
        label = f"{layer.column.title}\n{count}{of}"
        axes.text(number * width, most / 2 + 0.2, label, ha="center", va="bottom", fontsize=8, color=INK)
    left = -width if film.layers[0].weights is not None else 0
    for axis, height in enumerate(_places(film, -1) if left else []):
        ramp = np.linspace(-1, 1, 20)[None] if axis == 0 else np.linspace(1, -1, 20)[:, None]
        inside = axes.inset_axes((left - FILL / 2, height - FILL / 2, FILL, FILL), transform=axes.transData, zorder=3)
        if _inputs(film) == 1:
            _draw_curve(inside, ramp[0])
        else:
            inside.imshow(ramp, cmap=SIGNS, aspect="auto")
        inside.set(xticks=[], yticks=[], facecolor="white")
        inside.spines[:].set_color("#7b8696")
        name = "x" if _inputs(film) == 1 else f"x[{axis}]"
        axes.text(left - FILL / 2 - 0.1, height, name, ha="right", va="center", fontsize=8, color=INK)
    axes.set_xlim(left - (1.4 if left else 0.8), (len(film.layers) - 1) * width + 0.8)
    axes.set_ylim(-most / 2 - 0.1, most / 2 + 1.1)
    axes.axis("off")
    return images


def _draw_curve(axes: Axes, values: NDArray[Any]) -> Any:
    """Draw a curve of signed values, with 0 in the middle, and return its line."""
    axes.axhline(0, color="#7b8696", linewidth=0.5)
    (line,) = axes.plot(values, color=INK, linewidth=1.2)
    axes.set(xlim=(0, len(values) - 1), ylim=(-1.1, 1.1))
    return line


def _draw_lines(axes: Axes, film: Film, number: int) -> LineCollection | None:
    layer, width = film.layers[number], _width(film)
    if layer.weights is None:
        return None
    starts, ends = _places(film, number - 1), _places(film, number)
    sides = (number - 1) * width + FILL / 2, number * width - FILL / 2
    paths = [[(sides[0], start), (sides[1], end)] for start in starts for end in ends]
    lines = LineCollection(paths, zorder=1)
    axes.add_collection(lines)
    return lines


def _update_lines(lines: LineCollection, weights: NDArray[np.float32]) -> None:
    parts = weights.ravel() / max(np.abs(weights).max(), 1e-12)
    lines.set_linewidth(list(0.2 + 3 * np.abs(parts)))
    lines.set_color([(*to_rgb(NEGATIVE if part < 0 else POSITIVE), 0.15 + 0.75 * abs(part)) for part in parts.tolist()])


def _update_neuron(image: Any, layer: Layer, values: NDArray[np.float32]) -> None:
    largest = max(float(np.abs(values).max()), 1e-12)
    if layer.kind == "curve":
        image.set_ydata(values[0] / largest)
        return
    if layer.kind != "means":
        image.set_data(values / largest)
        return
    for bar, value in zip(image, values[0]):
        bar.set_height(value)
    image[0].axes.set_ylim(-1.05 * largest if values.min() < 0 else 0, 1.05 * largest)


def _draw_decisions(axes: Axes, film: Film, frame: int) -> None:
    axes.clear()
    if film.outputs is not None and film.samples is not None and film.extent is not None:
        outputs, points = film.outputs[frame], film.samples
        left, right, bottom, top = film.extent
        if points.shape[1] == 1:
            colours = [COLOURS[label % len(COLOURS)] for label in range(len(film.names))]
            heights = np.zeros(len(points)) if film.names else film.targets
            dots = [colours[target] for target in film.targets] if film.names else COLOURS[0]
            axes.scatter(points[:, 0], heights, s=10, color=dots, linewidth=0)
            for curve, colour in zip(outputs[:, 0], colours or [COLOURS[3]]):
                axes.plot(np.linspace(left, right, len(curve)), curve, color=colour, linewidth=2)
            axes.set(xlim=(left, right), ylim=(bottom, top))
        elif film.names:
            scores = _smooth(outputs)[:, ::-1].transpose(1, 2, 0)
            guess = 1 / len(film.names)
            certainty = (scores.max(axis=-1) - guess) / (1 - guess)
            draw_map(axes, Map(np.linspace(left, right, FINE), np.linspace(bottom, top, FINE), scores, certainty))
            draw_samples(axes, points, film.targets, film.names, scale=0.5)
        else:
            largest = max(float(np.abs(outputs).max()), 1e-12)
            scale: dict[str, Any] = {"cmap": SIGNS, "vmin": -largest, "vmax": largest}
            axes.imshow(outputs[0], extent=film.extent, aspect="auto", interpolation="bilinear", **scale)
            axes.scatter(points[:, 0], points[:, 1], s=8, c=film.targets, edgecolor="white", linewidth=0.3, **scale)
    elif film.samples is not None:
        rows = [np.concatenate(list(film.samples[start : start + 6]), axis=1) for start in range(0, 24, 6)]
        width = max(row.shape[1] for row in rows)
        padded = [np.pad(row, ((0, 0), (0, width - row.shape[1]))) for row in rows if row.size]
        axes.imshow(np.concatenate(padded), cmap="gray_r")
    title = f"{percent(float(film.right[frame]))} of the samples are right" if film.right is not None else "Output"
    finish(axes, title, grid=False)
    axes.set(xticks=[], yticks=[])


def _smooth(pictures: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return pictures `(…, side, side)` with `FINE` points along each side, interpolated linearly."""
    side = pictures.shape[-1]
    places = np.linspace(0, side - 1, FINE)[:, None]
    weights = np.maximum(0, 1 - np.abs(places - np.arange(side)))
    finer: NDArray[np.float64] = weights @ pictures @ weights.T
    return finer


def _draw_loss(axes: Axes, film: Film) -> Any:
    """Draw the curves of the loss, and return the line at the epoch that is shown."""
    for name, colour in (("loss", TRAINING), ("val_loss", VALIDATION)):
        if name in film.history:
            axes.plot(range(1, len(film.history[name]) + 1), film.history[name], color=colour, linewidth=1.6)
    finish(axes, "Loss", "epoch")
    return axes.axvline(film.epochs[0], color=INK, linewidth=1)
