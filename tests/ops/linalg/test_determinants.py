"""Determinants where matrices are singular."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.numeric import jacobian

LinAlgError = np.linalg.LinAlgError
SINGULAR = {
    "rank 2 of 3": np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]),
    "a row of zeros": np.array([[1.0, 2.0, 0.5], [0.0, 0.0, 0.0], [3.0, -1.0, 2.0]]),
    "rank 1": np.outer([1.0, 2.0, 3.0], [1.0, -1.0, 2.0]),
    "zero": np.zeros((3, 3)),
    "zero, 2 × 2": np.zeros((2, 2)),
    "zero, 1 × 1": np.zeros((1, 1)),
    "a stack with one singular": np.stack([np.diag([1.0, 2.0, 3.0]), np.diag([1.0, 0.0, 3.0])]),
}
singular = pytest.mark.parametrize("a", SINGULAR.values(), ids=SINGULAR.keys())


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


def slope(function: Any, x: Any) -> Any:
    return tg.gradient(function(variable := leaf(x)), variable)


@singular
def test_det_has_its_derivatives_where_the_matrix_is_singular(a: np.ndarray) -> None:
    total = tg.grad(lambda t: tg.linalg.det(t).sum())
    np.testing.assert_allclose(total(a), jacobian(lambda x: np.linalg.det(x).sum(), a), atol=1e-8)
    second = tg.hessian(lambda t: tg.linalg.det(t).sum())(a)
    np.testing.assert_allclose(second, jacobian(lambda x: np.asarray(total(x)), a), atol=1e-7)


def test_det_can_be_differentiated_three_times(rng: np.random.Generator) -> None:
    a = rng.normal(size=(3, 3))
    third = tg.jacobian(tg.hessian(tg.linalg.det))(a)
    for i, j, k in np.ndindex(3, 3, 3):  # det is the sum over permutations, so its third derivatives are their signs
        sign = np.linalg.det(np.eye(3)[[i, j, k]])
        np.testing.assert_allclose(third[0, i, 1, j, 2, k], sign, atol=1e-10)


def test_det_is_accurate_close_to_singular() -> None:
    a = np.array([[1.0, 2.0], [2.0, 4.0 + 1e-13]])
    np.testing.assert_allclose(slope(tg.linalg.det, a), [[4.0, -2.0], [-2.0, 1.0]], rtol=1e-9)
    hessian = tg.hessian(tg.linalg.det)(a)
    np.testing.assert_allclose(hessian[0, 0], [[0, 0], [0, 1]], atol=1e-9)


def test_slogdet_gives_no_gradient_to_the_sign_and_refuses_singular_matrices() -> None:
    a = leaf([[1.0, 2.0], [3.0, 4.0]])
    sign, logabsdet = tg.linalg.slogdet(a)
    assert float(sign) == -1.0
    np.testing.assert_array_equal(tg.gradient(sign, a, retain_graph=True), np.zeros((2, 2)))
    np.testing.assert_allclose(tg.gradient(logabsdet, a), np.linalg.inv(a.data).T)
    with pytest.raises(LinAlgError, match="slogdet: the matrix is singular"):
        tg.linalg.slogdet(leaf(SINGULAR["zero"])).logabsdet.backward()
