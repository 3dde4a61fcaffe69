"""The rules, unchanged, compiled by JAX: NumPy's numbers from programs under `jax.jit`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg

jax = pytest.importorskip("jax")
enable_x64 = jax.enable_x64

from tests.jax_array import JaxArray, lifted, plain  # noqa: E402

RNG = np.random.default_rng(0)
A = RNG.normal(size=(4, 3))
SQUARE = RNG.normal(size=(3, 3)) + 3 * np.eye(3)
LABELS = np.array([2, 0, 1, 2])
W1, B1, W2, B2 = RNG.normal(size=(3, 5)), RNG.normal(size=5), RNG.normal(size=(5, 3)), RNG.normal(size=3)


def perceptron(x: Any, w1: Any, b1: Any, w2: Any, b2: Any) -> tg.Tensor:
    hidden = nn.functional.relu(nn.functional.linear(x, w1, b1))
    return nn.SoftmaxCrossEntropy()(nn.functional.linear(hidden, w2, b2), LABELS)


def square(t: Any) -> tg.Tensor:
    return tg.sum(t * t)


PROGRAMS: dict[str, tuple[Callable[..., tg.Tensor], tuple[np.ndarray, ...]]] = {
    "perceptron": (perceptron, (A, W1, B1, W2, B2)),
    "einsum": (lambda a, b: square(tg.einsum("ij,jk->ki", a, b)), (A, SQUARE)),
    "slices": (lambda a: square(a[1:, ::-1] * a[:-1]), (A,)),
    "integer index": (lambda a: square(a[np.array([0, 2, 0])]), (A,)),
    "mask": (lambda a: square(a[np.arange(12).reshape(4, 3) % 2 == 0]), (A,)),
    "take_along_axis": (lambda a: square(tg.take_along_axis(a, np.array([[0], [2], [1], [1]]))), (A,)),
    "assigned": (lambda a: square(tg.ops.indexing.items.with_item(a, a[0] * 2, np.array([0, 3, 0]))), (A,)),
    "reductions": (
        lambda a: tg.mean(a, 0).sum() + tg.std(a) + tg.max(a, axis=1).sum() + tg.logsumexp(a) + tg.prod(a, 0).sum(),
        (A,),
    ),
    "cumsum": (lambda a: square(tg.cumsum(a, axis=0)) + square(tg.cumsum(a)), (A,)),
    "cumprod": (lambda a: square(tg.cumprod(a, axis=1)), (A,)),
    "sort": (lambda a: square(tg.sort(a, axis=0) + A), (A,)),
    "where": (lambda a: square(tg.where(a > 0, tg.log(tg.where(a > 0, a, 1.0)), a)), (A,)),
    "power": (lambda a: square(tg.abs(a) ** 1.5) + square(a**3), (A,)),
    "solve": (lambda m, b: square(tg.linalg.solve(m, b)), (SQUARE, A[:3])),
    "inv": (lambda m: square(tg.linalg.inv(m)), (SQUARE,)),
    "windows": (lambda a: square(tg.sliding_window_view(a, 2, axis=0)), (A,)),
    "joined": (lambda a, b: square(tg.concatenate([a, b])) + square(tg.stack([a[0], b[0]])), (A, SQUARE)),
    "padded": (lambda a: square(tg.pad(a, 1, mode="reflect")), (A,)),
    "quantile": (lambda a: square(tg.median(a, axis=0)), (A,)),
    "special": (lambda a: square(tg.erf(a)) + square(nn.functional.gelu(a)) + square(tg.sigmoid(a)), (A,)),
}


def value_gradients_and_product(function: Callable[..., tg.Tensor], arrays: Any) -> list[Any]:
    """Return the value of `function`, its gradients, and the Hessian-vector product for a vector of ones."""
    leaves = [tg.Tensor(array, requires_grad=True) for array in arrays]
    value = function(*leaves)
    gradients = tg.gradient(value, leaves, create_graph=True)
    total = gradients[0].sum()
    for gradient in gradients[1:]:
        total = total + gradient.sum()
    products = tg.gradient(total, leaves, allow_unused=True)
    return [value.array, *(g.array for g in gradients), *(p for p in products if p is not None)]


@pytest.mark.slow
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_under_jit_give_numpys_numbers(name: str) -> None:
    function, arrays = PROGRAMS[name]
    expected = value_gradients_and_product(function, arrays)
    with enable_x64(True):
        compiled = jax.jit(lambda values: plain(value_gradients_and_product(function, lifted(values))))
        got = compiled([jax.numpy.asarray(array) for array in arrays])
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_traced_indices_find_their_rows() -> None:
    def program(table: Any, tokens: Any) -> Any:
        leaf = tg.Tensor(JaxArray(table), requires_grad=True)
        square(leaf[JaxArray(tokens)]).backward()
        return plain(leaf.grad)

    with enable_x64(True):
        got = jax.jit(program)(jax.numpy.asarray(A), jax.numpy.asarray(np.array([3, 0, 3])))
    expected = np.zeros_like(A)
    np.add.at(expected, [3, 0, 3], 2 * A[[3, 0, 3]])
    np.testing.assert_allclose(got, expected, rtol=1e-12)
