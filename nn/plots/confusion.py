"""Confusion matrix."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike, NDArray

from nn._hints import CONFUSION_MATRIX
from nn.plots.inputs import checked_names, checked_pair, percent
from nn.plots.style import COLOURS, GRID, INK, QUIET, Picture, blank, checked_destination, finish, headline, saved
from tensorgrad.arguments import with_hints

SHARES_UP_TO = 14
NUMBERS_UP_TO = 40
"""Maximum numbers of classes for which fractions and counts, respectively, are shown."""

MOST_CLASSES = 1_000

DARK = 0.55
"""Fraction above which white text is easier to read."""


@with_hints(CONFUSION_MATRIX)
def confusion_matrix(
    targets: ArrayLike,
    predictions: ArrayLike,
    names: Sequence[str] | None = None,
    *,
    path: str | Path | None = None,
) -> Picture:
    """Plot a confusion matrix: a row for each true class, a column for each predicted class.

    Each cell shows the count and, below it, the fraction of its row. Cells on the diagonal are correct.

    Args:
        targets: the true classes: numbers `(samples,)` or `(samples, 1)`, or one-hot rows `(samples, classes)`.
        predictions: class numbers, or a score for each class, `(samples, classes)`, such as `model.predict(X)`.
        names: the names of the classes; default: their numbers.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Returns:
        A matplotlib `Figure`; with more than 14 classes, fractions are omitted.

    Raises:
        TypeError: targets or predictions are not numbers.
        ValueError: targets or predictions are not classes, exceed 1,000 classes or differ in length, there are too few
            names, or the suffix is unknown.

    >>> import nn
    >>> picture = nn.plots.confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], names=["cat", "dog"])
    >>> picture.get_suptitle()
    'Confusion matrix: 75 % of 4 samples are right'
    """
    destination = checked_destination("confusion_matrix", path)
    given, wanted = checked_pair("confusion_matrix", predictions, targets, names=("predictions", "targets"))
    truths, choices = _classes("targets", wanted), _classes("predictions", given)
    classes = max([truths.max() + 1, choices.max() + 1, *_columns(wanted), *_columns(given), len(names or ())])
    if classes > MOST_CLASSES:
        raise ValueError(f"confusion_matrix: {classes:,} classes are more than can be drawn. Are these class numbers?")
    labels = checked_names("confusion_matrix", names, classes)
    counts = np.zeros((classes, classes), np.int64)
    np.add.at(counts, (truths, choices), 1)

    side = float(np.clip(0.62 * classes, 3.2, 11.0))
    room = 0.9 + 0.08 * max(map(len, labels))
    picture = blank(max(side + room, 5.0), side + 0.75 * room + 0.4)
    headline(picture, _title(counts))
    axes = picture.subplots()
    _draw(axes, counts, labels)
    finish(axes, "", "predicted class", "true class", grid=False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    return saved(picture, destination)


def _columns(array: NDArray[Any]) -> list[int]:
    """Return the number of classes of one-hot or score rows; empty for class numbers."""
    return [array.shape[1]] if _are_rows(array) else []


def _are_rows(array: NDArray[Any]) -> bool:
    return array.ndim == 2 and array.shape[1] > 1


def _classes(what: str, array: NDArray[Any]) -> NDArray[np.intp]:
    if _are_rows(array):
        array = array.argmax(axis=1)
    if array.shape not in ((len(array),), (len(array), 1)):
        raise ValueError(
            f"confusion_matrix: {what} must be class numbers (samples,) or rows (samples, classes), got shape "
            f"{array.shape}."
        )
    numbers = array.ravel()
    classes: NDArray[np.intp] = numbers.astype(np.intp)
    wrong = (classes != numbers) | (classes < 0)
    if wrong.any():
        raise ValueError(
            f"confusion_matrix: {what} must be class numbers 0, 1, …, got {numbers[wrong][0]}. Make some of "
            "probabilities: (predictions > 0.5).astype(int)."
        )
    return classes


def _draw(axes: Axes, counts: NDArray[np.int64], names: Sequence[str]) -> None:
    classes = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap=LinearSegmentedColormap.from_list("shares", ["white", COLOURS[0]]), vmin=0, vmax=1)
    slanted: dict[str, Any] = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(classes), names, parse_math=False, **(slanted if max(map(len, names)) > 3 else {}))
    axes.set_yticks(range(classes), names, parse_math=False)
    for line in np.arange(classes + 1) - 0.5:
        axes.axhline(line, color=GRID, linewidth=0.7)
        axes.axvline(line, color=GRID, linewidth=0.7)
    if classes > NUMBERS_UP_TO:
        return
    size = 9 if classes <= SHARES_UP_TO else 7
    for (row, column), count in np.ndenumerate(counts):
        share = shares[row, column]
        text = f"{count:,}" if not count or classes > SHARES_UP_TO else f"{count:,}\n{percent(share)}"
        colour = "white" if share > DARK else INK if count else QUIET
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)


def _title(counts: NDArray[np.int64]) -> str:
    samples = counts.sum()
    return f"Confusion matrix: {percent(np.trace(counts) / samples)} of {samples:,} samples are right"
