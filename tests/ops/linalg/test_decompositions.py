"""Decompositions where eigenvalues or singular values are equal or zero."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad.ops._matrices import WELL_CONDITIONED
from tests.ops.numeric import jacobian

LinAlgError = np.linalg.LinAlgError


def leaf(values: Any) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True, dtype=float)


def slope(function: Any, x: Any) -> Any:
    return tg.gradient(function(variable := leaf(x)), variable)


def test_eigh_of_equal_eigenvalues_has_gradients_of_functions() -> None:
    a = np.eye(3)
    np.testing.assert_allclose(slope(lambda t: tg.linalg.eigvalsh(t).sum(), a), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(
        slope(lambda t: (tg.linalg.eigh(t).eigenvalues ** 2).sum(), a), 2 * np.eye(3), atol=1e-15
    )
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, "nuc"), a), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, 2), a), np.eye(3) / 3, atol=1e-15)


@pytest.mark.parametrize("decompose", [tg.linalg.eigh, tg.linalg.svd])
def test_eigh_vectors_of_equal_values_have_no_gradient(decompose: Any) -> None:
    vectors = decompose(leaf(np.eye(3)))[0 if decompose is tg.linalg.svd else 1]
    with pytest.raises(LinAlgError, match="equal"):
        (vectors * np.arange(9.0).reshape(3, 3)).sum().backward()


def test_eigh_of_equal_values_rejects_second_derivatives() -> None:
    with pytest.raises(LinAlgError, match="equal"):
        tg.hessian(lambda t: (tg.linalg.eigvalsh(t) ** 2).sum())(np.eye(2))
    with pytest.raises(LinAlgError, match="equal"):
        tg.hvp(lambda t: tg.linalg.norm(t, "nuc"), np.eye(2), np.array([[0.0, 1.0], [0.0, 0.0]]))


def test_eigh_tangents_of_vectors_of_equal_values_are_rejected() -> None:
    with pytest.raises(LinAlgError, match="equal"):
        tg.jvp(lambda t: tg.linalg.eigh(t).eigenvectors, (np.eye(2),), (np.array([[0.0, 1.0], [1.0, 0.0]]),))


def test_eigh_of_equal_rows_in_float32_counts_values_as_equal() -> None:
    a = tg.tensor(np.full((3, 3), 0.1, np.float32) + np.eye(3, dtype=np.float32), requires_grad=True)
    with pytest.raises(LinAlgError, match="equal"):
        tg.linalg.eigh(a).eigenvectors[0].sum().backward()


def test_the_gradient_lies_in_the_triangle_that_is_read() -> None:
    a = np.array([[2.0, 0.5], [0.5, 1.0]])
    for uplo, other in (("L", (0, 1)), ("U", (1, 0))):
        assert slope(lambda t, uplo=uplo: tg.linalg.eigvalsh(t, uplo)[0], a)[other] == 0
    assert slope(lambda t: tg.linalg.cholesky(t).sum(), a)[0, 1] == 0
    assert slope(lambda t: tg.linalg.pinv(t, hermitian=True).sum(), a)[0, 1] == 0
    through_product = slope(lambda t: tg.linalg.eigvalsh(t @ t.T)[0], a)
    np.testing.assert_allclose(through_product, jacobian(lambda x: np.linalg.eigvalsh(x @ x.T)[0], a), atol=1e-9)


def test_vectors_of_a_singular_value_0_have_no_gradient_where_they_can_leave_their_space() -> None:
    a = leaf([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    with pytest.raises(LinAlgError, match="singular value 0"):
        tg.linalg.svd(a, full_matrices=False).U[2].sum().backward()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 3, 2)])
def test_svd_with_full_matrices_differentiates_all_but_the_vectors_that_complete_a_basis(shape: Any) -> None:
    a = WELL_CONDITIONED.sample(np.random.default_rng(0), shape)
    k = min(shape[-2:])

    def determined(t: Any, full: bool) -> Any:
        u, s, vh = tg.linalg.svd(t, full_matrices=full)
        return (u[..., :k] ** 3).sum() + tg.exp(s).sum() + (vh[..., :k, :] ** 3).sum()

    np.testing.assert_allclose(
        slope(lambda t: determined(t, True), a), slope(lambda t: determined(t, False), a), rtol=1e-10, atol=1e-12
    )
    assert tg.gradcheck(lambda t: tg.linalg.svd(t).S, [a], order=2)
    longer = tg.linalg.svd(leaf(a)).U if shape[-2] > k else tg.linalg.svd(leaf(a)).Vh
    rows, columns = shape[-2:]
    with pytest.raises(ValueError, match=rf"svd: {abs(rows - columns)} of .* arbitrary.*full_matrices=False"):
        longer.sum().backward()


def test_qr_with_a_complete_q_differentiates_all_but_the_columns_that_complete_a_basis() -> None:
    a = WELL_CONDITIONED.sample(np.random.default_rng(0), (4, 2))

    def determined(t: Any, mode: str) -> Any:
        q, r = tg.linalg.qr(t, mode)
        return (q[:, :2] ** 3).sum() + (r**2).sum()

    np.testing.assert_allclose(
        slope(lambda t: determined(t, "complete"), a), slope(lambda t: determined(t, "reduced"), a), rtol=1e-10
    )
    assert tg.gradcheck(lambda t: tg.linalg.qr(t, "complete").R, [a], order=2)
    with pytest.raises(ValueError, match=r"qr: the last 2 columns .*mode='reduced'"):
        tg.linalg.qr(leaf(a), "complete").Q.sum().backward()
    with pytest.raises(ValueError, match="'raw'"):
        tg.linalg.qr(a, "raw")


def test_tangents_of_vectors_that_complete_a_basis_are_nan() -> None:
    a, direction = np.random.default_rng(0).normal(size=(2, 4, 2))
    _, (u, s, _) = tg.jvp(lambda t: tuple(tg.linalg.svd(t)), (a,), (direction,))
    _, (_, expected, _) = tg.jvp(lambda t: tuple(tg.linalg.svd(t, full_matrices=False)), (a,), (direction,))
    np.testing.assert_allclose(s.data, expected.data)
    np.testing.assert_array_equal(np.isnan(u.data).any(axis=0), [False, False, True, True])
    _, (q, _) = tg.jvp(lambda t: tuple(tg.linalg.qr(t, "complete")), (a,), (direction,))
    np.testing.assert_array_equal(np.isnan(q.data).any(axis=0), [False, False, True, True])


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_qr_refuses_dependent_columns_in_the_backward_pass(shape: Any) -> None:
    with pytest.raises(LinAlgError, match="qr: the leading columns"):
        tg.linalg.qr(leaf(np.ones(shape)), "r").sum().backward()


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda t: tg.linalg.eigh(t @ tg.transpose(t)).eigenvectors, (3, 3)),
        (lambda t: tg.linalg.svd(t, full_matrices=False).Vh, (2, 3)),
        (lambda t: tg.linalg.qr(t).Q, (3, 2)),
        (lambda t: tg.linalg.cholesky(t @ tg.transpose(t)), (3, 3)),
        (lambda t: tg.linalg.slogdet(t).logabsdet, (3, 3)),
        (lambda t: tg.linalg.pinv(t), (3, 2)),
        (lambda t: tg.einsum("ij,kj,ii->k", t, t, t), (2, 2)),
    ],
)
def test_tangents_pass_through(function: Any, shape: Any, rng: np.random.Generator) -> None:
    x, direction = rng.normal(size=shape), rng.normal(size=shape)
    _, tangent = tg.jvp(function, (x,), (direction,))
    expected = jacobian(lambda step: function(x + step * direction).data, np.array(0.0))
    np.testing.assert_allclose(np.asarray(tangent), expected, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("function", [tg.linalg.svd, tg.linalg.pinv, lambda a: tg.linalg.lstsq(a, np.ones(3))])
def test_an_infinite_element_is_refused_before_lapack_hangs_on_it(function: Any) -> None:
    a = np.random.default_rng(0).standard_normal((3, 3))
    a[0, 0] = np.inf
    with pytest.raises(np.linalg.LinAlgError, match="expected finite numbers"):
        function(a)


def test_the_determinant_of_an_infinite_matrix_is_differentiated() -> None:
    a = np.random.default_rng(0).standard_normal((3, 3))
    a[0, 0] = np.inf
    x = tg.tensor(a, requires_grad=True)
    with np.errstate(invalid="ignore"):
        tg.linalg.det(x).backward()
    assert x.grad.shape == (3, 3)


def test_eig_refuses_a_complex_spectrum() -> None:
    turn = tg.tensor([[0.0, -1.0], [1.0, 0.0]], requires_grad=True)
    for function in (tg.linalg.eig, tg.linalg.eigvals, np.linalg.eig):
        with pytest.raises(np.linalg.LinAlgError, match="complex eigenvalues"):
            function(turn)


def test_eigvals_of_a_symmetric_matrix_have_the_gradient_of_eigvalsh() -> None:
    a = tg.tensor([[2.0, 0.5], [0.5, 1.0]], requires_grad=True)
    weights = np.array([1.0, 3.0])
    ours = tg.gradient((tg.sort(tg.linalg.eigvals(a)) * weights).sum(), a)
    theirs = tg.gradient((tg.linalg.eigvalsh((a + a.T) / 2) * weights).sum(), a)
    np.testing.assert_allclose((ours + ours.T) / 2, (theirs + theirs.T) / 2, rtol=1e-12)
