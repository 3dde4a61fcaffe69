"""Heatmaps of signed numbers: blue is negative, orange positive, white 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.image import AxesImage
from numpy.typing import NDArray

NEGATIVE, POSITIVE = "#0072b2", "#d55e00"
SIGNS = LinearSegmentedColormap.from_list("signs", [NEGATIVE, "white", POSITIVE])


def signed(axes: Axes, values: NDArray[Any], *, largest: float | None = None, **options: Any) -> AxesImage:
    """Draw a heatmap whose colours are symmetric about 0.

    Args:
        axes: where to draw.
        values: `(rows, columns)`; NaN remains empty.
        largest: the value of the strongest colours; default: the largest absolute value.
        options: for `imshow`.
    """
    if largest is None:
        largest = float(np.nanmax(np.abs(values), initial=0.0))
    limit = largest or 1.0
    options = {"aspect": "auto", "interpolation": "nearest"} | options
    return axes.imshow(values, cmap=SIGNS, vmin=-limit, vmax=limit, **options)
