"""Inverses and linear systems where matrices are singular or rank-deficient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.numeric import jacobian

LinAlgError = np.linalg.LinAlgError


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


def slope(function: Any, x: Any) -> Any:
    return tg.gradient(function(variable := leaf(x)), variable)


def test_hermitian_pinv_has_both_derivatives() -> None:
    a = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, -1.5]])
    weights = np.arange(9.0).reshape(3, 3)

    def weighted(t: Any) -> Any:
        return tg.sum(tg.linalg.pinv(t, hermitian=True) * weights)

    first = tg.grad(weighted)
    plain = lambda x: (np.linalg.pinv(x, hermitian=True) * weights).sum()  # noqa: E731
    np.testing.assert_allclose(first(a), jacobian(plain, a), atol=1e-8)
    np.testing.assert_allclose(tg.hessian(weighted)(a), jacobian(lambda x: np.asarray(first(x)), a), atol=1e-7)


def test_pinv_of_a_rank_deficient_matrix_is_differentiated_along_its_rank(rng: np.random.Generator) -> None:
    left, right, weights = rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(3, 4))

    def along(x: Any) -> Any:
        return tg.sum(tg.linalg.pinv(tg.matmul(x, right), rcond=1e-10) * weights)

    got = tg.grad(along)(left)
    np.testing.assert_allclose(
        got, jacobian(lambda x: (np.linalg.pinv(x @ right, 1e-10) * weights).sum(), left), rtol=1e-6
    )


def test_lstsq_agrees_with_numpy_whatever_the_rank(rng: np.random.Generator) -> None:
    deficient = np.outer(rng.normal(size=4), rng.normal(size=3))
    problems = [
        (rng.normal(size=(4, 2)), (4, 2)),
        (rng.normal(size=(2, 4)), (2,)),
        (deficient, (4, 2)),
        (np.ones((3, 3)), (3,)),
    ]
    for a, shape in problems:
        b = rng.normal(size=shape)
        got, expected = np.linalg.lstsq(tg.tensor(a), b), np.linalg.lstsq(a, b)
        assert got.rank == expected[2]
        for one, other in zip((got.x, got.residuals, got.s), (expected[0], expected[1], expected[3])):
            assert one.shape == other.shape
            np.testing.assert_allclose(one.data, other, atol=1e-12)
    with pytest.raises(LinAlgError, match=r"lstsq: .*\(2, 3\) and \(3,\)"):
        tg.linalg.lstsq(np.ones((2, 3)), np.ones(3))


def test_lstsq_with_more_unknowns_than_equations_has_a_gradient(rng: np.random.Generator) -> None:
    a, b, weights = rng.normal(size=(2, 4)), rng.normal(size=2), rng.normal(size=4)
    got = slope(lambda t: (tg.linalg.lstsq(t, b).x * weights).sum(), a)
    np.testing.assert_allclose(got, jacobian(lambda x: np.linalg.lstsq(x, b)[0] @ weights, a), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("function", [tg.linalg.inv, tg.linalg.tensorinv, lambda a: tg.linalg.solve(a, a)])
def test_singular_matrices_are_refused_by_name(function: Any) -> None:
    with pytest.raises(LinAlgError, match=r"(inv|solve): .*[Ss]ingular"):
        function(np.zeros((2, 2)) if function is not tg.linalg.tensorinv else np.zeros((1, 2, 2)))
