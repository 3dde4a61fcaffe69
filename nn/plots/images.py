"""Images in a grid, and boxes on an image."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray

from nn._hints import PLOT
from nn._validation import whole_number
from nn.plots.inputs import checked_outputs
from nn.plots.signs import signed
from nn.plots.style import COLOURS, GRID, INK, Picture, blank, checked_destination, finish, headline, saved
from tensorgrad.arguments import with_hints

MOST_IMAGES = 100

LETTERS = 14
"""Maximum number of characters in a line of an image's title. Longer titles are wrapped."""
TITLE_LINE = 0.17
"""Height of a line of a title, in inches."""

TOO_LIGHT = 0.5
"""Luminance above which white text on a colour is hard to read."""


@with_hints(PLOT)
def image_grid(
    images: ArrayLike,
    *,
    titles: Sequence[object] | None = None,
    columns: int = 8,
    signs: bool = False,
    title: str = "",
    path: str | Path | None = None,
) -> Picture:
    """Plot images in a grid.

    Args:
        images: `(images, height, width)`, or with a last axis of 1, 3 or 4 channels: integers from 0 to 255, or numbers
            of any scale, whose lowest is black and whose highest is white. At most 100 are shown.
        titles: a title for each image.
        columns: the number of images in a row.
        signs: whether the numbers have signs that matter, as weights have: blue is negative, white 0, orange positive.
            Each image has its own scale.
        title: the title of the figure.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        ValueError: the shape differs, numbers are not finite, the number of titles differs, or the suffix is unknown.

    >>> import numpy as np
    >>> picture = image_grid(np.random.default_rng(0).random((3, 8, 8)), titles=["a", "b", "c"])
    >>> len(picture.axes)
    3
    """
    asker = "image_grid"
    destination = checked_destination(asker, path)
    shown = _checked_images(asker, images)
    if titles is not None and len(titles) != len(shown):
        raise ValueError(f"{asker}: there are {len(shown)} images, but {len(titles)} titles.")
    shown = shown[:MOST_IMAGES]
    across = min(whole_number(f"{asker}: columns", columns, lowest=1), len(shown))
    rows = -(-len(shown) // across)
    words = [_in_lines(str(each)) for each in (() if titles is None else titles)]
    lines = 1 + max((each.count("\n") for each in words), default=-1)
    height = 1.25 * shown.shape[1] / shown.shape[2] + (0.13 + TITLE_LINE * lines if lines else 0.0)
    picture = blank(max(1.25 * across, 2.5), max(height * rows + 0.4 * bool(title), 1.0))
    if title:
        headline(picture, title)
    for position, image in enumerate(shown):
        axes = picture.add_subplot(rows, across, position + 1)
        draw_image(axes, image, signs=signs)
        if words:
            axes.set_title(words[position], fontsize=9, color=INK, parse_math=False)
    return saved(picture, destination)


@with_hints(PLOT)
def detection_boxes(
    image: ArrayLike,
    boxes: ArrayLike,
    *,
    labels: Sequence[Any] | None = None,
    scores: ArrayLike | None = None,
    title: str = "",
    path: str | Path | None = None,
) -> Picture:
    """Plot boxes on an image, with a colour for each label.

    Args:
        image: `(height, width)` or `(height, width, channels)`.
        boxes: `(boxes, 4)`: left, top, right, bottom, in pixels.
        labels: the label of each box.
        scores: the confidence of each box, from 0 to 1.
        title: the title of the figure.
        path: where to save the figure (`.png`, `.svg` or `.pdf`); default: not saved.

    Raises:
        ValueError: a shape differs, numbers are not finite, or the suffix is unknown.

    >>> import numpy as np
    >>> picture = detection_boxes(np.zeros((20, 30)), [[2, 3, 12, 15]], labels=["cat"], scores=[0.9])
    >>> [text.get_text() for text in picture.axes[0].texts]
    ['cat 90 %']
    """
    asker = "detection_boxes"
    destination = checked_destination(asker, path)
    shown = _checked_images(asker, np.asarray(image)[None])[0]
    corners = checked_outputs(asker, np.asarray(boxes, float).reshape(-1, 4))
    for name, values in (("labels", labels), ("scores", scores)):
        if values is not None and len(np.atleast_1d(np.asarray(values, object))) != len(corners):
            raise ValueError(f"{asker}: there are {len(corners)} boxes, but {np.size(values)} {name}.")
    kinds = list(dict.fromkeys(map(str, labels))) if labels is not None else [""]
    picture = blank(6.0, 6.0 * shown.shape[0] / shown.shape[1] + 0.4)
    axes = picture.subplots()
    draw_image(axes, shown)
    for number, (left, top, right, bottom) in enumerate(corners):
        label = str(labels[number]) if labels is not None else ""
        colour = COLOURS[kinds.index(label) % len(COLOURS)]
        axes.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=colour, linewidth=2))
        text = f"{label} {100 * float(np.asarray(scores)[number]):.0f} %".strip() if scores is not None else label
        if text:
            back = {"facecolor": colour, "edgecolor": "none", "pad": 1.5}
            above = "bottom" if top > 0.06 * shown.shape[0] else "top"  # inside, if there is no space above
            ink = INK if np.dot(to_rgb(colour), (0.299, 0.587, 0.114)) > TOO_LIGHT else "white"
            axes.text(left, top, text, color=ink, fontsize=8, va=above, bbox=back, parse_math=False, clip_on=True)
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold", color=INK, parse_math=False)
    return saved(picture, destination)


def draw_image(axes: Axes, image: NDArray[Any], *, signs: bool = False) -> None:
    """Draw one image without ticks."""
    flat = image[..., 0] if image.ndim == 3 and image.shape[-1] == 1 else image
    if signs:
        signed(axes, flat.astype(float), aspect="equal")
    elif flat.ndim == 2 or flat.dtype == np.uint8:
        axes.imshow(flat, cmap="gray", interpolation="nearest")
    else:
        values = flat.astype(float)
        low, high = values.min(), values.max()
        axes.imshow((values - low) / ((high - low) or 1.0), interpolation="nearest")
    finish(axes, grid=False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=signs, color=GRID)  # 0 is drawn in white, like the background


def _in_lines(title: str) -> str:
    """Return a title with further breaks in lines that are too long."""
    return "\n".join(textwrap.fill(line, LETTERS) for line in title.splitlines())


def _checked_images(asker: str, images: ArrayLike) -> NDArray[Any]:
    found = np.asarray(images)
    if found.ndim not in (3, 4) or not found.size or (found.ndim == 4 and found.shape[-1] not in (1, 3, 4)):
        raise ValueError(
            f"{asker}: images must be (images, height, width) or have 1, 3 or 4 channels as the last axis, got shape "
            f"{found.shape}."
        )
    if found.dtype.kind not in "fiub":
        raise TypeError(f"{asker}: images must hold real numbers, got dtype {found.dtype}.")
    if not np.isfinite(found).all():
        raise ValueError(f"{asker}: images hold NaN or infinity.")
    return found
