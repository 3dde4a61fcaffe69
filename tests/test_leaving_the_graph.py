"""A gradient is not lost silently: what would turn a tensor that requires one into numbers works, or is an error."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def leaf(values: Any, dtype: Any = np.float64) -> tg.Tensor:
    return tg.tensor(values, dtype=dtype, requires_grad=True)


REMEDIES = r"t\.detach\(\).*t\.data.*tg\.stack"


@pytest.mark.parametrize(
    "leave",
    [
        np.asarray,
        lambda t: np.array([t, t]),
        lambda t: np.eye(2).dot(t),
        lambda t: np.eye(2).ravel().searchsorted(t),
        lambda t: np.full((3, 2), t),
        lambda t: np.full(3, t[0]),
        lambda t: np.vectorize(lambda v: v * 3.0)(t),
        lambda t: np.zeros(2).__setitem__(slice(None), t),
        lambda t: np.testing.assert_array_equal(t, [1.0, 2.0]),
        lambda t: np.ma.array([1.0, 2.0]) * t,
        lambda t: np.linalg.det([[t[0], 1.0], [0.0, t[1]]]),
        tg.tensor,
        tg.Tensor,
        lambda t: tg.tensor([t, t]),
        lambda t: tg.tensor([[t[0], 1.0], [0.0, (t[1],)]]),
    ],
)
def test_tensor_with_gradient_does_not_become_numbers(leave: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match=REMEDIES):
        leave(leaf([1.0, 2.0]))
    with pytest.raises(TypeError, match=REMEDIES):
        leave(leaf([1.0, 2.0]) * 2)


@pytest.mark.parametrize(
    "use",
    [
        lambda m, t: m @ t,
        lambda m, t: m.dot(t),
        lambda m, t: m * t,
        lambda m, t: t @ m,
    ],
)
def test_tensor_with_gradient_and_sparse_matrix_raise(use: Callable[[Any, Any], Any]) -> None:
    sparse = pytest.importorskip("scipy.sparse", reason="SciPy is not installed")
    for matrix in (sparse.csr_array(np.eye(2)), sparse.csr_matrix(np.eye(2))):
        with pytest.raises(TypeError):
            use(matrix, leaf([1.0, 2.0]))


@pytest.mark.parametrize("name", ["special.softmax", "linalg.expm", "special.logsumexp"])
def test_tensor_with_gradient_is_refused_by_scipy(name: str) -> None:
    module, function = name.split(".")
    scipy = pytest.importorskip(f"scipy.{module}", reason="SciPy is not installed")
    with pytest.raises(TypeError, match="gradient"):
        getattr(scipy, function)(leaf(np.eye(2)))


@pytest.mark.parametrize(
    ("compute", "argument"),
    [
        (lambda t: np.bincount([0, 1], weights=t), "weights"),
        (lambda t: np.bincount([0, 1], t), "weights"),
        (lambda t: np.histogram([0.0, 1.0], weights=t), "weights"),
        (lambda t: np.full_like(t, t[0]), "fill_value"),
        (np.unique, "ar"),
    ],
)
def test_arguments_without_a_rule_refuse_a_gradient(compute: Callable[[Any], Any], argument: str) -> None:
    with pytest.raises(TypeError, match=f"depends on '{argument}'"):
        compute(leaf([1.0, 2.0]))
    compute(tg.tensor([1.0, 2.0]))


def test_numbers_leave_the_graph_on_purpose() -> None:
    t, a = leaf(2.0), np.zeros(1)
    a[0] = t
    assert a[0] == float(t) == t.item() == np.float64(t) == 2.0
    assert math.sin(t) == math.sin(2.0)
    assert t.numpy() == t.detach() == t.data == 2.0
    assert "2." in f"{t} {t!r} {t:.1f}"


def test_nested_lists_of_tensors_are_operands() -> None:
    x = leaf(3.0)
    np.testing.assert_allclose(tg.gradient(tg.linalg.det([[x, 1], [0, x]]), x), 6.0)
    np.testing.assert_array_equal(tg.gradient((x * [[x, x], [1.0, (x)]]).sum(), x), 19.0)
    np.testing.assert_allclose(tg.gradient(tg.linalg.norm([[[x]], [[4.0]]]), x), 0.6)
    np.testing.assert_array_equal(tg.gradient(tg.maximum([x, 5.0], 4.0).sum(), x), 0.0)
    np.testing.assert_array_equal(tg.gradient(tg.concatenate([[x, 1.0], [2.0, x]]).sum(), x), 2.0)


def test_rotation_matrix_of_nested_lists_has_a_gradient() -> None:
    angle = leaf(0.3)
    rotated = tg.matmul([[tg.cos(angle), -tg.sin(angle)], [tg.sin(angle), tg.cos(angle)]], [1.0, 2.0])
    expected = [-math.sin(0.3) - 2 * math.cos(0.3), math.cos(0.3) - 2 * math.sin(0.3)]
    for row in range(2):
        np.testing.assert_allclose(tg.gradient(rotated[row], angle, retain_graph=True), expected[row])


def test_nested_lists_keep_float32() -> None:
    x = leaf(3.0, dtype=np.float32)
    assert tg.linalg.det([[x, 1], [0.5, x]]).dtype == np.float32
    assert (x * [x, np.float64(1)]).dtype == np.float64


@pytest.mark.parametrize("f", [lambda x: x > 1, lambda x: x.argmax(), lambda x: 3, lambda x: bool(x > 1)])
def test_grad_of_booleans_and_integers_raises(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="floating-point"):
        tg.grad(f)(2.0)
    assert tg.grad(lambda x: 3.0)(2.0) == 0.0


@pytest.mark.parametrize("take", [tg.tensor, lambda m: leaf([1.0, 1.0]) * m, lambda m: m * leaf(1.0)])
def test_masked_entries_are_refused(take: Callable[[Any], Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=r"filled|detach"):
        take(np.ma.array([1.0, 999.0], mask=[False, True]))
    assert type((leaf([1.0, 1.0]) * np.ma.array([1.0, 2.0])).data) is np.ndarray
