"""What shape and order operations promise beyond the registry: conventions, NumPy's spellings, and refusals."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tensorgrad as tg
from tests.ops.numeric import jacobian


def leaf(values: Any, dtype: Any = float) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


def gradient(output: tg.Tensor, by: tg.Tensor, upstream: Any = None) -> np.ndarray:
    """The gradient when the result's elements have the gradients 1, 2, 3, … in order."""
    numbers = np.arange(1.0, output.size + 1).reshape(output.shape)
    return tg.gradient(output, by, grad_outputs=numbers if upstream is None else upstream)


# -- shape ------------------------------------------------------------------------------------------------------------


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


# -- sorting ----------------------------------------------------------------------------------------------------------


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


def test_float32_ties_stay_float32() -> None:
    x = leaf([1, 1, 0], np.float32)
    (tg.sort(x) * np.float32([1, 2, 4])).sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    np.testing.assert_array_equal(x.grad, [3, 3, 1])


# -- padding ----------------------------------------------------------------------------------------------------------

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


# -- putting and taking -----------------------------------------------------------------------------------------------


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


def test_a_tensor_is_not_put_into_an_array() -> None:
    with pytest.raises(TypeError, match=r"put_along_axis: .*losing its gradient"):
        np.put_along_axis(np.zeros((2, 2)), np.zeros((2, 1), int), leaf([[1.0], [2.0]]), 1)  # type: ignore[arg-type]


def test_the_last_of_several_values_for_one_place_counts() -> None:
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


def test_indices_may_be_tensors_of_integers() -> None:
    x = leaf([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(gradient(tg.take(x, tg.tensor([2, 2, 0])), x), [3, 0, 3])
    np.testing.assert_array_equal(gradient(tg.take_along_axis(x, tg.tensor([1]), 0), x), [0, 1, 0])


def test_an_index_out_of_range_is_refused_by_name() -> None:
    with pytest.raises(IndexError, match=r"^take: .*out of bounds"):
        tg.take(leaf([1.0, 2.0]), 2)


def test_a_method_takes_its_arguments_in_numpys_order() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(x.compress([False, True], axis=1).data, [[2], [4]])
    np.testing.assert_array_equal(x.take([1], axis=0).data, [[3, 4]])
    np.testing.assert_array_equal(x.repeat(2, axis=0).data, np.repeat(x.data, 2, 0))
    np.testing.assert_array_equal(x.diagonal(1).data, [2])


# -- joining and splitting --------------------------------------------------------------------------------------------


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
    with pytest.raises(ValueError, match=r"^block: .*not all nested equally deep"):
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


# -- interpolation and windows ----------------------------------------------------------------------------------------


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


def test_windows_share_memory_and_their_gradients_add_up() -> None:
    x = leaf([1.0, 2.0, 3.0, 4.0])
    windows = np.lib.stride_tricks.sliding_window_view(x, 2)  # type: ignore[call-overload]
    assert np.shares_memory(windows.array, x.array)
    np.testing.assert_array_equal(gradient(windows, x), [1, 2 + 3, 4 + 5, 6])


def test_windows_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^overlap_add: expected windows of shape \(3, 2\) .*got \(2, 2\)"):
        tg.overlap_add(np.ones((2, 2)), (4,))


# -- memory order -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", ["A", "K"])
def test_orders_that_depend_on_memory_are_refused(order: Any) -> None:
    x = leaf(np.ones((2, 3)))
    for call in (lambda: tg.reshape(x, 6, order), lambda: tg.ravel(x, order), lambda: x.reshape(6, order=order)):
        with pytest.raises(ValueError, match=r"order must be 'C' .* or 'F'"):
            call()


def test_fortran_order_is_the_same_in_every_spelling() -> None:
    x = leaf(np.arange(6.0).reshape(2, 3))
    expected = [0, 3, 1, 4, 2, 5]
    for row in (tg.ravel(x, "F"), x.reshape(-1, order="F"), np.reshape(x, (6,), order="F"), x.flatten("F")):
        np.testing.assert_array_equal(row.data, expected)
        np.testing.assert_array_equal(gradient(row, x), [[1, 3, 5], [2, 4, 6]])
