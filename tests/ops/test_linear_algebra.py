"""Linear algebra at the awkward points: singular matrices, equal eigenvalues, zeros, and everything `einsum` reads."""

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


# -- determinants ---------------------------------------------------------------------------------------------


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


# -- equal eigenvalues and singular values ----------------------------------------------------------------------


def test_functions_of_equal_eigenvalues_have_a_gradient() -> None:
    a = np.eye(3)
    np.testing.assert_allclose(slope(lambda t: tg.linalg.eigvalsh(t).sum(), a), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(
        slope(lambda t: (tg.linalg.eigh(t).eigenvalues ** 2).sum(), a), 2 * np.eye(3), atol=1e-15
    )
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, "nuc"), a), np.eye(3), atol=1e-15)
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, 2), a), np.eye(3) / 3, atol=1e-15)


@pytest.mark.parametrize("decompose", [tg.linalg.eigh, tg.linalg.svd])
def test_vectors_of_equal_values_have_none(decompose: Any) -> None:
    vectors = decompose(leaf(np.eye(3)))[0 if decompose is tg.linalg.svd else 1]
    with pytest.raises(LinAlgError, match="equal"):
        (vectors * np.arange(9.0).reshape(3, 3)).sum().backward()


def test_equal_values_have_no_second_derivative_instead_of_a_wrong_one() -> None:
    with pytest.raises(LinAlgError, match="equal"):
        tg.hessian(lambda t: (tg.linalg.eigvalsh(t) ** 2).sum())(np.eye(2))
    with pytest.raises(LinAlgError, match="equal"):
        tg.hvp(lambda t: tg.linalg.norm(t, "nuc"), np.eye(2), np.array([[0.0, 1.0], [0.0, 0.0]]))


def test_tangents_of_vectors_of_equal_values_are_refused() -> None:
    with pytest.raises(LinAlgError, match="equal"):
        tg.jvp(lambda t: tg.linalg.eigh(t).eigenvectors, (np.eye(2),), (np.array([[0.0, 1.0], [1.0, 0.0]]),))


def test_equal_rows_in_float32_count_as_equal_values() -> None:
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


def test_hermitian_pinv_has_both_derivatives() -> None:
    a = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, -1.5]])
    weights = np.arange(9.0).reshape(3, 3)

    def weighted(t: Any) -> Any:
        return tg.sum(tg.linalg.pinv(t, hermitian=True) * weights)

    first = tg.grad(weighted)
    plain = lambda x: (np.linalg.pinv(x, hermitian=True) * weights).sum()  # noqa: E731
    np.testing.assert_allclose(first(a), jacobian(plain, a), atol=1e-8)
    np.testing.assert_allclose(tg.hessian(weighted)(a), jacobian(lambda x: np.asarray(first(x)), a), atol=1e-7)


# -- rank deficiency ----------------------------------------------------------------------------------------------


def test_the_nuclear_norm_has_the_smallest_subgradient_at_rank_deficient_matrices() -> None:
    u, v = np.array([[0.6], [0.8], [0.0]]), np.array([[1.0], [0.0]])
    np.testing.assert_allclose(slope(lambda t: tg.linalg.norm(t, "nuc"), 2 * u @ v.T), u @ v.T, atol=1e-15)
    np.testing.assert_array_equal(slope(lambda t: tg.linalg.norm(t, "nuc"), np.zeros((3, 2))), np.zeros((3, 2)))


def test_vectors_of_a_singular_value_0_have_no_gradient_where_they_can_leave_their_space() -> None:
    a = leaf([[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]])
    with pytest.raises(LinAlgError, match="singular value 0"):
        tg.linalg.svd(a, full_matrices=False).U[2].sum().backward()


def test_vectors_that_only_complete_a_basis_are_refused_when_recorded() -> None:
    a = np.arange(6.0).reshape(3, 2)
    with pytest.raises(ValueError, match="full_matrices=False"):
        tg.linalg.svd(leaf(a))
    with pytest.raises(ValueError, match="mode='reduced'"):
        tg.linalg.qr(leaf(a), "complete")
    with tg.no_grad():
        assert tg.linalg.svd(leaf(a)).U.shape == (3, 3)
    assert np.linalg.qr(tg.tensor(a), "complete").Q.shape == (3, 3)
    with pytest.raises(ValueError, match="'raw'"):
        tg.linalg.qr(a, "raw")


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_qr_refuses_dependent_columns_in_the_backward_pass(shape: Any) -> None:
    with pytest.raises(LinAlgError, match="qr: the leading columns"):
        tg.linalg.qr(leaf(np.ones(shape)), "r").sum().backward()


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


# -- norms ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", [None, 0, 1, 1.5, 2, 3, 0.5, np.inf, -np.inf])
def test_vector_norms_have_the_subgradient_0_at_0(ord: Any) -> None:
    x = leaf(np.zeros(3))
    first = tg.gradient(tg.linalg.norm(x, ord), x, create_graph=True)
    np.testing.assert_array_equal(first.data, np.zeros(3))
    if first.requires_grad:
        np.testing.assert_array_equal(tg.gradient(first.sum(), x), np.zeros(3))


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


# -- products -----------------------------------------------------------------------------------------------------

MATRIX, OTHER, STACK = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4) - 5, np.arange(18.0).reshape(2, 3, 3)


@pytest.mark.parametrize(
    "arguments",
    [
        ("ij,jk", MATRIX, OTHER),
        ("kj,ki->ij", MATRIX, MATRIX),
        ("ba", MATRIX),
        (" i j -> j ", MATRIX),
        ("...ii->...i", STACK),
        ("...ij,...jk", STACK, OTHER),
        ("i...->...", STACK),
        ("ij,ij", MATRIX, MATRIX),
        ("iij,j->i", STACK.reshape(3, 3, 2)[:, :3], np.array([1.0, 2.0])),
        (MATRIX, [0, 1], OTHER, [1, 2], [0, 2]),
        (MATRIX, [0, 1], OTHER, [1, 2]),
        (MATRIX, [30, 2]),
        (STACK, [..., 0, 0], [..., 0]),
        (STACK, [..., 0, 1], OTHER, [..., 1, 2]),
        (STACK, [0, ...], []),
    ],
    ids=lambda arguments: str([a if not isinstance(a, np.ndarray) else a.shape for a in arguments]),
)
@pytest.mark.parametrize("optimize", [False, True, "greedy"])
def test_einsum_reads_every_form(arguments: Any, optimize: Any) -> None:
    try:
        unsorted = any(isinstance(labels, list) and labels == [30, 2] for labels in arguments)  # by NumPy before 2.3
        expected = np.einsum(*arguments, optimize=optimize and not unsorted)
    except ValueError:
        with pytest.raises(ValueError, match="einsum"):
            tg.einsum(*arguments, optimize=optimize)
        return
    tensors = [leaf(a) if isinstance(a, np.ndarray) else a for a in arguments]
    result = np.einsum(*tensors, optimize=optimize)
    np.testing.assert_allclose(result.data, expected)
    result.backward(np.ones(result.shape))
    for place, each in enumerate(tensors):
        if isinstance(each, tg.Tensor):

            def total(x: np.ndarray, place: int = place) -> Any:
                return np.einsum(*arguments[:place], x, *arguments[place + 1 :], optimize=optimize).sum()

            np.testing.assert_allclose(each.grad, jacobian(total, each.data), rtol=1e-8, atol=1e-8)


def test_einsum_follows_a_path_and_gradients_find_their_own() -> None:
    a, b, c = leaf(MATRIX), leaf(OTHER), leaf(OTHER.T)
    path = np.einsum_path("ij,jk,kl", MATRIX, OTHER, OTHER.T)[0]
    tg.einsum("ij,jk,kl", a, b, c, optimize=path).sum().backward()
    np.testing.assert_allclose(a.grad, np.ones((2, 3)) @ (OTHER @ OTHER.T).T)


@pytest.mark.parametrize(
    "arguments",
    [("ij,jk", MATRIX), ("ij->k", MATRIX), (MATRIX, [0, 99]), (MATRIX, ["i", 0]), (MATRIX, [0, -1]), (MATRIX, 3)],
)
def test_einsum_refuses_what_it_cannot_read(arguments: Any) -> None:
    with pytest.raises(ValueError, match="einsum: "):
        tg.einsum(*arguments)


def test_multi_dot_takes_the_cheapest_order() -> None:
    a, b, c = (leaf(np.ones(shape)) for shape in ((2, 50), (50, 3), (3, 50)))
    left_first, right_first = tg.linalg.multi_dot([a, b, c]), tg.linalg.multi_dot([b, c, b])
    assert [node.shape for node in left_first.node.parents] == [(2, 3), (3, 50)]
    assert [node.shape for node in right_first.node.parents] == [(50, 3), (3, 3)]
    for wrong in ([MATRIX], [MATRIX, MATRIX], [MATRIX, STACK]):
        with pytest.raises(ValueError, match="multi_dot"):
            tg.linalg.multi_dot(wrong)


def test_matrix_power_of_0_is_the_identity() -> None:
    np.testing.assert_array_equal(np.linalg.matrix_power(leaf(STACK), 0).data, np.broadcast_to(np.eye(3), (2, 3, 3)))
    with pytest.raises(TypeError, match="matrix_power"):
        tg.linalg.matrix_power(STACK, 0.5)
    with pytest.raises(LinAlgError, match=r"matrix_power: .*\(2, 3\)"):
        tg.linalg.matrix_power(MATRIX, 0)


def test_cross_refuses_vectors_of_two_elements() -> None:
    with pytest.raises(ValueError, match="cross: expected vectors of 3 elements, got 2 and 3"):
        tg.cross(np.ones(2), np.ones(3))


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
