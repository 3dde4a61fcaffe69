"""Sorting and partitioning: ties, NaN and dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """The gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


def test_sort_sends_gradients_back_to_the_old_places() -> None:
    x = leaf([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [3, 1, 2])


@pytest.mark.parametrize("order", [tg.sort, lambda x: tg.partition(x, 2)])
def test_equal_elements_share_their_gradient_evenly(order: Any) -> None:
    x = leaf([[2.0, 1.0, 2.0, 2.0], [5.0, 5.0, 4.0, 6.0]])
    result = order(x)
    got = gradient(result, x, np.where(result.data == 2, [[3, 5, 1, 9]], np.where(result.data == 5, 4, 7)))
    shared = got[0, 0]
    np.testing.assert_allclose(got, [[shared, 7, shared, shared], [4, 4, 7, 7]])
    assert got.sum() == pytest.approx(7 + 3 * shared + 4 + 4 + 7 + 7)


def test_ties_of_one_row_do_not_reach_into_the_next() -> None:
    x = leaf([[0.0, 1.0], [1.0, 2.0]])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [[1, 2], [3, 4]])


def test_nan_is_sorted_to_the_end_with_its_gradient() -> None:
    x = leaf([np.nan, 1.0, np.nan, 0.0])
    np.testing.assert_array_equal(gradient(tg.sort(x), x), [3, 2, 4, 1])


def test_float32_ties_stay_float32() -> None:
    x = leaf([1, 1, 0], np.float32)
    (tg.sort(x) * np.float32([1, 2, 4])).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [3, 3, 1])
