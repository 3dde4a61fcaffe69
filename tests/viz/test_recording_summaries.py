"""Arrays made small: exact for a few numbers, close for many, and nothing breaks on strange ones."""

import base64

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import tensorgrad as tg
from tensorgrad.viz.lesson.board import cells
from tensorgrad.viz.recording import labels
from tensorgrad.viz.recording.summaries import BINS, CELLS, SIDE, side_for, summary


def levels(detail):
    return np.frombuffer(base64.b64decode(detail.levels), np.uint8).reshape(detail.rows, detail.columns)


@given(arrays.arrays(np.float64, st.integers(1, 24), elements=st.floats(-1e6, 1e6)))
def test_summary_has_the_numbers_of_numpy(array):
    found = summary(array)
    wanted = [array.mean(), array.std(), array.min(), array.max(), np.mean(array == 0)]
    got = [found.mean, found.std, found.min, found.max, found.zeros]
    np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-6)
    assert found.nans == 0
    assert found.numbers == (tuple(array.tolist()) if array.size <= 16 else ())


@pytest.mark.parametrize("size", [4, 40])
def test_summary_counts_nan_and_infinity(size):
    array = np.ones(size)
    array[0] = np.inf
    assert summary(array).max == np.inf
    array[1] = np.nan
    found = summary(array, SIDE)
    assert found.nans == 1
    assert np.isnan([found.mean, found.std, found.min, found.max]).all()


def test_heatmap_shows_the_means_of_tiles():
    array = np.arange(100 * 70, dtype=np.float64).reshape(100, 70)
    detail = summary(array, 10).detail
    assert (detail.rows, detail.columns, detail.tile) == (10, 10, (10, 7))
    means = array.reshape(10, 10, 10, 7).mean((1, 3))
    assert (detail.low, detail.high) == (means.min(), means.max())
    np.testing.assert_allclose(
        levels(detail), np.rint(254 * (means - means.min()) / (means.max() - means.min())), atol=1
    )
    assert sum(detail.histogram) == array.size
    assert max(detail.histogram) - min(detail.histogram) <= 1
    assert (len(detail.histogram), detail.smallest, detail.largest) == (BINS, 0.0, 6999.0)


def test_heatmap_tiles_at_the_ends_may_be_smaller():
    array = np.zeros((5, 7))
    array[4, 6] = 1.0
    detail = summary(array, 4).detail
    assert (detail.rows, detail.columns, detail.tile) == (3, 4, (2, 2))
    assert levels(detail)[-1, -1] == 254
    assert np.count_nonzero(levels(detail)) == 1


@pytest.mark.parametrize(
    ("array", "rows", "columns"),
    [
        (np.zeros(1000), 1, 63),
        (np.zeros((1000, 1)), 63, 1),
        (np.zeros((2, 5, 3)), 10, 3),
        (np.zeros((1, 28, 24, 1)), 28, 24),
        (np.arange(20) < 3, 1, 20),
    ],
)
def test_heatmap_shapes_follow_the_array(array, rows, columns):
    detail = summary(array, SIDE).detail
    assert (detail.rows, detail.columns) == (rows, columns)
    assert levels(detail).shape == (rows, columns)


def test_summary_of_images_with_one_channel_has_rows_of_pixels():
    image = tg.tensor(np.arange(9.0).reshape(1, 3, 3, 1), requires_grad=True)
    [box] = tg.draw(image).recording.boxes
    assert labels.lines(box.value, box) == ["0, 1, 2", "3, 4, 5", "6, 7, 8"]
    assert cells(box.value, box.shape) == [("", [["0", "1", "2"], ["3", "4", "5"], ["6", "7", "8"]])]


def test_numbers_of_small_arrays_with_four_axes_are_blocks_in_formulas():
    found = cells(summary(np.arange(16.0).reshape(2, 2, 2, 2)), (2, 2, 2, 2))
    assert [index for index, _ in found] == ["[0, 0]", "[0, 1]", "[1, 0]", "[1, 1]"]
    assert found[3][1] == [["12", "13"], ["14", "15"]]
    assert cells(summary(np.arange(16.0)), (16,)) == [("", [[*map(str, range(8))], [*map(str, range(8, 16))]])]


def test_heatmap_has_levels_for_values_that_are_not_finite():
    array = np.linspace(0.0, 1.0, 20)
    array[[3, 4, 5]] = np.nan, np.inf, -np.inf
    detail = summary(array, SIDE).detail
    assert levels(detail)[0, [0, 3, 4, 5, 19]].tolist() == [0, 255, 254, 0, 254]
    assert sum(detail.histogram) == 17
    nothing = summary(np.full(20, np.nan), SIDE).detail
    assert sum(nothing.histogram) == 0
    assert np.isnan(nothing.low)
    assert (levels(nothing) == 255).all()
    huge = summary(np.array([-1e308] * 10 + [1e308] * 10), SIDE).detail
    assert levels(huge)[0].tolist() == [0] * 10 + [254] * 10
    assert (huge.histogram[0], huge.histogram[-1]) == (10, 10)


def test_summary_of_few_elements_has_no_heatmap():
    assert summary(np.zeros(16), SIDE).detail is None
    assert summary(np.zeros((0, 9)), SIDE).detail is None
    assert summary(np.zeros(20)).detail is None


def test_heatmaps_become_smaller_with_their_number():
    assert side_for(0) == side_for(10) == SIDE
    for count in (100, 1000, 10_000, 100_000):
        assert count * side_for(count) ** 2 <= CELLS
