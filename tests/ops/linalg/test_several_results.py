"""Decompositions are one operation with several results: any of them, used in any way, to any order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg
from tensorgrad import gradcheck
from tensorgrad.node import Result
from tensorgrad.ops._matrices import DEFINITE, WELL_CONDITIONED

DECOMPOSITIONS: dict[str, tuple[Callable[..., Any], np.ndarray]] = {
    "svd": (lambda a: tg.linalg.svd(a, full_matrices=False), WELL_CONDITIONED.sample(np.random.default_rng(1), (3, 2))),
    "svd of a square matrix": (tg.linalg.svd, WELL_CONDITIONED.sample(np.random.default_rng(2), (3, 3))),
    "eigh": (tg.linalg.eigh, DEFINITE.sample(np.random.default_rng(3), (3, 3))),
    "qr": (tg.linalg.qr, WELL_CONDITIONED.sample(np.random.default_rng(4), (3, 2))),
    "qr of a wide matrix": (tg.linalg.qr, WELL_CONDITIONED.sample(np.random.default_rng(5), (2, 3))),
    "slogdet": (tg.linalg.slogdet, WELL_CONDITIONED.sample(np.random.default_rng(6), (3, 3))),
}
each_decomposition = pytest.mark.parametrize(
    ("decompose", "a"), list(DECOMPOSITIONS.values()), ids=list(DECOMPOSITIONS)
)


def mixed(results: Any) -> Any:
    """Return a number that depends on every element of every result."""
    return sum(((each + 0.1 * n) ** 3 * (1.0 + 0.2 * n)).sum() for n, each in enumerate(results))


@each_decomposition
def test_decomposition_is_one_node_whose_results_are_a_named_tuple(decompose: Any, a: np.ndarray) -> None:
    t = tg.tensor(a, requires_grad=True)
    results = decompose(t)
    assert all(isinstance(each.node, Result) for each in results)
    (call,) = {each.node.inputs[0] for each in results}
    assert call.inputs == (t.node,)
    assert call.operation.results is type(results)
    assert type(call.operation.apply(a)) is type(results)
    assert not any(isinstance(each, tg.Tensor) for each in call.operation.apply(a))
    assert all(isinstance(each, tg.Tensor) for each in call.operation.apply(t))


@each_decomposition
def test_decomposition_gradcheck_of_all_results_one_and_one_used_twice(decompose: Any, a: np.ndarray) -> None:
    assert gradcheck(lambda t: mixed(decompose(t)), [a], order=2)
    for index in range(len(decompose(a))):
        assert gradcheck(lambda t, index=index: (decompose(t)[index] ** 3).sum(), [a], order=2)
        assert gradcheck(
            lambda t, index=index: (lambda r: (r * tg.exp(r)).sum() + r.sum())(decompose(t)[index]), [a], order=2
        )


@each_decomposition
def test_decomposition_forward_mode_agrees_with_differences(decompose: Any, a: np.ndarray) -> None:
    direction = np.random.default_rng(7).normal(size=a.shape)
    _, moved = tg.jvp(lambda t: tuple(decompose(t)), (a,), (direction,))
    step = 1e-6
    ahead, behind = decompose(a + step * direction), decompose(a - step * direction)
    for tangent, plus, minus in zip(moved, ahead, behind, strict=True):
        np.testing.assert_allclose(
            tangent.data, (plus.data - minus.data) / (2 * step), rtol=1e-6, atol=1e-7, err_msg=str(decompose)
        )


@each_decomposition
def test_decomposition_third_derivative_agrees_with_differences(decompose: Any, a: np.ndarray) -> None:
    direction = np.random.default_rng(8).normal(size=a.shape)
    second = tg.grad(lambda t: (tg.grad(lambda t: mixed(decompose(t)))(t) * direction).sum())
    third = np.asarray(tg.grad(lambda t: (second(t) * direction).sum())(a))
    step = 1e-5
    at = [float(((second(a + d) - second(a - d)) * direction).sum()) for d in (step * direction,)]
    np.testing.assert_allclose((third * direction).sum(), at[0] / (2 * step), rtol=1e-5, atol=1e-6)


@pytest.mark.slow
@each_decomposition
def test_decomposition_in_a_checkpoint_gives_the_same_derivatives(decompose: Any, a: np.ndarray) -> None:
    saved = tg.checkpoint(lambda t: tuple(decompose(t)))
    np.testing.assert_array_equal(
        tg.grad(lambda t: mixed(saved(t)))(a).data, tg.grad(lambda t: mixed(decompose(t)))(a).data
    )
    assert gradcheck(lambda t: mixed(saved(t)), [a], order=2)
    assert gradcheck(lambda t: (saved(t)[0] ** 3).sum(), [a], order=2)


@each_decomposition
def test_decomposition_in_anomaly_mode_names_itself(decompose: Any, a: np.ndarray) -> None:
    with tg.detect_anomaly():
        t = tg.tensor(a, requires_grad=True)
        mixed(decompose(t)).backward()
        t = tg.tensor(a, requires_grad=True)
        results = decompose(t)
        total = mixed(results)
        results[-1].register_hook(lambda g: g * np.nan)
        with pytest.raises(FloatingPointError, match=f"{results[0].node.operation.name}: the gradient of its operand"):
            total.backward()


def test_decompositions_are_pytorchs() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its gradients are not compared")
    theirs = {
        "svd": lambda a: torch.linalg.svd(a, full_matrices=False),
        "svd of a square matrix": torch.linalg.svd,
        "eigh": lambda a: torch.linalg.eigh(torch.tril(a) + torch.tril(a, -1).T),  # NumPy reads the lower triangle
        "qr": torch.linalg.qr,
        "qr of a wide matrix": torch.linalg.qr,
        "slogdet": torch.linalg.slogdet,
    }
    for name, (decompose, a) in DECOMPOSITIONS.items():
        t, other = tg.tensor(a, requires_grad=True), torch.tensor(a, requires_grad=True)
        ours, expected = decompose(t), theirs[name](other)
        for each, reference in zip(ours, expected, strict=True):
            np.testing.assert_allclose(np.abs(each.data), np.abs(reference.detach().numpy()), rtol=1e-10, atol=1e-12)
        # Squares do not depend on the signs of vectors, which are arbitrary; fourth powers are no constant sums.
        sum((each**4).sum() + (each**2).sum() for each in ours).backward()
        sum((each**4).sum() + (each**2).sum() for each in expected).backward()
        np.testing.assert_allclose(t.grad, other.grad.numpy(), rtol=1e-8, atol=1e-10, err_msg=name)


def test_helpers_of_rules_left_the_public_namespaces() -> None:
    for name in ("divide_by_gaps", "cofactors"):
        assert name not in dir(tg.linalg)
        with pytest.raises(AttributeError, match=f"{name} was a helper of derivative rules and is private now"):
            getattr(tg.linalg, name)
    for name in ("scatter", "with_item", "overlap_add"):
        assert name not in dir(tg)
        with pytest.raises(AttributeError, match=f"{name} was a helper of derivative rules and is private now"):
            getattr(tg, name)
