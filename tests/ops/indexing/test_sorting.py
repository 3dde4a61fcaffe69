"""Sorting and partitioning: ties, NaN and dtypes."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """Return the gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


def test_sort_sends_gradients_back_to_the_old_places() -> None:
    x = leaf([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [3, 1, 2])


@pytest.mark.parametrize("order", [tg.sort, lambda x: tg.partition(x, 2)])
def test_sort_splits_the_gradient_of_equal_elements_evenly(order: Any) -> None:
    x = leaf([[2.0, 1.0, 2.0, 2.0], [5.0, 5.0, 4.0, 6.0]])
    result = order(x)
    got = gradient(result, x, np.where(result.data == 2, [[3, 5, 1, 9]], np.where(result.data == 5, 4, 7)))
    shared = got[0, 0]
    np.testing.assert_allclose(got, [[shared, 7, shared, shared], [4, 4, 7, 7]])
    assert got.sum() == pytest.approx(7 + 3 * shared + 4 + 4 + 7 + 7)


def test_sort_ties_of_one_row_do_not_reach_into_the_next() -> None:
    x = leaf([[0.0, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [[1, 2], [3, 4]])


def test_sort_places_nan_at_the_end_with_its_gradient() -> None:
    x = leaf([np.nan, 1.0, np.nan, 0.0])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [3, 2, 4, 1])


def test_sort_of_float32_ties_stays_float32() -> None:
    x = leaf([1, 1, 0], np.float32)
    (tg.sort(x) * np.float32([1, 2, 4])).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [3, 3, 1])


DISORDER = [np.array([[2.0, np.nan, 1.0, 2.0], [0.0, 3.0, -np.inf, 3.0]]), np.array([3, 0, 255], np.uint8)]
DISORDER += [np.array([-128, 127, 0], np.int8), np.array([True, False, True])]


@pytest.mark.parametrize("values", DISORDER, ids=lambda values: values.dtype.name)
def test_sort_descending_is_ascending_turned_round_but_for_nan(values: np.ndarray) -> None:
    expected = [sorted((v for v in row if v == v), reverse=True) for row in np.atleast_2d(values).tolist()]
    expected = [row + [np.nan] * (values.shape[-1] - len(row)) for row in expected]
    result = tg.sort(values, descending=True)
    assert result.dtype == values.dtype
    np.testing.assert_array_equal(np.atleast_2d(result.data), expected)
    places = tg.argsort(values, descending=True)
    np.testing.assert_array_equal(np.take_along_axis(values, places, -1), result.data)


def test_argsort_descending_and_stable_keeps_the_order_of_ties() -> None:
    t = tg.tensor([2.0, 1.0, 2.0, np.nan, 1.0, 3.0])
    np.testing.assert_array_equal(t.argsort(descending=True, stable=True), [5, 0, 2, 1, 4, 3])


def test_sort_descending_sends_gradients_back_to_the_old_places() -> None:
    x = leaf([[3.0, 1.0, 2.0], [0.0, np.nan, 5.0]])
    np.testing.assert_array_equal(gradient(tg.sort(x, descending=True), x), [[1, 3, 2], [5, 6, 4]])
    np.testing.assert_array_equal(gradient(tg.sort(x, 0, descending=True), x), [[1, 2, 6], [4, 5, 3]])


@pytest.mark.skipif(
    "descending" not in signature(np.sort).parameters, reason="np.sort has `descending` since NumPy 2.5"
)
def test_sort_descending_is_numpys() -> None:
    x = leaf([[3.0, 1.0, 2.0], [0.0, np.nan, 5.0]])
    for axis in (0, 1, None):
        expected = np.sort(x.data, axis=axis, descending=True)
        np.testing.assert_array_equal(np.sort(x, axis=axis, descending=True).data, expected)
        np.testing.assert_array_equal(np.argsort(x, axis, descending=True), np.argsort(x.data, axis, descending=True))
