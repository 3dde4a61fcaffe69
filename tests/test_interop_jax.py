"""JAX in one program with tensorgrad: values, gradients of both orders, compilation, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg

jax = pytest.importorskip("jax", reason="JAX is not installed")
jnp = jax.numpy

X, Y = np.array([[0.3, -1.2, 2.0], [0.1, 0.4, -0.7]]), np.array([1.5, -0.5, 0.8])


def ours(x: Any, y: Any) -> Any:
    return tg.sum(tg.exp(x * y) + tg.sin(x) ** 2, axis=1)


def theirs(x: Any, y: Any) -> Any:
    return jnp.sum(jnp.exp(x * y) + jnp.sin(x) ** 2, axis=1)


@pytest.fixture(autouse=True)
def double_precision() -> Any:
    with jax.enable_x64(True):
        yield


@pytest.mark.slow
def test_jax_function_has_gradients_of_both_orders() -> None:
    function = tg.interop.jax_function(ours)
    np.testing.assert_allclose(function(X, Y), theirs(X, Y), rtol=1e-12)

    def slopes(f: Any) -> Any:
        return jax.grad(lambda x, y: (f(x, y) ** 2).sum(), argnums=(0, 1))

    def slopes_of_slopes(f: Any) -> Any:
        return jax.grad(lambda x, y: sum((g**2).sum() for g in slopes(f)(x, y)), argnums=(0, 1))

    for derived in (slopes, lambda f: jax.jit(slopes_of_slopes(f))):
        found, expected = jax.tree.leaves(derived(function)(X, Y)), jax.tree.leaves(derived(theirs)(X, Y))
        for a, b in zip(found, expected, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11)


@pytest.mark.slow
def test_jax_function_of_one_order_more() -> None:
    cube = tg.interop.jax_function(lambda x: tg.sum(x**3))
    np.testing.assert_allclose(jax.jacrev(jax.jacrev(cube))(Y), np.diag(6 * Y))
    np.testing.assert_allclose(jax.vmap(jax.grad(cube))(X), 3 * X**2)


def test_jax_function_takes_and_returns_pytrees() -> None:
    def f(parameters: dict[str, Any], scale: Any) -> Any:
        w, n = parameters["w"], parameters["n"]
        return {"value": tg.sum(w * scale), "count": n + 1}

    function = tg.interop.jax_function(f)
    w = jnp.array([1.0, 2.0])
    result = function({"w": w, "n": 3}, 2.0)
    assert (result["value"], result["count"]) == (6.0, 4)
    slope = jax.grad(lambda w: function({"w": w, "n": 3}, 2.0)["value"])(w)
    np.testing.assert_array_equal(slope, [2.0, 2.0])


def test_jax_function_keeps_single_precision() -> None:
    with jax.enable_x64(False):
        function = tg.interop.jax_function(lambda x: tg.sum(x * np.array([1.0, 2.0])))  # float64 within
        x = jnp.array([1.0, 2.0])
        assert function(x).dtype == jnp.float32
        assert jax.jit(jax.grad(function))(x).dtype == jnp.float32


@pytest.mark.slow
def test_jax_function_of_matrices_and_of_functions_that_refuse_ones() -> None:
    matrix = X[:, :2].T @ X[:, :2] + np.eye(2)
    slope = jax.jit(jax.grad(tg.interop.jax_function(lambda a: tg.sum(tg.log(tg.diagonal(tg.linalg.cholesky(a)))))))
    expected = jax.grad(lambda a: jnp.linalg.slogdet(a)[1] / 2)(matrix)
    np.testing.assert_allclose(np.tril(expected + expected.T - np.diag(np.diag(expected))), slope(matrix), rtol=1e-10)

    def small(x: Any) -> Any:
        if np.any(x.data >= 1):
            raise ValueError("expected values below 1")
        return tg.sum(x**2)

    with pytest.raises(ValueError, match="below 1") as caught:
        jax.grad(tg.interop.jax_function(small))(0.1 * Y)
    assert "pass jax_function(f, result=" in caught.value.__notes__[0]
    function = tg.interop.jax_function(small, result=jax.ShapeDtypeStruct((), np.float64))
    np.testing.assert_allclose(jax.jit(jax.grad(function))(0.1 * Y), 0.2 * Y)


def test_jax_function_refuses_forward_mode() -> None:
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jvp(tg.interop.jax_function(tg.exp), (X,), (X,))


@pytest.mark.slow
def test_from_jax_has_values_and_gradients_of_both_orders() -> None:
    for function in (tg.interop.from_jax(theirs), tg.interop.from_jax(jax.jit(theirs))):
        for order in (1, 2):
            found = []
            for f in (ours, function):
                leaves = [tg.tensor(a, requires_grad=True) for a in (X, Y)]
                upstream = tg.tensor([0.7, -1.3], requires_grad=True)
                value = f(*leaves)
                gradients = tg.gradient(value, leaves, grad_outputs=upstream, create_graph=order == 2)
                if order == 2:
                    gradients = tg.gradient(sum((g**2).sum() for g in gradients), [*leaves, upstream])
                found.append([value.data, *gradients])
            for a, b in zip(*found, strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-11)


@pytest.mark.slow
def test_from_jax_in_the_transforms() -> None:
    function = tg.interop.from_jax(lambda x: (x**3).sum())
    np.testing.assert_allclose(tg.hessian(function)(Y).data, np.diag(6 * Y))
    np.testing.assert_allclose(tg.jvp(function, [Y], [np.ones(3)])[1].data, np.sum(3 * Y**2))


def test_from_jax_with_several_results_and_integers() -> None:
    @tg.interop.from_jax
    def f(values: dict[str, Any], factor: float) -> Any:
        x = values["x"]
        return {"max": jnp.max(x, axis=1), "place": jnp.argmax(x, axis=1), "square": factor * x**2}

    x = tg.tensor(X, requires_grad=True)
    result = f({"x": x}, 1.0)
    np.testing.assert_array_equal(result["place"].data, [2, 1])
    (result["max"].sum() + result["square"][0].sum()).backward()
    np.testing.assert_allclose(x.grad, [[0.6, -2.4, 5.0], [0, 1, 0]])
    assert not f({"x": X}, 1.0)["max"].requires_grad


def test_from_jax_refuses_to_lose_precision() -> None:
    function = tg.interop.from_jax(jnp.sin)
    with jax.enable_x64(False):
        with pytest.raises(TypeError, match=r"^from_jax: got a float64 argument, but JAX is set to compute in float32"):
            function(tg.tensor(X))
        x = tg.tensor(X, dtype=np.float32, requires_grad=True)
        function(x).sum().backward()
        np.testing.assert_allclose(x.grad, np.cos(X), rtol=1e-6)
        assert x.grad.dtype == np.float32


def test_dlpack_with_jax() -> None:
    there = jnp.arange(3.0)
    np.testing.assert_array_equal(tg.from_dlpack(there).data, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(jnp.from_dlpack(tg.tensor([1.0, 2.0])), [1.0, 2.0])
