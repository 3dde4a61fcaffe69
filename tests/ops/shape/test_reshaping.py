"""Orders of elements that `reshape`, `ravel` and `flatten` take and refuse."""

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


@pytest.mark.parametrize("order", ["A", "K"])
def test_orders_that_depend_on_memory_are_refused(order: Any) -> None:
    x = leaf(np.ones((2, 3)))
    for call in (lambda: tg.reshape(x, 6, order), lambda: tg.ravel(x, order), lambda: x.reshape(6, order=order)):
        with pytest.raises(ValueError, match=r"order must be 'C' .* or 'F'"):
            call()


def test_flatten_from_an_axis_as_in_pytorch_names_reshape() -> None:
    with pytest.raises(
        ValueError, match=r"got 1\. To flatten all axes but the first, write t\.reshape\(len\(t\), -1\)"
    ):
        leaf(np.ones((2, 3, 2))).flatten(1)


def test_fortran_order_is_the_same_in_every_spelling() -> None:
    x = leaf(np.arange(6.0).reshape(2, 3))
    expected = [0, 3, 1, 4, 2, 5]
    for row in (tg.ravel(x, "F"), x.reshape(-1, order="F"), np.reshape(x, (6,), order="F"), x.flatten("F")):
        np.testing.assert_array_equal(row.data, expected)
        np.testing.assert_array_equal(gradient(row, x), [[1, 3, 5], [2, 4, 6]])


def test_reshape_with_copy_false_refuses_what_needs_a_copy() -> None:
    x = np.arange(6.0).reshape(2, 3)
    for copy in (None, True, False):
        t = leaf(x)
        np.testing.assert_array_equal(gradient(tg.reshape(t, 6, copy=copy), t), [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(tg.reshape(x, (3, 2), "F", copy=True).data, [[0, 4], [3, 2], [1, 5]])
    np.testing.assert_array_equal(tg.reshape(x, 6, copy=False).data, np.arange(6.0))
    assert tg.reshape(np.zeros((0, 3)).T, 0, copy=False).shape == (0,)
    with pytest.raises(ValueError, match=r"reshape: copy=False, .*\(3, 2\) .* 6 without a copy"):
        tg.reshape(x.T, 6, copy=False)
