"""Padding of any width and mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorgrad as tg
from tests.ops.numeric import jacobian

PADDING: list[dict[str, Any]] = [
    {"mode": "edge"},
    {"mode": "linear_ramp"},
    {"mode": "mean"},
    {"mode": "mean", "stat_length": (1, 2)},
    {"mode": "reflect"},
    {"mode": "reflect", "reflect_type": "odd"},
    {"mode": "symmetric"},
    {"mode": "symmetric", "reflect_type": "odd"},
    {"mode": "wrap"},
]


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """Return the gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


@given(length=st.integers(1, 6), before=st.integers(0, 20), after=st.integers(0, 20), options=st.sampled_from(PADDING))
def test_padding_however_wide_is_the_linear_map_its_gradient_says(
    length: int, before: int, after: int, options: dict[str, Any]
) -> None:
    x = leaf(np.linspace(-1, 2, length))
    upstream = np.cos(np.arange(before + length + after))
    weights = np.pad(np.eye(length), [(before, after), (0, 0)], **options)
    np.testing.assert_allclose(
        gradient(tg.pad(x, (before, after), **options), x, upstream), upstream @ weights, atol=1e-9
    )


def test_padding_a_long_row_needs_no_square_of_it() -> None:
    x = leaf(np.zeros(300_000))
    for options in PADDING:
        np.testing.assert_allclose(tg.gradient(tg.pad(x, 3, **options).sum(), x).shape, x.shape)


@pytest.mark.parametrize(
    ("mode", "option", "values"),
    [
        ("constant", "constant_values", 2.0),
        ("constant", "constant_values", [1.0, 2.0]),
        ("constant", "constant_values", [[1.0, 2.0], [3.0, 4.0]]),
        ("linear_ramp", "end_values", 2.0),
        ("linear_ramp", "end_values", [[1.0, 2.0], [3.0, 4.0]]),
    ],
)
def test_the_values_of_a_margin_have_gradients(mode: str, option: str, values: Any) -> None:
    x = leaf(np.arange(6.0).reshape(2, 3))
    width = ((2, 1), (0, 3))

    def weighted(point: Any) -> tg.Tensor:
        padded: Any = tg.pad(x, width, mode, **{option: point})
        return tg.sum(padded * np.sin(np.arange(padded.size)).reshape(padded.shape))

    value = leaf(values)
    expected = jacobian(lambda point: weighted(point).data, value.data)
    np.testing.assert_allclose(tg.gradient(weighted(value), value), expected, rtol=1e-7, atol=1e-9)


def test_widths_can_be_given_by_axis() -> None:
    x = leaf(np.ones((2, 3)))
    padded = tg.pad(x, {-1: (1, 2), 0: 1})
    assert padded.shape == (4, 6)
    np.testing.assert_array_equal(gradient(padded, x), np.arange(1.0, 25).reshape(4, 6)[1:3, 1:4])


@pytest.mark.parametrize("mode", ["maximum", "minimum", "median", lambda *_: None])
def test_modes_that_are_not_linear_are_refused(mode: Any) -> None:
    with pytest.raises(ValueError, match=r"^pad: mode .* is not linear.*tg.concatenate"):
        tg.pad(leaf([1.0, 2.0]), 1, mode)


def test_an_option_of_another_mode_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^pad: unsupported keyword arguments for mode 'edge'.*constant_values"):
        tg.pad(leaf([1.0, 2.0]), 1, "edge", constant_values=1.0)
