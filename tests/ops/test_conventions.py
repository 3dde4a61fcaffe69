"""The awkward points: ties, kinks, zeros and huge numbers, where a derivative is a matter of convention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.numeric import jacobian

BINARY = [tg.add, tg.subtract, tg.multiply, tg.divide, tg.power, tg.maximum, tg.minimum]


def slopes(function: Callable[[tg.Tensor], Any], x: Any) -> np.ndarray:
    """Return the gradient of the sum of `function(x)`."""
    point = tg.tensor(x, requires_grad=True)
    return tg.gradient(tg.sum(function(point)), point)


def curvatures(function: Callable[[tg.Tensor], Any], x: Any) -> np.ndarray:
    """Return the gradient of the sum of the slopes: row sums of the Hessian."""
    point = tg.tensor(x, requires_grad=True)
    slope = tg.gradient(tg.sum(function(point)), point, create_graph=True)
    if not slope.requires_grad:
        return np.zeros(point.shape)
    return tg.gradient(tg.sum(slope), point, allow_unused=False)


@pytest.mark.parametrize("operation", [tg.maximum, tg.minimum])
def test_ties_between_two_split_evenly(operation: Any) -> None:
    x = tg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = tg.tensor([1.0, 5.0, 0.0], requires_grad=True)
    of_x, of_y = tg.gradient(operation(x, y).sum(), [x, y])
    np.testing.assert_array_equal(of_x + of_y, 1.0)
    assert of_x[0] == of_y[0] == 0.5
    assert set(of_x[1:]) == {0.0, 1.0}


@pytest.mark.parametrize("operation", [tg.maximum, tg.minimum])
def test_a_tensor_that_ties_with_itself_keeps_its_whole_gradient(operation: Any) -> None:
    np.testing.assert_array_equal(slopes(lambda x: operation(x, x), [1.0, -2.0]), [1.0, 1.0])


@pytest.mark.parametrize("operation", [tg.max, tg.min])
def test_ties_in_an_extreme_split_evenly(operation: Any) -> None:
    sign = 1 if operation is tg.max else -1
    x = sign * np.array([[3.0, 1.0, 3.0], [2.0, 2.0, 2.0]])
    np.testing.assert_allclose(slopes(lambda t: operation(t, axis=1), x), [[0.5, 0, 0.5], [1 / 3, 1 / 3, 1 / 3]])
    np.testing.assert_allclose(slopes(operation, x), [[0.5, 0, 0.5], [0, 0, 0]])
    np.testing.assert_array_equal(curvatures(lambda t: operation(t, axis=1), x), 0.0)


def test_relu_at_zero_is_flat() -> None:
    relu = lambda x: tg.where(x > 0, x, 0.0)  # noqa: E731
    np.testing.assert_array_equal(slopes(relu, [-1.0, 0.0, 1.0]), [0.0, 0.0, 1.0])


def test_absolute_and_sign_at_zero() -> None:
    np.testing.assert_array_equal(slopes(tg.absolute, [-2.0, 0.0, 2.0]), [-1.0, 0.0, 1.0])
    np.testing.assert_array_equal(slopes(tg.sign, [-2.0, 0.0, 2.0]), 0.0)
    np.testing.assert_array_equal(curvatures(tg.absolute, [-2.0, 0.0, 2.0]), 0.0)


def test_clip_at_a_bound_has_slope_one() -> None:
    inside = [0.0, 0.0, 1.0, 1.0, 0.0]
    x = [-2.0, -1.5, -1.0, 1.0, 2.0]
    np.testing.assert_array_equal(slopes(lambda t: tg.clip(t, -1.0, 1.0), x), inside)
    np.testing.assert_array_equal(slopes(lambda t: t.clip(min=-1.0), x), [0.0, 0.0, 1.0, 1.0, 1.0])
    np.testing.assert_array_equal(slopes(lambda t: t.clip(max=1.0), x), [1.0, 1.0, 1.0, 1.0, 0.0])
    bound = tg.tensor(1.0, requires_grad=True)
    assert tg.gradient(tg.clip(np.array([1.0, 2.0, 3.0]), None, bound).sum(), bound) == 2.0


@pytest.mark.parametrize(
    "x", [[2.0, 0.0, 4.0, 5.0], [0.0, 3.0, 0.0, 5.0], [0.0, 0.0, 0.0, 5.0], [0.0, 0.0, 0.0, 0.0], [0.0], [2.0, 0.0]]
)
def test_prod_with_zeros_has_the_right_gradient_and_hessian(x: list[float]) -> None:
    others = np.array([np.prod(np.delete(x, i)) for i in range(len(x))])
    np.testing.assert_allclose(slopes(tg.prod, x), others)
    point = tg.tensor(x, requires_grad=True)
    slope = tg.gradient(tg.prod(point), point, create_graph=True)
    for i in range(len(x)):
        row = tg.gradient(slope[i], point, retain_graph=True, allow_unused=True)
        expected = [0.0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(len(x))]
        np.testing.assert_allclose(np.zeros(len(x)) if row is None else row, expected)


def test_prod_with_zeros_over_some_axes() -> None:
    x = np.array([[[1.0, 0.0, 2.0], [3.0, 4.0, 5.0]], [[0.0, 0.0, 7.0], [8.0, 0.0, 9.0]]])
    for axis in [0, 1, -1, (0, 2), (1, 2), (2, 0), None]:
        expected = jacobian(lambda a, axis=axis: np.sum(np.prod(a, axis=axis)), x)
        np.testing.assert_allclose(slopes(lambda t, axis=axis: tg.prod(t, axis=axis), x), expected, atol=1e-8)


def test_prod_with_zeros_and_a_start() -> None:
    np.testing.assert_allclose(slopes(lambda t: tg.prod(t, initial=3.0), [0.0, 2.0]), [6.0, 0.0])


def test_cumprod_with_zeros() -> None:
    x = np.array([[1.5, 0.0, 2.0, -3.0], [0.0, 4.0, 0.0, 5.0]])
    weights = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0]])
    expected = jacobian(lambda a: np.sum(weights * np.cumprod(a, axis=1)), x)
    np.testing.assert_allclose(slopes(lambda t: weights * tg.cumprod(t, axis=1), x), expected, atol=1e-8)


@pytest.mark.parametrize("operation", [tg.max, tg.min])
def test_an_extreme_shares_with_a_start_that_ties(operation: Any) -> None:
    np.testing.assert_allclose(slopes(lambda t: operation(t, initial=1.0), [1.0, 1.0]), [1 / 3, 1 / 3])


@pytest.mark.parametrize(("operation", "slope"), [(tg.remainder, [-3.0, 4.0]), (tg.fmod, [-3.0, 3.0])])
def test_remainders_of_larger_quotients(operation: Any, slope: list[float]) -> None:
    np.testing.assert_array_equal(slopes(lambda y: operation(np.array([7.5, -7.5]), y), [2.0, 2.0]), slope)


def test_a_power_of_zero_leaves_the_others_their_slopes() -> None:
    for exponent in (0.5, np.array([0.5, 0.5, 0.5])):
        np.testing.assert_allclose(slopes(lambda x, e=exponent: x**e, [0.0, 4.0, 9.0]), [0, 1 / 4, 1 / 6])


def test_prod_that_underflows_still_has_the_product_of_the_others() -> None:
    x = np.array([1e-30, 1e-30], dtype=np.float32)
    np.testing.assert_allclose(slopes(tg.prod, x), [1e-30, 1e-30], rtol=1e-6)


def test_the_norm_at_zero_has_subgradient_zero() -> None:
    norm = lambda x: tg.sqrt(tg.sum(x * x))  # noqa: E731
    np.testing.assert_array_equal(slopes(norm, [0.0, 0.0]), 0.0)
    assert np.isnan(curvatures(norm, [0.0, 0.0])).all()
    np.testing.assert_allclose(slopes(norm, [3.0, 4.0]), [0.6, 0.8])


@pytest.mark.parametrize(
    ("y", "slope"), [(0, 0.0), (0.5, 0.0), (1, 1.0), (1.5, 0.0), (2, 0.0), (3, 0.0), (0.0, 0.0), (2.0, 0.0)]
)
def test_powers_of_zero(y: float, slope: float) -> None:
    for exponent in (y, np.array(y, dtype=float), tg.tensor(float(y))):
        assert slopes(lambda x, e=exponent: x**e, 0.0) == slope
        assert slopes(lambda x, e=exponent: x**e, [0.0, 1.0])[0] == slope


def test_curvature_of_powers_of_zero() -> None:
    assert curvatures(lambda x: x**2, 0.0) == 2.0
    assert curvatures(lambda x: x**3, 0.0) == 0.0
    assert curvatures(lambda x: x**1, 0.0) == 0.0
    assert curvatures(lambda x: x**0, 0.0) == 0.0


def test_zero_to_a_power_is_flat_in_the_power() -> None:
    assert slopes(lambda y: 0.0**y, 2.0) == 0.0
    assert slopes(lambda y: 0.0**y, 0.0) == 0.0


def test_power_with_exponent_zero_has_its_mixed_second_derivative() -> None:
    mixed = hessian(lambda t: t[0] ** t[1], [0.5, 0.0])
    np.testing.assert_allclose(mixed, [[0, 2], [2, np.log(2) ** 2]], rtol=1e-15)


def test_negative_bases_with_whole_powers() -> None:
    np.testing.assert_allclose(slopes(lambda x: x**3, [-2.0, -1.0]), [12.0, 3.0])
    np.testing.assert_allclose(slopes(lambda x: x ** np.array([2, 3]), [-2.0, -1.0]), [-4.0, 3.0])
    np.testing.assert_allclose(slopes(lambda x: x**-1, [-2.0]), [-0.25])


def test_where_gives_the_untaken_branch_exactly_nothing() -> None:
    x = tg.tensor([1.0, 2.0], requires_grad=True)
    y = tg.tensor([np.inf, 5.0], requires_grad=True)
    taken, untaken = tg.gradient(tg.where([True, True], x, y).sum(), [x, y])
    np.testing.assert_array_equal(taken, 1.0)
    np.testing.assert_array_equal(untaken, 0.0)


def test_the_double_where_keeps_nan_out() -> None:
    safe_log = lambda x: tg.where(x > 0, tg.log(tg.where(x > 0, x, 1.0)), 0.0)  # noqa: E731
    np.testing.assert_array_equal(slopes(safe_log, [-1.0, 0.0, 2.0]), [0.0, 0.0, 0.5])
    np.testing.assert_array_equal(curvatures(safe_log, [-1.0, 0.0, 2.0]), [0.0, 0.0, -0.25])


HUGE = np.array([-1e4, -88.0, 0.0, 88.0, 1e4], dtype=np.float32)


@pytest.mark.parametrize("function", [tg.sigmoid, tg.softmax, tg.log_softmax, tg.logsumexp, tg.tanh])
def test_stable_at_huge_numbers_in_float32(function: Any) -> None:
    x = tg.tensor(HUGE, requires_grad=True)
    y = function(x)
    assert np.isfinite(y.data).all()
    y.backward(np.ones(y.shape))
    assert np.isfinite(x.grad).all()
    assert y.dtype == x.grad.dtype == np.float32


def test_values_at_huge_numbers() -> None:
    np.testing.assert_allclose(tg.sigmoid(HUGE).data, [0, 6.0546e-39, 0.5, 1, 1], rtol=1e-4, atol=1e-40)
    np.testing.assert_array_equal(tg.softmax(HUGE).data, [0, 0, 0, 0, 1])
    np.testing.assert_array_equal(tg.log_softmax(HUGE).data, HUGE - np.float32(1e4))
    assert tg.logsumexp(HUGE).data == np.float32(1e4)
    assert tg.logsumexp([1e4, 1e4]).item() == pytest.approx(1e4 + np.log(2), rel=1e-14)
    np.testing.assert_array_equal(slopes(tg.logsumexp, [1e4, -1e4]), [1.0, 0.0])


def test_logsumexp_of_minus_infinity() -> None:
    x = tg.tensor([-np.inf, -np.inf], requires_grad=True)
    y = tg.logsumexp(x)
    assert y.item() == -np.inf
    y.backward()
    np.testing.assert_array_equal(x.grad, 0.0)
    np.testing.assert_array_equal(slopes(tg.logsumexp, [0.0, -np.inf]), [1.0, 0.0])


@pytest.mark.parametrize("function", [tg.std, tg.var])
@pytest.mark.parametrize("options", [{}, {"axis": 0}, {"ddof": 1}])
def test_spread_of_constants(function: Any, options: dict[str, Any]) -> None:
    x = np.full((3, 2), 0.7)
    np.testing.assert_allclose(slopes(lambda t: function(t, **options), x), 0.0, atol=1e-12)
    assert (np.isnan if function is tg.std else np.isfinite)(curvatures(lambda t: function(t, **options), x)).all()


@pytest.mark.parametrize("function", [tg.std, tg.var])
def test_spread_without_degrees_of_freedom_is_nan_as_in_numpy_and_goes_back(function: Any) -> None:
    x = tg.tensor([1.0], requires_grad=True)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match="Degrees of freedom"):
        y = function(x, ddof=1)
    with np.errstate(all="ignore"):
        y.backward()
    assert np.isnan(y.data)
    assert np.isnan(x.grad) or x.grad == 0.0


def test_nan_goes_through_extremes_as_in_numpy() -> None:
    x = tg.tensor([1.0, np.nan, 3.0], requires_grad=True)
    y = x.max()
    assert np.isnan(y.item())
    y.backward()
    np.testing.assert_array_equal(x.grad, [0.0, 1.0, 0.0])


@pytest.mark.parametrize("operation", BINARY)
@pytest.mark.parametrize("constant", [2, 1.5, True, np.float32(2)])
def test_a_python_number_does_not_widen_float32(operation: Any, constant: Any) -> None:
    x = tg.tensor(np.array([0.5, 1.5], dtype=np.float32), requires_grad=True)
    for result in (operation(x, constant), operation(constant, x)):
        assert result.dtype == np.float32
        assert tg.gradient(result.sum(), x).dtype == np.float32


def test_a_float64_scalar_of_numpy_widens_the_result_but_not_the_gradient() -> None:
    x = tg.tensor(np.array([0.5, 1.5], dtype=np.float32), requires_grad=True)
    result = np.float64(2) * x
    assert result.dtype == (np.float64(2) * x.data).dtype == np.float64
    assert tg.gradient(result.sum(), x).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_integer_operands_beside_a_tracked_one(dtype: Any) -> None:
    x = tg.tensor(np.array([0.5, 1.5], dtype=dtype), requires_grad=True)
    counts = np.array([2, 3], dtype=np.int8)
    for operation in BINARY:
        result = operation(x, counts)
        assert result.dtype == operation.operation.numpy[0](x.data, counts).dtype
        assert tg.gradient(result.sum(), x).dtype == dtype


def test_integers_compute_as_in_numpy() -> None:
    x = tg.tensor([1, 2, 3])
    assert (x + 1).dtype == int
    assert (x / 2).dtype == float
    assert x.mean().item() == 2.0
    assert x.sum().item() == 6


# -- numbers that were wrong -------------------------------------------------------------------------------


def hessian(function: Any, x: Any) -> Any:
    return tg.hessian(function)(np.array(x, dtype=float)).data


def test_remainder_uses_the_exact_quotient() -> None:
    assert slopes(lambda y: tg.remainder(1.0, y), 0.1) == -9.0  # 1.0 / 0.1 rounds up to 10
    np.testing.assert_array_equal(slopes(lambda y: tg.sum(-1.0 % y), [0.1, -0.1]), [10.0, -9.0])
    np.testing.assert_array_equal(
        slopes(lambda y: tg.sum(tg.fmod([1.0, -1.0, 1.0, 5.0], y)), [0.1, 0.1, -0.1, 3]), [-9, 9, 9, -1]
    )


@pytest.mark.parametrize("size", [1e4, 1e7, 1e30])
def test_logsumexp_and_logaddexp_at_large_magnitudes(size: float) -> None:
    x = np.array([size, size], np.float32)
    np.testing.assert_array_equal(slopes(tg.logsumexp, x), [0.5, 0.5])
    for function in (tg.logaddexp, tg.logaddexp2):
        np.testing.assert_array_equal(slopes(lambda t, f=function: tg.sum(f(t, np.float32(size))), x), [0.5, 0.5])


def test_logaddexp_of_infinities() -> None:
    for infinity in (np.inf, -np.inf):
        np.testing.assert_array_equal(slopes(lambda t, i=infinity: tg.sum(tg.logaddexp(t, i)), [infinity]), [0.5])
        among_others = np.array([infinity, 2.0])
        of_2 = slopes(lambda t, i=infinity: tg.sum(tg.logaddexp(t, [i, 1.0])), among_others)[1]
        np.testing.assert_allclose(of_2, 1 / (1 + np.exp(-1.0)), rtol=1e-15)
    np.testing.assert_array_equal(slopes(lambda t: tg.sum(tg.logaddexp(t, np.inf)), [0.0]), [0.0])
    np.testing.assert_allclose(hessian(lambda t: tg.logaddexp(t[0], t[1]), [1, 1]), [[0.25, -0.25], [-0.25, 0.25]])


def test_logsumexp_with_infinite_and_missing_elements_has_the_gradient_of_softmax() -> None:
    np.testing.assert_array_equal(slopes(tg.logsumexp, [np.inf, 0.0, 1.0]), [1, 0, 0])
    np.testing.assert_array_equal(slopes(tg.logsumexp, [np.nan, 0.0, 1.0]), [np.nan] * 3)
    rows = slopes(lambda t: tg.sum(tg.logsumexp(t, axis=1)), [[-np.inf, 0.0, 0.0], [np.inf, np.inf, 5.0]])
    np.testing.assert_array_equal(rows, [[0, 0.5, 0.5], [0.5, 0.5, 0]])


def test_diff_of_order_0_ignores_what_is_prepended() -> None:
    np.testing.assert_array_equal(tg.diff([1.0, 2.0], n=0, prepend=5.0, append=7.0).data, [1.0, 2.0])


@pytest.mark.parametrize(("dtype", "tiny"), [(np.float16, 1e-6), (np.float32, 1e-42), (np.float64, 5e-324)])
def test_powers_0_and_1_of_tiny_numbers(dtype: Any, tiny: float) -> None:
    x = np.array([tiny, 1.0], dtype)
    for zero, one in ((0, 1), (0.0, 1.0), (np.array(0.0, dtype), np.array(1.0, dtype))):
        np.testing.assert_array_equal(slopes(lambda t, y=zero: tg.sum(t**y), x), [0, 0])
        np.testing.assert_array_equal(slopes(lambda t, y=one: tg.sum(t**y), x), [1, 1])
        np.testing.assert_array_equal(curvatures(lambda t, y=one: tg.sum(t**y), x), [0, 0])


@pytest.mark.parametrize(
    ("function", "x"),
    [
        (lambda x: tg.linalg.norm(x) ** 2, [0.0, 0.0]),
        (lambda x: tg.linalg.norm(x, 1.5), [0.0, 0.0]),
        (lambda x: tg.sqrt(tg.sum(x * x)) ** 2, [0.0, 0.0]),
        (lambda x: tg.std(x) ** 2, [1.0, 1.0]),
        (lambda x: tg.hypot(x[0], x[1]) ** 2, [0.0, 0.0]),
        (lambda x: tg.arctan2(x[0], x[1]), [0.0, 0.0]),
        (lambda x: tg.sum(tg.sqrt(x)), [0.0, 4.0]),
        (lambda x: tg.sum(tg.cbrt(x)), [0.0, 8.0]),
        (lambda x: tg.sum(x**1.5), [0.0, 4.0]),
        (lambda x: tg.sum(x ** np.array([0.5, 1.5])), [0.0, 4.0]),
    ],
)
def test_second_derivatives_at_singular_points_are_nan(function: Any, x: Any) -> None:
    assert np.isnan(hessian(function, x)[:, 0]).all() or np.isnan(hessian(function, x)[0, 0])
    assert np.isfinite(slopes(function, x)).all()


def test_second_derivatives_at_smooth_points_of_powers() -> None:
    np.testing.assert_array_equal(hessian(lambda x: tg.sum(x**2), [0.0, 1.0]), [[2, 0], [0, 2]])
    np.testing.assert_array_equal(hessian(lambda x: tg.sum(x**3), [0.0, 1.0]), [[0, 0], [0, 6]])
    np.testing.assert_array_equal(hessian(lambda x: tg.linalg.norm(x, 3), [0.0, 1.0]), [[0, 0], [0, 0]])


def test_prod_and_cumprod_with_tiny_factors() -> None:
    np.testing.assert_allclose(slopes(tg.prod, [1e-160, 1e-160, 1e150]), [1e-10, 1e-10, 1e-320], rtol=1e-3)
    np.testing.assert_allclose(slopes(tg.prod, [1e-200, 1e-200, 1.0]), [1e-200, 1e-200, 0.0])
    cumprod = lambda x: tg.sum(tg.cumprod(x))  # noqa: E731
    np.testing.assert_allclose(slopes(cumprod, [1e-200, 1e-200, 1.0]), [1.0, 2e-200, 0.0])
    np.testing.assert_allclose(slopes(cumprod, [0.0, 2.0, 3.0, 4.0, 5.0]), [153.0, 0, 0, 0, 0])
    np.testing.assert_allclose(slopes(cumprod, [2.0, 0.0, 3.0, 4.0]), [1.0, 2 * (1 + 3 + 12), 0, 0])


def test_float16_counts_and_sums_in_float32() -> None:
    ones, zeros_and_ones = np.ones(70_000, np.float16), (np.arange(70_000) % 2).astype(np.float16)
    one = np.float16(1 / 70_000)
    for function in (tg.mean, tg.nanmean, lambda x: tg.average(x, weights=np.ones(70_000, np.float16))):
        np.testing.assert_allclose(slopes(function, ones), one, rtol=0.02)
        assert function(tg.tensor(ones)).data == 1
    for function, value in ((tg.var, 0.25), (tg.std, 0.5), (tg.nanvar, 0.25)):
        np.testing.assert_allclose(slopes(function, zeros_and_ones)[:2], [-one, one], rtol=0.02)
        assert function(tg.tensor(zeros_and_ones)).data == value
    rows = tg.tensor(np.ones((3000, 2), np.float16))  # NumPy's own sum down the columns stops at 2048
    np.testing.assert_array_equal(tg.sum(rows, axis=0).data, [3000, 3000])
    np.testing.assert_array_equal(tg.softmax(rows, axis=0).data, np.float16(1 / 3000))
    np.testing.assert_array_equal(slopes(lambda b: tg.sum(rows + b), np.zeros(2, np.float16)), [3000, 3000])
    np.testing.assert_array_equal(slopes(lambda x: tg.mean(tg.cumsum(x)), np.ones(3000, np.float16))[:1], [1])
