"""Animations over numbers: a convolution, and a matrix product row by row."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import whole_number
from nn.plots.animation import Animation
from nn.plots.signs import signed
from nn.plots.style import INK, QUIET, Picture
from tensorgrad.arguments import with_hints

MOST = 12
"""Rows and columns of a matrix whose numbers can be read."""

MOST_LINES = 3
"""Maximum number of lines of a caption below the matrices. Longer sums are shortened."""
LETTERS_PER_INCH = 13
"""Number of characters of a caption that fit into an inch."""
CELL = 0.5
"""Width and height of an element of a matrix, in inches."""
FITTING = 6
"""Number of characters that fit into an element at the full font size."""

HERE = "#009e73"


class Panel(NamedTuple):
    """Matrix, a frame around some of its elements (row, column, height, width), and the value of full colour."""

    title: str
    values: NDArray[np.float64]
    frame: tuple[int, int, int, int] | None = None
    largest: float | None = None


@with_hints(PLOT)
def convolution_steps(image: ArrayLike, kernel: ArrayLike, *, stride: int = 1, seconds: float = 0.8) -> Animation:
    """Animate a convolution over numbers: the kernel moves over the image, and each position gives one number.

    As in `nn.Conv2D`, the kernel is not flipped: the result is a cross-correlation.

    Args:
        image: `(height, width)`, at most 12 × 12.
        kernel: `(height, width)`, not larger than the image.
        stride: the step of the kernel.
        seconds: the duration of a frame.

    Raises:
        ValueError: a shape differs, numbers are not finite, or `stride` is below 1.

    >>> import numpy as np
    >>> animation = convolution_steps(np.eye(4), [[1, 0], [0, 1]])
    >>> animation, animation.captions[0]
    (<Animation: 9 frames>, 'row 0, column 0: 1 · 1 + 0 · 0 + 0 · 0 + 1 · 1 = 2')
    """
    asker = "convolution_steps"
    x, w = _checked(asker, "image", image), _checked(asker, "kernel", kernel)
    step = whole_number(f"{asker}: stride", stride, lowest=1)
    if w.shape[0] > x.shape[0] or w.shape[1] > x.shape[1]:
        raise ValueError(f"{asker}: the kernel {w.shape} is larger than the image {x.shape}.")
    windows = np.lib.stride_tricks.sliding_window_view(x, w.shape)[::step, ::step]
    result = np.einsum("ijkl,kl->ij", windows, w)
    captions = [
        f"row {row}, column {column}: {_sum_of_products(windows[row, column], w, float(result[row, column]))}"
        for row, column in np.ndindex(*result.shape)
    ]

    def figures() -> Iterator[Picture]:
        picture, axes, lines = _board([x, w, result], captions)
        largest = float(np.abs(result).max())
        for (row, column), caption in zip(np.ndindex(*result.shape), lines):
            shown = _first(result, row * result.shape[1] + column + 1)
            window = (row * step, column * step, *w.shape)
            panels = [
                Panel("Image", x, window),
                Panel("Kernel", w),
                Panel("Result", shown, (row, column, 1, 1), largest),
            ]
            _draw(axes, panels, caption)
            yield picture

    return Animation(figures(), captions=captions, seconds=seconds, title="Convolution over numbers")


@with_hints(PLOT)
def matmul_steps(a: ArrayLike, b: ArrayLike, *, seconds: float = 0.8) -> Animation:
    """Animate a matrix product: a row of the first matrix meets a column of the second, and gives one number.

    Args:
        a: `(rows, n)`, at most 12 × 12.
        b: `(n, columns)`, at most 12 × 12.
        seconds: the duration of a frame.

    Raises:
        ValueError: a shape differs, or numbers are not finite.

    >>> animation = matmul_steps([[1, 2], [3, 4]], [[5, 6], [7, 8]])
    >>> animation.captions[1]
    'row 0, column 1: 1 · 6 + 2 · 8 = 22'
    """
    asker = "matmul_steps"
    first, second = _checked(asker, "a", a), _checked(asker, "b", b)
    if first.shape[1] != second.shape[0]:
        raise ValueError(f"{asker}: a has {first.shape[1]} columns, but b has {second.shape[0]} rows.")
    result = first @ second
    captions = [
        f"row {row}, column {column}: {_sum_of_products(first[row], second[:, column], float(result[row, column]))}"
        for row, column in np.ndindex(*result.shape)
    ]

    def figures() -> Iterator[Picture]:
        picture, axes, lines = _board([first, second, result], captions)
        largest = float(np.abs(result).max())
        for (row, column), caption in zip(np.ndindex(*result.shape), lines):
            shown = _first(result, row * result.shape[1] + column + 1)
            panels = [
                Panel("a", first, (row, 0, 1, first.shape[1])),
                Panel("b", second, (0, column, second.shape[0], 1)),
                Panel("a @ b", shown, (row, column, 1, 1), largest),
            ]
            _draw(axes, panels, caption)
            yield picture

    return Animation(figures(), captions=captions, seconds=seconds, title="Matrix product, row by row")


def _checked(asker: str, name: str, values: ArrayLike) -> NDArray[np.float64]:
    found = np.asarray(values, float)
    if found.ndim != 2 or not found.size or max(found.shape) > MOST:
        raise ValueError(f"{asker}: {name} must be a matrix of at most {MOST} × {MOST}, got shape {found.shape}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{asker}: {name} holds NaN or infinity.")
    return found


def _board(matrices: Sequence[NDArray[np.float64]], captions: Sequence[str]) -> tuple[Picture, Axes, list[str]]:
    """Return a figure and axes for matrices side by side, with elements of equal size, and the wrapped captions."""
    width = sum(each.shape[1] for each in matrices) + 1.2 * (len(matrices) - 1)
    height = max(each.shape[0] for each in matrices) + 0.8
    across = CELL * width + 0.4
    lines = [_wrapped(caption, int(LETTERS_PER_INCH * across)) for caption in captions]
    below = 0.18 + 0.17 * (1 + max(each.count("\n") for each in lines))
    up = CELL * height + 0.25 + below
    picture = Picture(figsize=(across, up), facecolor="white")
    axes = picture.add_axes((0.01, below / up, 0.98, 0.99 - below / up))
    axes.set(xlim=(-0.2, width + 0.2), ylim=(height, -0.1), aspect="equal")
    axes.axis("off")
    return picture, axes, lines


def _wrapped(caption: str, letters: int) -> str:
    """Return a caption wrapped to lines of at most `letters` characters, without breaks inside products.

    Terms of long sums are left out.
    """
    if len(caption) > (MOST_LINES - 0.5) * letters:
        terms, total = caption.rsplit(" = ", 1)
        terms = terms[: int((MOST_LINES - 0.5) * letters) - len(total)].rsplit(" + ", 1)[0]
        caption = f"{terms} + … = {total}"
    return textwrap.fill(caption.replace(" · ", "\u00a0·\u00a0"), letters)


def _draw(axes: Axes, panels: Sequence[Panel], caption: str) -> None:
    """Draw the matrices with their numbers, a frame around some elements of each, and the caption below."""
    for each in (*axes.images, *axes.texts, *axes.patches):
        each.remove()
    left, most = 0.0, max(panel.values.shape[0] for panel in panels)
    longest = max(len(_short(value)) for panel in panels for value in panel.values.flat)
    size = 9 * min(1.0, FITTING / longest)
    for title, values, frame, largest in panels:
        rows, columns = values.shape
        top = 0.7 + (most - rows) / 2
        extent = (left, left + columns, top + rows, top)
        limit = signed(axes, values, largest=largest, aspect="equal", alpha=0.75, extent=extent).get_clim()[1] or 1.0
        axes.add_patch(Rectangle((left, top), columns, rows, fill=False, edgecolor=QUIET, linewidth=1))
        axes.text(left, top - 0.15, title, va="bottom", fontsize=11, fontweight="bold", color=INK)
        for (row, column), value in np.ndenumerate(values):
            if np.isfinite(value):
                colour = "white" if abs(value) > 0.75 * limit else INK
                place = left + column + 0.5, top + row + 0.5
                axes.text(*place, _short(value), ha="center", va="center", fontsize=size, color=colour)
        if frame is not None:
            row, column, height, width = frame
            axes.add_patch(
                Rectangle((left + column, top + row), width, height, fill=False, edgecolor=HERE, linewidth=3)
            )
        left += columns + 1.2
    axes.set_xlim(-0.2, left - 1.0)
    axes.text(0.5, -0.02, caption, transform=axes.transAxes, ha="center", va="top", fontsize=9, color=INK)


def _first(values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the first elements of a matrix; the others are NaN."""
    return np.where(np.arange(values.size).reshape(values.shape) < count, values, np.nan)


def _sum_of_products(first: NDArray[np.float64], second: NDArray[np.float64], total: float) -> str:
    parts = (f"{_factor(a)} · {_factor(b)}" for a, b in zip(first.ravel(), second.ravel()))
    return f"{' + '.join(parts)} = {_short(total)}"


def _factor(value: float) -> str:
    return f"({_short(value)})" if value < 0 else _short(value)


def _short(value: float) -> str:
    value += 0.0  # -0 becomes 0
    return (f"{value:.0f}" if 1000 <= abs(value) < 99_999.5 else f"{value:.3g}").replace("-", "−")
