"""Elements taken and put along an axis, and the indices that are refused."""

from __future__ import annotations

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


def test_put_along_axis_returns_a_new_value_and_numpys_assigns() -> None:
    x, value = leaf([[3.0, 1.0], [2.0, 4.0]]), leaf(9.0)
    indices = np.array([[1], [0]])
    put = tg.put_along_axis(x, indices, value, 1)
    np.testing.assert_array_equal(put.data, [[3, 9], [9, 4]])
    np.testing.assert_array_equal(x.data, [[3, 1], [2, 4]])
    np.testing.assert_array_equal(gradient(put, x), [[1, 0], [0, 4]])
    u = x * 1.0
    np.put_along_axis(u, indices, value, 1)
    np.testing.assert_array_equal(u.data, put.data)
    np.testing.assert_array_equal(gradient(u, value), 2 + 3)


def test_put_along_axis_rejects_a_tensor_into_an_array() -> None:
    with pytest.raises(TypeError, match=r"put_along_axis: .*losing its gradient"):
        np.put_along_axis(np.zeros((2, 2)), np.zeros((2, 1), int), leaf([[1.0], [2.0]]), 1)  # type: ignore[arg-type]


def test_put_along_axis_keeps_the_last_value_of_a_place() -> None:
    x, values = leaf([1.0, 2.0, 3.0]), leaf([10.0, 20.0])
    put = tg.put_along_axis(x, np.array([1, 1]), values, 0)
    np.testing.assert_array_equal(put.data, [1, 20, 3])
    np.testing.assert_array_equal(gradient(put, values), [0, 2])


def test_put_along_axis_checks_its_indices() -> None:
    x = leaf(np.ones((2, 2)))
    with pytest.raises(ValueError, match=r"^put_along_axis: expected indices of 2 axes.*\(2,\)"):
        tg.put_along_axis(x, np.array([0, 1]), 0.0, 1)
    with pytest.raises(IndexError, match="out of bounds"):
        tg.put_along_axis(x, np.array([[2], [0]]), 0.0, 1)


def test_take_accepts_tensors_of_integers() -> None:
    x = leaf([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gradient(tg.take(x, tg.tensor([2, 2, 0])), x), [3, 0, 3])
    np.testing.assert_array_equal(gradient(tg.take_along_axis(x, tg.tensor([1]), 0), x), [0, 1, 0])


def test_take_rejects_indices_out_of_range_by_name() -> None:
    with pytest.raises(IndexError, match=r"^take: .*out of bounds"):
        tg.take(leaf([1.0, 2.0]), 2)


def test_take_method_has_the_arguments_of_numpy() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(x.compress([False, True], axis=1).data, [[2], [4]])
    np.testing.assert_array_equal(x.take([1], axis=0).data, [[3, 4]])
    np.testing.assert_array_equal(x.repeat(2, axis=0).data, np.repeat(x.data, 2, 0))
    np.testing.assert_array_equal(x.diagonal(1).data, [2])
