"""Functions into functions: grad, value_and_grad, vjp, jvp, jacobian, hessian, hvp."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.numeric import jacobian as by_differences


class Layer(NamedTuple):
    weight: Any
    bias: Any


X = np.array([0.3, -0.8, 1.1])
PARAMETERS = {
    "first": Layer(np.array([[0.5, -1.0, 0.2], [0.1, 0.4, -0.3]]), np.array([0.1, -0.2])),
    "rest": [1.5, (0.7,)],
}


def network(parameters: Any, x: Any) -> Any:
    hidden = tg.tanh(parameters["first"].weight @ x + parameters["first"].bias)
    scale, (power,) = parameters["rest"]
    return tg.sum(tg.exp(hidden * power)) * scale


def curve(x: Any) -> Any:
    """From 3 numbers to 2."""
    return tg.stack([x[0] * tg.exp(x[1]), tg.sin(x[2]) * x[0] ** 2])


def value(x: Any) -> Any:
    return tg.sum(tg.sin(x) * x**2) + x[0] * x[1] * x[2]


def test_grad_returns_containers_like_the_argument() -> None:
    got = tg.grad(network)(PARAMETERS, X)
    assert list(got) == ["first", "rest"]
    assert isinstance(got["first"], Layer)
    assert isinstance(got["rest"], list)
    assert isinstance(got["rest"][1], tuple)

    def with_weight(weight: np.ndarray) -> Any:
        return network({**PARAMETERS, "first": Layer(weight, PARAMETERS["first"].bias)}, X).data

    def with_power(power: np.ndarray) -> Any:
        return network({**PARAMETERS, "rest": [1.5, (power,)]}, X).data

    expected = by_differences(with_weight, PARAMETERS["first"].weight)
    np.testing.assert_allclose(got["first"].weight.data, expected, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(got["rest"][1][0].data, by_differences(with_power, np.array(0.7)), rtol=1e-7)


@pytest.mark.parametrize("argnums", [0, 1, -1, -2, (0, 1), (1, 0), (1,), (-1, 0), [0], np.int64(1), (*np.arange(2),)])
def test_grad_selects_arguments_with_argnums(argnums: Any) -> None:
    f = lambda a, b: tg.sum(a**2 * b)  # noqa: E731
    a, b = np.array([1.0, 2.0]), np.array([3.0, -1.0])
    by_position = [2 * a * b, a**2]
    got = tg.grad(f, argnums)(a, b)
    if isinstance(argnums, (int, np.integer)):
        np.testing.assert_allclose(got.data, by_position[argnums])
    else:
        assert type(got) is tuple
        for n, each in zip(argnums, got, strict=True):
            np.testing.assert_allclose(each.data, by_position[n])


def test_grad_passes_keywords_without_differentiating_them() -> None:
    assert tg.grad(lambda x, *, k: k * x**2)(3.0, k=2).item() == 12.0
    with pytest.raises(ValueError, match=r"argnums 1: .* 1 positional"):
        tg.grad(lambda x, k: k * x**2, 1)(3.0, k=2)


def test_value_and_grad_and_aux() -> None:
    (got, more), slope = tg.value_and_grad(lambda x: (x**2, {"twice": 2 * x, "name": "x"}), has_aux=True)(3.0)
    assert (got.item(), more["twice"].item(), more["name"], slope.item()) == (9.0, 6.0, "x", 6.0)
    assert not more["twice"].requires_grad
    slope, more = tg.grad(lambda x: (x**2, x), has_aux=True)(3.0)
    assert (slope.item(), more.item()) == (6.0, 3.0)


def test_vjp_and_jvp_are_the_jacobian_from_both_sides() -> None:
    J = by_differences(lambda x: curve(tg.Tensor(x)).data, X)
    v, w = np.array([1.0, -2.0, 0.5]), np.array([0.3, 2.0])
    out, pullback = tg.vjp(curve, X)
    np.testing.assert_array_equal(out.data, curve(tg.Tensor(X)).data)
    for _ in range(2):
        np.testing.assert_allclose(pullback(w)[0].data, w @ J, rtol=1e-7)
    out, tangent = tg.jvp(curve, [X], [v])
    np.testing.assert_allclose(tangent.data, J @ v, rtol=1e-7)
    np.testing.assert_allclose(tg.jacobian(curve)(X).data, J, rtol=1e-7, atol=1e-9)


def test_vjp_and_jvp_over_containers() -> None:
    f = lambda p, s: {"product": p["a"] * p["b"][0], "sum": (p["b"][0] + s,)}  # noqa: E731
    primals = {"a": np.array([1.0, 2.0]), "b": [np.array([3.0, 4.0])]}
    out, pullback = tg.vjp(f, primals, 10.0)
    assert list(out) == ["product", "sum"]
    of_p, of_s = pullback({"product": np.array([1.0, 1.0]), "sum": (np.array([5.0, 6.0]),)})
    np.testing.assert_allclose(of_p["a"].data, [3, 4])
    np.testing.assert_allclose(of_p["b"][0].data, [1 + 5, 2 + 6])
    assert of_s.item() == 11.0
    tangents = {"a": np.array([1.0, 0.0]), "b": [np.array([0.0, 1.0])]}
    _, moved = tg.jvp(f, (primals, 10.0), (tangents, 2.0))
    np.testing.assert_allclose(moved["product"].data, [3, 2])
    np.testing.assert_allclose(moved["sum"][0].data, [2, 3])


@pytest.mark.parametrize("length", [1, 2, 5])
def test_jacobian_of_tall_and_wide_functions(length: int) -> None:
    matrix = np.arange(3.0 * length).reshape(length, 3)
    for f in (lambda x: matrix @ x, lambda x: tg.reshape(matrix @ x, (1, length))):
        got = tg.jacobian(f)(X)
        assert got.shape == (*f(X).shape, 3)
        np.testing.assert_allclose(got.data.reshape(length, 3), matrix)


def test_jacobian_of_containers_with_respect_to_containers() -> None:
    f = lambda p: (p["a"] * p["b"], tg.sum(p["a"]))  # noqa: E731
    a, b = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    product, total = tg.jacobian(f)({"a": a, "b": b})
    np.testing.assert_allclose(product["a"].data, np.diag(b))
    np.testing.assert_allclose(product["b"].data, np.diag(a))
    np.testing.assert_allclose(total["a"].data, [1, 1])
    np.testing.assert_allclose(total["b"].data, [0, 0])
    of_a, of_b = tg.jacobian(lambda a, b: a * b, (0, 1))(a, b)
    np.testing.assert_allclose(of_a.data, np.diag(b))
    np.testing.assert_allclose(of_b.data, np.diag(a))


def test_hessian_has_second_derivatives() -> None:
    expected = by_differences(lambda x: tg.grad(value)(x).data, X)
    np.testing.assert_allclose(tg.hessian(value)(X).data, expected, rtol=1e-7, atol=1e-9)
    v = np.array([1.0, -1.0, 2.0])
    np.testing.assert_allclose(tg.hvp(value, X, v).data, expected @ v, rtol=1e-7)
    nested = tg.hessian(lambda p: p["x"] ** 2 * p["y"])({"x": 3.0, "y": 5.0})
    assert {k: {n: t.item() for n, t in row.items()} for k, row in nested.items()} == {
        "x": {"x": 10.0, "y": 6.0},
        "y": {"x": 6.0, "y": 0.0},
    }
    (xx, xy), (yx, yy) = tg.hessian(lambda x, y: x**2 * y, (0, 1))(3.0, 5.0)
    assert (xx.item(), xy.item(), yx.item(), yy.item()) == (10.0, 6.0, 6.0, 0.0)


def test_hvp_over_containers() -> None:
    f = lambda p: p["x"] ** 2 * p["y"][0]  # noqa: E731
    got = tg.hvp(f, {"x": 3.0, "y": [5.0]}, {"x": 1.0, "y": [2.0]})
    assert (got["x"].item(), got["y"][0].item()) == (10.0 + 12.0, 6.0)


def test_grad_of_grad_of_grad() -> None:
    f = lambda x: x**5 * tg.sin(x)  # noqa: E731
    x = 0.9
    s, c = np.sin(x), np.cos(x)
    third = 60 * x**2 * s + 60 * x**3 * c - 15 * x**4 * s - x**5 * c
    assert tg.grad(tg.grad(tg.grad(f)))(x).item() == pytest.approx(third, rel=1e-12)


def test_forward_and_reverse_mode_can_be_nested() -> None:
    v = np.array([0.5, 1.0, -1.0])
    H = tg.hessian(value)(X).data
    forward_over_reverse = tg.jvp(tg.grad(value), [X], [v])[1]
    reverse_over_forward = tg.grad(lambda x: tg.jvp(value, [x], [v])[1])(X)
    np.testing.assert_allclose(forward_over_reverse.data, H @ v, rtol=1e-12)
    np.testing.assert_allclose(reverse_over_forward.data, H @ v, rtol=1e-12)
    twice = tg.jvp(lambda x: tg.jvp(value, [x], [v])[1], [X], [v])[1]
    assert twice.item() == pytest.approx(v @ H @ v, rel=1e-12)
    by_pullback = tg.grad(lambda x: tg.vjp(value, x)[1](1.0)[0] @ v)(X)
    np.testing.assert_allclose(by_pullback.data, H @ v, rtol=1e-12)


def test_nested_derivatives_distinguish_their_variables() -> None:
    """d/dx x · (d/dy (x + y)) = 1, which engines that mix their perturbations up give as 2."""
    for inner in (
        lambda x: tg.grad(lambda y: x + y)(1.0),
        lambda x: tg.jvp(lambda y: x + y, [1.0], [1.0])[1],
    ):
        assert tg.grad(lambda x, inner=inner: x * inner(x))(2.0).item() == 1.0
        assert tg.jvp(lambda x, inner=inner: x * inner(x), [2.0], [1.0])[1].item() == 1.0


def test_transforms_keep_closed_over_tensors_in_the_outer_graph() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    x = np.array([0.5, -1.0])
    slope = tg.grad(lambda x: tg.sum(w**2 * x**3))(x)
    assert slope.requires_grad
    slope.backward(np.ones(2))
    np.testing.assert_allclose(w.grad, 6 * w.data * x**2)
    w.zero_grad()
    curvature = tg.hessian(lambda x: tg.sum(w**2 * x**3))(x)
    tg.sum(curvature).backward()
    np.testing.assert_allclose(w.grad, 12 * w.data * x)
    w.zero_grad()
    tg.sum(tg.hvp(lambda x: tg.sum(w**2 * x**3), x, np.ones(2))).backward()
    np.testing.assert_allclose(w.grad, 12 * w.data * x)
    tg.grad(lambda x: tg.sum(x * 2))(w)
    np.testing.assert_allclose(w.grad, 12 * w.data * x)


def test_transforms_in_no_grad_return_constants() -> None:
    w = tg.tensor([1.0, 2.0], requires_grad=True)
    with tg.no_grad():
        got, slope = tg.value_and_grad(lambda x: tg.sum(w * x**2))(np.ones(2))
    np.testing.assert_allclose(slope.data, [2, 4])
    assert not got.requires_grad
    assert not slope.requires_grad


def test_transforms_of_ignored_arguments_and_constant_results_are_zero() -> None:
    x, y = np.float32([1, 2]), np.ones((2, 2))
    of_x, of_y = tg.grad(lambda x, y: tg.sum(x), (0, 1))(x, y)
    np.testing.assert_array_equal(of_y.data, np.zeros((2, 2)))
    assert of_x.dtype == np.float32
    for constant in (lambda x: 3.0, lambda x: tg.tensor(3.0)):
        np.testing.assert_array_equal(tg.grad(constant)(x).data, [0, 0])
        np.testing.assert_array_equal(tg.jacobian(constant)(x).data, [0, 0])
        np.testing.assert_array_equal(tg.hessian(constant)(x).data, np.zeros((2, 2)))
        np.testing.assert_array_equal(tg.hvp(constant, x, x).data, [0, 0])
        assert tg.jvp(constant, [x], [x])[1].item() == 0.0
        assert tg.vjp(constant, x)[1](1.0)[0].shape == (2,)
    np.testing.assert_array_equal(tg.hessian(lambda x: tg.sum(3 * x))(x).data, np.zeros((2, 2)))
    np.testing.assert_array_equal(tg.jvp(tg.sign, [y], [y])[1].data, np.zeros((2, 2)))
    assert tg.jvp(tg.floor, [0.5], [1.0])[1].item() == 0.0


@pytest.mark.parametrize("shape", [(0,), (0, 2)])
def test_transforms_of_empty_arrays_have_the_right_shapes(shape: tuple[int, ...]) -> None:
    x = np.zeros(shape, np.float32)
    assert tg.grad(tg.sum)(x).shape == shape
    for result, expected in (
        (tg.jacobian(tg.exp)(x), shape + shape),
        (tg.jacobian(lambda x: tg.sum(x) * X)(x), (3, *shape)),
    ):
        assert result.shape == expected
    assert tg.jacobian(tg.exp)(x).dtype == np.float32


def test_transforms_keep_float32() -> None:
    x = np.float32([0.3, 0.5])
    f = lambda x: tg.sum(tg.sin(x) * x)  # noqa: E731
    results = [
        tg.grad(f)(x), tg.hessian(f)(x), tg.hvp(f, x, np.ones(2)), tg.jacobian(tg.sin)(x),
        *tg.jvp(f, [x], [np.ones(2)]), tg.vjp(tg.sin, x)[1](np.ones(2))[0],
    ]  # fmt: skip
    assert [r.dtype for r in results] == [np.float32] * len(results)


def test_jvp_of_sums_with_a_start_depends_on_elements_alone() -> None:
    """Found by ⟨v, Jᵀw⟩ = ⟨Jv, w⟩: forward mode added the `initial` to the tangent."""
    _, moved = tg.jvp(lambda x: tg.sum(x, initial=5.0), [X], [np.ones(3)])
    assert moved.item() == 3.0


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: tg.grad(tg.sin)(X), ValueError, r"single number, got shape \(3,\).*jacobian"),
        (lambda: tg.grad(lambda x: (x, x))(1.0), TypeError, "grad: the function must return one tensor, got a tuple"),
        (lambda: tg.grad(tg.sum)(np.array([1, 2])), TypeError, "floating-point"),
        (lambda: tg.grad(tg.sum, 1)(X), ValueError, "argnums 1: .*1 positional"),
        *[
            (
                lambda f=f: f(tg.sum, X),
                TypeError,
                rf"^{f.__name__}: argnums .* got ndarray.* write {f.__name__}\(f\)\(x\)",
            )
            for f in (tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian)
        ],
        (lambda: tg.jvp(tg.sin, X, X), TypeError, r"jvp\(f, \(x,\), \(v,\)\), got ndarray"),
        (lambda: tg.grad(tg.sum, (0, -1))(X), ValueError, "named twice"),
        (lambda: tg.grad(tg.sum, has_aux=True)(X), TypeError, "has_aux: .*pair.*got a Tensor"),
        (lambda: tg.hvp(tg.sin, X, X), ValueError, r"hvp: .*single number, got shape \(3,\)"),
        (lambda: tg.hvp(tg.sum, X, np.ones(2)), ValueError, r"hvp: expected v of shapes .*\(3,\).*\(2,\)"),
        (lambda: tg.jvp(tg.sin, [X], [np.ones(2)]), ValueError, r"jvp: expected tangents .*\(3,\).*\(2,\)"),
        (lambda: tg.jvp(tg.sin, [X], []), ValueError, "jvp: expected tangents"),
        (lambda: tg.vjp(tg.sin, X)[1](np.ones(2)), ValueError, r"vjp: expected a cotangent .*\(3,\).*\(2,\)"),
    ],
)
def test_transforms_explain_wrong_arguments(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
