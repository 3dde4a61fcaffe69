"""Summaries of arrays: a few numbers, a histogram, a heatmap."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tensorgrad.viz.recording import Detail, Summary
from tensorgrad.viz.recording.labels import row_length

FEW = 16
"""Arrays of at most this many elements are recorded number by number."""

BINS = 24
"""Bars of a histogram."""

SIDE = 64
"""The most rows, and the most columns, of a heatmap."""

CELLS = 400_000
"""The most cells of all heatmaps of a recording together, which take half a megabyte of JSON."""


def side_for(heatmaps: int) -> int:
    """Return the largest number of rows and columns of a heatmap, given the number of heatmaps; 0 if there are too
    many.

    >>> side_for(10), side_for(1000), side_for(100_000)
    (64, 20, 0)
    """
    side = math.isqrt(CELLS // max(heatmaps, 1))
    return min(side, SIDE) if side >= 4 else 0


def summary(value: Any, side: int = 0) -> Summary:
    """Return the `Summary` of an array or a number. That of many elements has a heatmap of at most `side` × `side`.

    >>> summary([3.0, -1.0]).mean
    1.0
    """
    array = np.asarray(value)
    if array.size == 0:
        return Summary((), math.nan, math.nan, math.nan, math.nan, math.nan, nans=0)
    if array.size <= FEW:
        return _of_few(tuple(array.ravel().tolist()), keep_booleans=array.dtype == bool)
    with np.errstate(all="ignore"):
        return _of_many(np.asarray(array, np.float64), side)


def _of_few(numbers: tuple[Any, ...], keep_booleans: bool) -> Summary:
    """Summarize a few numbers without NumPy, which is five times slower for one; a graph may have ten thousand."""
    floats = tuple(map(float, numbers))
    mean = sum(floats) / len(floats)
    deviations = [each - mean for each in floats]
    nans = sum(map(math.isnan, floats))
    return Summary(
        numbers=numbers if keep_booleans else floats,
        mean=mean,
        std=math.sqrt(sum(each * each for each in deviations) / len(floats)),
        min=math.nan if nans else min(floats),
        max=math.nan if nans else max(floats),
        zeros=floats.count(0.0) / len(floats),
        nans=nans,
    )


def _of_many(array: NDArray[np.float64], side: int) -> Summary:
    row = array.ravel()
    mean = float(np.add.reduce(row)) / row.size
    deviations = row - mean
    return Summary(
        numbers=(),
        mean=mean,
        std=math.sqrt(float(deviations @ deviations) / row.size),
        min=float(np.minimum.reduce(row)),
        max=float(np.maximum.reduce(row)),
        zeros=(row.size - int(np.count_nonzero(row))) / row.size,
        nans=int(np.count_nonzero(np.isnan(row))) if math.isnan(mean) else 0,
        detail=_detail(array, side) if side else None,
    )


def _detail(array: NDArray[np.float64], side: int) -> Detail:
    rows = array.reshape(-1, row_length(array.shape))
    tile = (-(-rows.shape[0] // side), -(-rows.shape[1] // side))
    cells = _block_means(rows, tile)
    low, high = _range(cells)
    smallest, largest = _range(array)
    return Detail(
        histogram=_histogram(array, smallest, largest),
        rows=cells.shape[0],
        columns=cells.shape[1],
        tile=tile,
        levels=_levels(cells, low, high),
        low=low,
        high=high,
        smallest=smallest,
        largest=largest,
    )


def _block_means(rows: NDArray[np.float64], tile: tuple[int, int]) -> NDArray[np.float64]:
    """Return the means of blocks of `tile` elements. Blocks at the upper ends may be smaller."""
    sums, counts = rows, np.ones((), np.float64)
    for axis, step in enumerate(tile):
        starts = np.arange(0, rows.shape[axis], step)
        sums = np.add.reduceat(sums, starts, axis=axis)
        lengths = np.diff(starts, append=rows.shape[axis])
        counts = counts * np.expand_dims(lengths, 1 - axis)
    return np.asarray(sums / counts)


def _range(array: NDArray[np.float64]) -> tuple[float, float]:
    """Return the smallest and the largest finite element, or NaN if there is none."""
    finite = array[np.isfinite(array)]
    return (float(finite.min()), float(finite.max())) if finite.size else (math.nan, math.nan)


def _histogram(array: NDArray[np.float64], low: float, high: float) -> tuple[int, ...]:
    places = np.minimum(_places(array[np.isfinite(array)], low, high) * BINS, BINS - 1)
    return tuple(np.bincount(places.astype(np.intp), minlength=BINS).tolist())


def _levels(cells: NDArray[np.float64], low: float, high: float) -> str:
    """Return one byte per cell in base64: 0 for `low` to 254 for `high`, and 255 for NaN. Infinities are clipped."""
    levels = np.rint(254 * np.clip(_places(cells, low, high), 0, 1))
    return base64.b64encode(np.where(np.isnan(cells), 255, levels).astype(np.uint8).tobytes()).decode("ascii")


def _places(array: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Return the positions of the elements between `low` (0) and `high` (1). Values are halved to avoid overflow."""
    return np.nan_to_num((array / 2 - low / 2) / ((high / 2 - low / 2) or 1.0), nan=0.0)
