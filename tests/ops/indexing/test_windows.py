"""Sliding windows share memory and add up their gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops.indexing.windows import overlap_add


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """Return the gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


def test_windows_share_memory_and_their_gradients_add_up() -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0])
    windows = np.lib.stride_tricks.sliding_window_view(x, 2)  # type: ignore[call-overload]
    assert np.shares_memory(windows.array, x.array)
    np.testing.assert_array_equal(gradient(windows, x), [1, 2 + 3, 4 + 5, 6])


def test_windows_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^overlap_add: expected windows of shape \(3, 2\) .*got \(2, 2\)"):
        overlap_add(np.ones((2, 2)), (4,))
