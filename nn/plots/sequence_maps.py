"""Sequences: attention maps, and the gates of an LSTM over time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

import tensorgrad as tg
from nn._hints import PLOT
from nn.layers import LSTM
from nn.plots.inputs import checked_outputs
from nn.plots.signs import signed
from nn.plots.style import Picture, blank, checked_destination, colour_scale, finish, headline, saved
from tensorgrad.arguments import with_hints

GATES = ("input gate", "forget gate", "candidate", "output gate")


@with_hints(PLOT)
def attention_maps(
    weights: ArrayLike,
    *,
    queries: Sequence[str] | None = None,
    keys: Sequence[str] | None = None,
    path: str | Path | None = None,
) -> Picture:
    """Plot attention weights: a row for each query, a column for each key, a panel for each head.

    Args:
        weights: `(queries, keys)` or `(heads, queries, keys)`, from 0 to 1.
        queries, keys: the words; default: their positions. `keys` defaults to `queries`, if their number is equal.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        ValueError: the shape differs, weights are not between 0 and 1, the number of words differs, or the suffix is
            unknown.

    >>> import numpy as np
    >>> words = ["the", "cat", "sat"]
    >>> picture = attention_maps(np.full((2, 3, 3), 1 / 3), queries=words)
    >>> [label.get_text() for label in picture.axes[0].get_xticklabels()]
    ['the', 'cat', 'sat']
    """
    asker = "attention_maps"
    destination = checked_destination(asker, path)
    maps = np.asarray(weights, float)
    maps = maps[None] if maps.ndim == 2 else maps
    if maps.ndim != 3 or not maps.size:
        raise ValueError(f"{asker}: weights must be (queries, keys) or (heads, queries, keys), got {maps.shape}.")
    if not (np.isfinite(maps).all() and maps.min() >= 0 and maps.max() <= 1 + 1e-6):
        raise ValueError(f"{asker}: weights must be between 0 and 1, got {maps.min():.3g} to {maps.max():.3g}.")
    heads, rows, columns = maps.shape
    if keys is None and queries is not None and rows == columns:
        keys = queries
    labels = [_words(asker, queries, rows, "queries"), _words(asker, keys, columns, "keys")]

    across = min(heads, 4)
    down = -(-heads // across)
    size = 1.6 + 0.22 * max(rows, columns, 6)
    picture = blank(size * across + 0.6, size * down + 0.4)
    headline(picture, "Attention: each row is a query, and its weights sum to 1")
    image = None
    for head in range(heads):
        axes = picture.add_subplot(down, across, head + 1)
        image = axes.imshow(maps[head], cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
        finish(axes, f"head {head}" if heads > 1 else "", grid=False)
        axes.set_xticks(range(columns), labels[1], rotation=90, fontsize=8, parse_math=False)
        axes.set_yticks(range(rows), labels[0], fontsize=8, parse_math=False)
    if image is not None:
        colour_scale(picture, image, picture.axes[:heads], shrink=0.6, aspect=30)
    return saved(picture, destination)


@with_hints(PLOT)
def gates(layer: LSTM, x: ArrayLike, *, steps: Sequence[str] | None = None, path: str | Path | None = None) -> Picture:
    """Plot the gates, the cell and the output of an LSTM over time, for one sequence.

    Input, forget and output gate are between 0 (closed) and 1 (open); the candidate and the output between -1 and 1.
    A cell keeps its value where the forget gate is near 1 and the input gate near 0.

    Args:
        layer: an `nn.LSTM`; of stacked layers, the first is shown.
        x: one sequence, `(time, inputs)`.
        steps: a name for each step, such as the letters of a text.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        TypeError: the layer is not an `nn.LSTM`.
        ValueError: x does not fit the layer, the number of names differs, or the suffix is unknown.

    >>> import numpy as np, nn
    >>> picture = gates(nn.LSTM(3, 5, rng=0), np.random.default_rng(0).normal(size=(12, 3)))
    >>> [axes.get_ylabel() for axes in picture.axes[:6]]
    ['input gate', 'forget gate', 'candidate', 'output gate', 'cell', 'output']
    """
    asker = "gates"
    destination = checked_destination(asker, path)
    if not isinstance(layer, LSTM):
        raise TypeError(f"{asker}: expected an nn.LSTM, got {type(layer).__name__}.")
    sequence = np.asarray(x, layer.weight.dtype)
    if sequence.ndim != 2 or sequence.shape[1] != layer.inputs or not len(sequence):
        raise ValueError(f"{asker}: x must be (time, {layer.inputs}), got shape {sequence.shape}.")
    names = None if steps is None else _words(asker, steps, len(sequence), "steps")
    values = lstm_values(layer, sequence)
    picture = blank(min(2.0 + 0.24 * len(sequence), 14.0), 1.0 + 1.15 * len(values))
    headline(picture, f"LSTM over time: {layer.units} units")
    panels = picture.subplots(len(values), 1, sharex=True)
    for axes, (name, rows) in zip(panels, values.items()):
        if name.endswith("gate"):
            image = axes.imshow(rows.T, cmap="Greys", vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        else:
            limit = None if name == "cell" else 1.0
            image = signed(axes, checked_outputs(asker, rows.T), largest=limit)
        colour_scale(picture, image, axes, pad=0.01, aspect=8)
        finish(axes, y=name, grid=False)
        axes.set_yticks([])
    panels[-1].set_xlabel("step")
    if names is not None:
        panels[-1].set_xticks(range(len(names)), names, parse_math=False)
    return saved(picture, destination)


def lstm_values(layer: LSTM, sequence: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return gates, cell and output for each step, `(time, units)`, by name; see `nn.functional.lstm`."""
    weight, recurrent = layer.weight.data, layer.recurrent_weight.data
    bias = 0 if layer.bias is None else layer.bias.data
    hidden = cell = np.zeros(layer.units, weight.dtype)
    found: dict[str, list[NDArray[Any]]] = {name: [] for name in (*GATES, "cell", "output")}
    for x in sequence[::-1] if layer.reverse else sequence:
        blocks = np.split(x @ weight + hidden @ recurrent + bias, 4)
        i, f, g, o = (np.tanh(z) if name == "candidate" else tg.sigmoid(z).data for name, z in zip(GATES, blocks))
        cell = f * cell + i * g
        hidden = o * np.tanh(cell)
        for name, value in zip(found, (i, f, g, o, cell, hidden)):
            found[name].append(value)
    order = slice(None, None, -1 if layer.reverse else 1)
    return {name: np.stack(values)[order] for name, values in found.items()}


def _words(asker: str, words: Sequence[str] | None, count: int, what: str) -> list[str]:
    if words is None:
        return [str(position) for position in range(count)]
    if len(words) != count:
        raise ValueError(f"{asker}: expected {count} {what}, got {len(words)}.")
    return [str(word) for word in words]
