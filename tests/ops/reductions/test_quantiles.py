"""Medians and quantiles: NumPy's values by every method, and where their gradients go."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

METHODS = [
    "averaged_inverted_cdf", "closest_observation", "hazen", "higher", "interpolated_inverted_cdf", "inverted_cdf",
    "linear", "lower", "median_unbiased", "midpoint", "nearest", "normal_unbiased", "weibull",
]  # fmt: skip
JUMPING = [m for m in METHODS if m not in {"hazen", "linear", "weibull"} and "biased" not in m and "interpol" not in m]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("n", [1, 2, 3, 8, 101])
def test_values_are_numpys_at_elements_and_between(method: str, n: int) -> None:
    rng = np.random.default_rng(n)
    q = np.concatenate([rng.uniform(size=20), np.linspace(0, 1, 21)])
    for a in (rng.normal(size=n), rng.integers(0, 9, n), rng.normal(size=n).astype(np.float32)):
        expected = np.quantile(a, q, method=method)
        got = tg.quantile(a, q, method=method)
        assert got.dtype == (np.float32 if a.dtype == np.float32 else expected.dtype)
        accuracy = 1e-6 if a.dtype == np.float32 else 1e-13
        np.testing.assert_allclose(got.data, expected, rtol=accuracy, atol=accuracy)
        np.testing.assert_allclose(
            tg.percentile(a, 50, method=method).data, np.percentile(a, 50, method=method), rtol=accuracy, atol=accuracy
        )


def test_the_two_in_the_middle_share_the_gradient() -> None:
    a = tg.tensor([4.0, 1.0, 3.0, 2.0], requires_grad=True)
    np.testing.assert_array_equal(tg.gradient(tg.median(a), a), [0.0, 0.0, 0.5, 0.5])
    np.testing.assert_array_equal(tg.gradient(tg.quantile(a, 0.25), a), [0.0, 0.25, 0.0, 0.75])


def test_ties_share_evenly() -> None:
    a = tg.tensor([2.0, 1.0, 1.0, 1.0], requires_grad=True)
    for middle in (tg.median(a), tg.quantile(a, 0.3)):
        np.testing.assert_allclose(tg.gradient(middle, a), [0.0, 1 / 3, 1 / 3, 1 / 3], rtol=1e-15)


def test_slope_with_respect_to_q_is_the_one_to_the_right() -> None:
    q = tg.tensor([0.0, 0.25, 0.5, 1.0], requires_grad=True)
    np.testing.assert_array_equal(tg.gradient(tg.quantile([1.0, 2.0, 5.0], q).sum(), q), [2.0, 2.0, 6.0, 0.0])


@pytest.mark.parametrize("method", JUMPING)
def test_slope_with_respect_to_q_is_0_where_the_method_jumps(method: str) -> None:
    q = tg.tensor([0.3, 0.5], requires_grad=True)
    a = tg.tensor(np.array([[1.0, 2.0, 7.0], [4.0, np.nan, 3.0]], np.float32), requires_grad=True)
    for function in (tg.quantile, tg.nanquantile):
        result = function(a, q, axis=1, method=method)
        np.testing.assert_array_equal(
            result.data, getattr(np, function.__name__)(a.data, q.data, axis=1, method=method)
        )
        assert result.dtype == np.float32
        np.testing.assert_array_equal(tg.gradient(result.sum(), q), [0.0, 0.0])


def test_a_row_with_nan_gives_nan_and_the_others_do_not_notice() -> None:
    a = tg.tensor([[1.0, np.nan, 0.0], [1.0, 2.0, 3.0]], requires_grad=True)
    for middle in (tg.median(a, axis=1), tg.quantile(a, 0.5, axis=1)):
        np.testing.assert_array_equal(middle.data, [np.nan, 2.0])
        np.testing.assert_array_equal(tg.gradient(middle.sum(), a), [[0.0, 1.0, 0.0], [0.0, 1.0, 0.0]])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tg.quantile([1.0], 1.5), "^quantile: expected quantiles from 0 to 1"),
        (lambda: tg.quantile([1.0], np.nan), "^quantile: expected quantiles from 0 to 1"),
        (lambda: tg.percentile([1.0], -1), "^percentile: expected quantiles .*percentiles from 0 to 100"),
        (lambda: tg.quantile([1.0], 0.5, method="best"), "^quantile: expected one of the methods .*'best'"),
        (lambda: tg.median(np.ones((2, 0)), axis=1), r"^median: there are no elements over axis 1 of shape \(2, 0\)"),
        (lambda: tg.median([1.0], axis=2), "^median: axis 2"),
        (lambda: tg.quantile(1.0, 0.5, axis=0), "^quantile: axis 0"),
    ],
)
def test_wrong_input_is_refused(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def with_nan() -> np.ndarray:
    """Return an array with NaN here and there, and one row along the second axis that is NaN everywhere."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(4, 5, 3))
    a[rng.random(a.shape) < 0.3] = np.nan
    a[0, :, 0] = np.nan
    return a


@pytest.mark.filterwarnings("ignore:All-NaN slice:RuntimeWarning")
@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": (2, 0)}, {"axis": -1, "keepdims": True}])
def test_nan_quantiles_are_numpys(options: dict[str, Any]) -> None:
    a = with_nan()
    np.testing.assert_allclose(tg.nanmedian(a, **options).data, np.nanmedian(a, **options))
    for method in METHODS:
        expected = np.nanquantile(a, [0.1, 0.5, 1.0], method=method, **options)
        got = tg.nanquantile(a, [0.1, 0.5, 1.0], method=method, **options)
        np.testing.assert_allclose(got.data, expected, err_msg=method)


def test_nan_quantiles_send_no_gradient_to_nan() -> None:
    x = tg.tensor(with_nan(), requires_grad=True)
    tg.nanmedian(x, axis=0).sum().backward()
    assert x.grad is not None
    assert (x.grad[np.isnan(x.data)] == 0).all()
    np.testing.assert_allclose(x.grad.sum(axis=0), np.ones((5, 3)))


@pytest.mark.parametrize(("axis", "shape"), [(1, (5,)), ((2, 0), (3, 4)), (None, (4, 5, 3)), (0, (4, 5, 3))])
def test_weighted_quantiles_are_numpys(axis: Any, shape: Any) -> None:
    rng = np.random.default_rng(1)
    a, weights = rng.normal(size=(4, 5, 3)), rng.random(shape)
    options: dict[str, Any] = {"axis": axis, "weights": weights, "method": "inverted_cdf"}
    if isinstance(axis, tuple):  # NumPy 2.0 takes the weights in another order
        rows, flat = np.moveaxis(a, axis, (0, 1)), {**options, "axis": 0, "weights": weights.ravel()}
        expected = np.quantile(rows.reshape(-1, *rows.shape[2:]), [0.1, 0.7], **flat)
    else:
        expected = np.quantile(a, [0.1, 0.7], **options)
    np.testing.assert_array_equal(tg.quantile(a, [0.1, 0.7], **options).data, expected)


def test_weighted_quantiles_refuse_what_has_no_answer() -> None:
    a = tg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(ValueError, match="'inverted_cdf' with weights"):
        tg.quantile(a, 0.5, weights=[1.0, 1.0])
    with pytest.raises(ValueError, match="weights of shape"):
        tg.quantile(a, 0.5, weights=[1.0], method="inverted_cdf")
    with pytest.raises(ValueError, match="weights ≥ 0"):
        tg.quantile(a, 0.5, weights=[1.0, -1.0], method="inverted_cdf")
    with pytest.raises(TypeError, match="no derivative"):
        tg.quantile(a, 0.5, weights=a, method="inverted_cdf")
