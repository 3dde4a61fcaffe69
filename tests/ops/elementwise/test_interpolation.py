"""Interpolation at kinks, at the ends and at points that coincide."""

from __future__ import annotations

from typing import Any

import numpy as np

import tensorgrad as tg


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """Return the gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


def test_interp_has_the_slope_to_the_right_at_a_kink() -> None:
    x = leaf([0.0, 1.0, 2.0, -1.0, 3.0])
    y = tg.interp(x, [0.0, 1.0, 2.0], [0.0, 10.0, 0.0])
    np.testing.assert_array_equal(gradient(y, x, np.ones(5)), [10, -10, 0, 0, 0])


def test_interp_gives_the_ends_the_gradients_from_beyond() -> None:
    x, heights, left = np.array([-5.0, 0.25, 7.0, 9.0]), leaf([1.0, 2.0]), leaf(4.0)
    np.testing.assert_array_equal(gradient(tg.interp(x, [0.0, 1.0], heights), heights), [1 + 1.5, 0.5 + 3 + 4])
    y = tg.interp(x, [0.0, 1.0], heights, left)
    np.testing.assert_array_equal(y.data, [4, 1.25, 2, 2])
    y.backward(np.arange(1.0, 5))
    np.testing.assert_array_equal(heights.grad, [1.5, 0.5 + 3 + 4])
    np.testing.assert_array_equal(left.grad, 1)


def test_interp_stays_float32() -> None:
    x = leaf([0.5, 1.5], np.float32)
    y = tg.interp(x, np.float32([0, 1, 2]), np.float32([0, 1, 5]))
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [1, 4])


def test_interp_at_points_that_coincide_is_finite() -> None:
    x, points = leaf([0.5, 1.0, 1.5]), leaf([0.0, 1.0, 1.0, 2.0])
    y = tg.interp(x, points, [0.0, 1.0, 3.0, 4.0])
    np.testing.assert_array_equal(y.data, [0.5, 3.0, 3.5])
    assert np.isfinite(gradient(y, x)).all()
    assert np.isfinite(gradient(tg.interp(x, points, [0.0, 1.0, 3.0, 4.0]), points)).all()
