"""Norms at zero, at ties and at rank deficiency, and the condition number."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

LinAlgError = np.linalg.LinAlgError


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


def slope(function: Any, x: Any) -> Any:
    return tg.gradient(function(variable := leaf(x)), variable)


def test_the_nuclear_norm_has_the_smallest_subgradient_at_rank_deficient_matrices() -> None:
    u, v = np.array([[0.6], [0.8], [0.0]]), np.array([[1.0], [0.0]])
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, "nuc"), 2 * u @ v.T), u @ v.T, atol=1e-15)
    np.testing.assert_array_equal(slope(lambda t: tg.linalg.norm(t, "nuc"), np.zeros((3, 2))), np.zeros((3, 2)))


def test_the_condition_number_of_a_singular_matrix_is_infinite_and_has_no_gradient() -> None:
    a = np.diag([1.0, 0.0])
    assert float(tg.linalg.cond(a)) == np.inf
    with pytest.raises(LinAlgError, match="cond"):
        tg.linalg.cond(leaf(a))


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"])
@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_the_condition_number_of_a_matrix_with_nan_is_nan_and_with_an_infinity_infinite(number: float, p: Any) -> None:
    a = np.array([[[2.0, 0.0], [0.0, 1.0]], [[2.0, number], [1.0, 1.0]]])
    x = leaf(a)
    expected = [float(np.linalg.cond(a[0], p)), np.abs(number)]
    for numbers in (tg.linalg.cond(a, p), tg.linalg.cond(x, p)):
        np.testing.assert_allclose(numbers.data, expected)
    with np.errstate(invalid="ignore"):  # ∞/∞
        numbers.backward(np.ones(2))
    np.testing.assert_allclose(x.grad[0], tg.gradient(tg.linalg.cond(y := leaf(a[0]), p), y))
    assert np.isnan(x.grad[1]).any()


def test_the_condition_number_of_a_matrix_with_nan_keeps_its_dtype() -> None:
    assert tg.linalg.cond(np.full((2, 2), np.nan, np.float32)).dtype == np.float32


@pytest.mark.parametrize("ord", [None, 0, 1, 1.5, 2, 3, 0.5, np.inf, -np.inf])
def test_vector_norms_have_the_subgradient_0_at_0(ord: Any) -> None:
    x = leaf(np.zeros(3))
    first = tg.gradient(tg.linalg.norm(x, ord), x, create_graph=True)
    np.testing.assert_array_equal(first.data, np.zeros(3))
    if first.requires_grad:
        smooth_beside_the_kinks = ord in (0, 1, np.inf, -np.inf)
        np.testing.assert_array_equal(tg.gradient(first.sum(), x), np.zeros(3) if smooth_beside_the_kinks else np.nan)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf])
def test_matrix_norms_have_the_subgradient_0_at_0(ord: Any) -> None:
    np.testing.assert_array_equal(slope(lambda t: tg.linalg.norm(t, ord), np.zeros((2, 3))), np.zeros((2, 3)))


def test_an_element_of_0_in_a_norm() -> None:
    x = [3.0, 0.0, -4.0]
    np.testing.assert_allclose(slope(tg.linalg.norm, x), [0.6, 0.0, -0.8])
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, 1), x), [1.0, 0.0, -1.0])
    for ord in (0.5, 1.5, 3):
        gradient = slope(lambda t, ord=ord: tg.linalg.norm(t, ord), x)
        assert gradient[1] == 0
        assert np.isfinite(gradient).all()


def test_ties_share_the_gradient_of_an_extreme_norm() -> None:
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, np.inf), [2.0, -2.0, 1.0]), [0.5, -0.5, 0.0])
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, -np.inf), [2.0, -1.0, 1.0]), [0.0, -0.5, 0.5])
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, 1), np.eye(2)), np.eye(2) / 2)


@pytest.mark.parametrize(("ord", "axis"), [("fro", 0), ("nuc", None), (3, (0, 1)), (None, (0, 1, 2)), (2, (1, 1))])
def test_norms_that_do_not_exist_are_refused(ord: Any, axis: Any) -> None:
    with pytest.raises(ValueError, match="norm: "):
        tg.linalg.norm(np.ones((2, 2, 2)), ord, axis)
