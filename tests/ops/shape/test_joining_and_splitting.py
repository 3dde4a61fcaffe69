"""Blocks joined, arrays split, and grids."""

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


def test_block_joins_nested_lists() -> None:
    a, b = leaf(np.ones((2, 2))), leaf([1.0, 2.0, 3.0])
    blocks: Any = [[a, np.zeros((2, 1))], [b]]
    for joined in (tg.block(blocks), np.block(blocks)):
        np.testing.assert_array_equal(joined.data, [[1, 1, 0], [1, 1, 0], [1, 2, 3]])
        joined.backward(np.arange(1.0, 10).reshape(3, 3))
    np.testing.assert_array_equal(a.grad, 2 * np.array([[1, 2], [4, 5]]))
    np.testing.assert_array_equal(b.grad, 2 * np.array([7, 8, 9]))


def test_block_refuses_what_is_no_nested_list() -> None:
    a = leaf(np.ones((2, 2)))
    with pytest.raises(TypeError, match=r"^block: .*tuple"):
        tg.block([(a, a)])
    with pytest.raises(ValueError, match="block: a list without blocks"):
        tg.block([[a], []])
    with pytest.raises(ValueError, match=r"^block: .*not all nested to the same depth"):
        tg.block([[a], a])


def test_the_parts_of_a_split_lead_back_to_the_whole() -> None:
    x = leaf(np.arange(10.0).reshape(2, 5))
    left, middle, right = np.split(x, [1, 3], axis=1)
    assert (left.shape, middle.shape, right.shape) == ((2, 1), (2, 2), (2, 2))
    np.testing.assert_array_equal(gradient(middle, x), [[0, 1, 2, 0, 0], [0, 3, 4, 0, 0]])
    np.testing.assert_array_equal(tg.concatenate([left, middle, right], axis=1).data, x.data)


def test_splits_that_are_not_possible_are_refused() -> None:
    x = leaf(np.ones(5))
    with pytest.raises(ValueError, match=r"^split: axis 0 of length 5 cannot be cut into 2 equal parts"):
        tg.split(x, 2)
    with pytest.raises(ValueError, match=r"^array_split: expected at least one section, got 0"):
        tg.array_split(x, 0)
    with pytest.raises(ValueError, match=r"^vsplit: expected an array of 2 or more axes, got shape \(5,\)"):
        tg.vsplit(x, 1)


def test_meshgrid_refuses_another_indexing() -> None:
    with pytest.raises(ValueError, match="meshgrid: indexing must be 'xy' or 'ij'"):
        tg.meshgrid([1.0], [2.0], indexing="yx")


def test_r_and_c_join_what_is_in_brackets() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for joined, expected in (
        (tg.r_[x, 3, 1:4], np.r_[x.data, 3, 1:4]),
        (tg.c_[x, [5.0, 6.0]], np.c_[x.data, [5.0, 6.0]]),
        (tg.c_[np.ones((2, 3)), x, np.zeros((2, 1))], np.c_[np.ones((2, 3)), x.data, np.zeros((2, 1))]),
    ):
        assert joined.requires_grad
        np.testing.assert_array_equal(joined.data, expected)
    with pytest.raises(TypeError, match="got 'r'"):
        tg.r_["r", x]


def test_joining_converts_as_far_as_casting_allows() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    for function in (tg.concatenate, tg.stack, tg.hstack, tg.vstack):
        joined = function([x, x], dtype=np.float32)
        assert joined.dtype == np.float32
        assert tg.gradient(joined.sum(), x).dtype == np.float64
        with pytest.raises(TypeError, match="safe"):
            function([x, x], dtype=np.float32, casting="safe")
