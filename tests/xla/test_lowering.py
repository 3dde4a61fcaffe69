"""Functions of JAX as operations, and those that replace operations of networks in compiled programs."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest

import tensorgrad as tg
from tests.ops.samples import BUILT_IN, samples_of

jax = pytest.importorskip("jax")

from tensorgrad import xla  # noqa: E402

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(3, 3)), RNG.normal(size=(3, 3))


class Both(NamedTuple):
    product: Any
    sine: Any


@xla.lowering
def product(x: Any, w: Any) -> Any:
    return jax.numpy.tanh(x) @ w


@xla.lowering
def both(x: Any, w: Any, places: Any = None, *, factor: float = 1.0) -> Both:
    return Both(jax.numpy.tanh(x) @ w, factor * jax.numpy.sin(x if places is None else x[places]))


FORMS: dict[str, tuple[Any, Any]] = {
    "one result": (product, lambda x, w: tg.tanh(x) @ w),
    "several results": (
        lambda x, w: (lambda r: r.product * r.sine)(both(x, w, factor=2.0)),
        lambda x, w: (tg.tanh(x) @ w) * (2 * tg.sin(x)),
    ),
    "one of several, integers": (
        lambda x, w: both(x, w, np.array([0, 0, 2])).sine,
        lambda x, w: tg.sin(x[np.array([0, 0, 2])]),
    ),
}


@pytest.mark.parametrize("name", FORMS)
def test_lowering_has_derivatives_of_any_order(name: str) -> None:
    def derivatives(function: Any, x: Any, w: Any) -> Any:
        def loss(x: Any) -> Any:
            return tg.sum(function(x, w) ** 2)

        third = tg.grad(lambda x: tg.sum(tg.hvp(loss, x, w) ** 2))
        both_gradients = tg.grad(lambda x, w: tg.sum(function(x, w) ** 2), (0, 1))(x, w)
        return tg.value_and_grad(loss)(x), both_gradients, tg.hvp(loss, x, w), tg.jvp(loss, (x,), (w,)), third(x)

    ours, theirs = FORMS[name]
    got = jax.tree.leaves(tg.compile(lambda x, w: derivatives(ours, x, w))(X, W))
    for one, other in zip(got, jax.tree.leaves(derivatives(theirs, X, W)), strict=True):
        np.testing.assert_allclose(one.numpy(), other.numpy(), rtol=1e-10, atol=1e-12)


def test_lowering_outside_of_programs_returns_arrays_of_xla() -> None:
    x = tg.tensor(X, requires_grad=True)
    result = product(x, W)
    tg.sum(result).backward()
    assert isinstance(result.array, xla.Array)
    np.testing.assert_allclose(result.numpy(), np.tanh(X) @ W, rtol=1e-12)
    np.testing.assert_allclose(x.grad, (1 - np.tanh(X) ** 2) * W.sum(axis=1), rtol=1e-12)


LOWERED = sorted(name for name, operation in BUILT_IN.items() if operation.lowering)


def test_families_are_lowered() -> None:
    families = {name.split(".")[-2] for name in LOWERED}
    assert families == {"attention", "convolution", "embedding", "pooling", "recurrent", "sorting"}


@pytest.mark.slow
@pytest.mark.parametrize("name", LOWERED)
def test_lowering_of_an_operation_agrees_with_its_rules(name: str) -> None:
    """All declared shapes and options, in one program: results, and gradients along a direction."""
    samples = samples_of(BUILT_IN[name])[: len(BUILT_IN[name].examples)]

    def everything(arrays: Any, upstream: Any) -> Any:
        found = []
        for sample, own, directions in zip(samples, arrays, upstream):
            operands = [tg.Tensor(a, requires_grad=p in sample.differentiable) for p, a in enumerate(own)]
            outputs = sample.outputs(operands)
            points = [operands[p] for p in sample.differentiable]
            gradients = tg.gradient(outputs, points, grad_outputs=directions, allow_unused=True)
            found.append([*(o.detach() for o in outputs), *gradients])
        return found

    arrays = [sample.arrays for sample in samples]
    upstream = [[np.linspace(0.5, 1.5, o.size).reshape(o.shape) for o in s.outputs()] for s in samples]
    for sample, got, expected in zip(samples, tg.compile(everything)(arrays, upstream), everything(arrays, upstream)):
        for ours, theirs in zip(got, expected, strict=True):
            np.testing.assert_allclose(
                np.asarray(ours), np.asarray(theirs), rtol=1e-11, atol=1e-12, err_msg=str(sample)
            )


@pytest.mark.slow
def test_lowering_of_sort_has_the_derivatives_of_the_rule_at_ties_and_nan() -> None:
    options: list[dict[str, Any]] = [{}, {"axis": np.int64(0)}, {"axis": None}, {"descending": True}]
    rows = np.array([[2.0, 1.0, 2.0, np.nan, 2.0], [0.0, -0.0, 3.0, 1.0, 1.0], [5.0, 4.0, 3.0, 2.0, 1.0]])
    scale = np.arange(1.0, 16.0).reshape(3, 5)

    def everything(x: Any) -> Any:
        def of(option: dict[str, Any]) -> Any:
            def loss(x: Any) -> Any:
                ordered = tg.sort(x, **option)
                return tg.sum(tg.where(tg.isnan(ordered), 0.0, ordered) ** 2 * scale.reshape(ordered.shape))

            return tg.sort(x, **option), tg.grad(loss)(x), tg.hvp(loss, x, scale)

        integers = tg.tensor(np.array([3, 1, 2]))
        return [of(option) for option in options], tg.sort(integers, descending=True), tg.median(x, axis=0)

    for ours, theirs in zip(jax.tree.leaves(tg.compile(everything)(rows)), jax.tree.leaves(everything(rows))):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12)


def test_lowering_of_sort_names_a_wrong_axis() -> None:
    with pytest.raises(np.exceptions.AxisError, match=r"^sort: axis 2 is out of bounds"):
        tg.compile(lambda x: tg.sort(x, axis=2))(np.ones((2, 3)))
