"""`tg.gradient`: gradients of tensors by tensors, several at a time, and gradients of gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tensorgrad as tg


def leaf(*numbers: float) -> tg.Tensor:
    return tg.tensor(numbers, requires_grad=True)


def test_gradient_returns_an_array_or_a_tuple() -> None:
    x, y = leaf(1.0, 2.0), leaf(3.0, 4.0)
    z = (x * y).sum()
    single = tg.gradient(z, x, retain_graph=True)
    assert type(single) is np.ndarray
    both = tg.gradient(z, [x, y])
    assert type(both) is tuple
    np.testing.assert_array_equal(single, y.data)
    np.testing.assert_array_equal(both[1], x.data)
    assert x.grad is None
    assert y.grad is None


def test_gradient_with_respect_to_an_intermediate_result() -> None:
    x = leaf(1.0, 2.0)
    h = x * 2
    z = (h * h * x).sum()
    by_h, by_x = tg.gradient(z, [h, x])
    np.testing.assert_array_equal(by_h, 2 * h.data * x.data)
    np.testing.assert_array_equal(by_x, 12 * x.data**2)


def test_gradient_of_a_tensor_with_respect_to_itself() -> None:
    x = tg.tensor(2.0, requires_grad=True)
    assert tg.gradient(x, x) == 1.0
    y = x * 3
    assert tg.gradient(y, y) == 1.0


def test_gradient_of_several_outputs_is_their_sum() -> None:
    x = leaf(1.0, 2.0)
    a, b = (x * x).sum(), (3 * x).sum()
    np.testing.assert_array_equal(tg.gradient([a, b], x), 2 * x.data + 3)
    c = (x * x).sum()
    np.testing.assert_array_equal(tg.gradient([c, c], x, retain_graph=True), 4 * x.data)
    np.testing.assert_array_equal(tg.gradient([c, c], x, grad_outputs=[1.0, 10.0]), 22 * x.data)


def test_gradient_takes_grad_outputs() -> None:
    x = leaf(1.0, 2.0)
    y = x * x
    np.testing.assert_array_equal(tg.gradient(y, x, grad_outputs=np.array([1.0, 10.0])), [2.0, 40.0])
    with pytest.raises(ValueError, match="not a single number"):
        tg.gradient(x * x, x)
    for create_graph in (False, True):
        for wrong in (np.ones(3), tg.tensor(np.ones(3)), tg.tensor(1.0)):
            with pytest.raises(ValueError, match=r"expected a gradient of shape \(2,\)"):
                tg.gradient(x * x, x, grad_outputs=wrong, create_graph=create_graph)
    with pytest.raises(ValueError, match="2 outputs, but 1"):
        tg.gradient([x.sum(), x.sum()], x, grad_outputs=[1.0])


def test_gradient_differentiates_grad_outputs() -> None:
    x, v = leaf(1.0, 2.0), leaf(1.0, 10.0)
    product = tg.gradient(x * x, x, grad_outputs=v, create_graph=True)
    np.testing.assert_array_equal(product.data, [2.0, 40.0])
    by_x, by_v = tg.gradient(product.sum(), [x, v])
    np.testing.assert_array_equal(by_x, 2 * v.data)
    np.testing.assert_array_equal(by_v, 2 * x.data)


def test_gradient_casts_grad_outputs_to_the_dtype_of_the_outputs() -> None:
    x = tg.tensor(np.ones(2, np.float32), requires_grad=True)
    for create_graph in (False, True):
        for start in (np.ones(2), tg.tensor(np.ones(2)), tg.tensor(np.ones(2), requires_grad=True)):
            slope = tg.gradient(x * x, x, grad_outputs=start, create_graph=create_graph)
            assert slope.dtype == np.float32


def test_gradient_rejects_an_unused_input() -> None:
    x, y = leaf(1.0), leaf(2.0)
    with pytest.raises(RuntimeError, match=r"do not depend on input 1 \(1,\).*allow_unused"):
        tg.gradient((x * 2).sum(), [x, y])
    by_x, by_y = tg.gradient((x * 2).sum(), [x, y], allow_unused=True)
    assert by_x == 2.0
    assert by_y is None


def test_gradient_rejects_an_input_without_a_gradient() -> None:
    x = leaf(1.0)
    with pytest.raises(RuntimeError, match=r"input 0 .* does not require a gradient"):
        tg.gradient((x * 2).sum(), tg.tensor([1.0]))


@pytest.mark.parametrize("create_graph", [False, True])
def test_gradient_rejects_an_output_without_a_graph(create_graph: bool) -> None:
    x = leaf(1.0)
    for start in (None, 1.0, tg.tensor(1.0)):
        with pytest.raises(RuntimeError, match="no graph"):
            tg.gradient(tg.tensor(1.0), x, grad_outputs=start, create_graph=create_graph)


def test_gradient_releases_or_retains_the_graph() -> None:
    x = leaf(1.0, 2.0)
    y = tg.exp(x).sum()
    tg.gradient(y, x, retain_graph=True)
    tg.gradient(y, x)
    with pytest.raises(RuntimeError, match="released"):
        tg.gradient(y, x)
    z = tg.exp(x).sum()
    tg.gradient(z, x, create_graph=True)
    tg.gradient(z, x, create_graph=True, retain_graph=False)
    with pytest.raises(RuntimeError, match="released"):
        tg.gradient(z, x)


def test_gradient_releases_only_the_paths_to_the_inputs() -> None:
    calls: list[str] = []

    @tg.op(x=lambda g: (calls.append("rule"), g)[1])
    def noted(x: Any) -> Any:
        return x * 1.0

    x, y = leaf(1.0), leaf(2.0)
    z = (noted(x) * y).sum()
    tg.gradient(z, y, retain_graph=True)
    assert calls == []
    tg.gradient(z, x)
    assert calls == ["rule"]


def test_gradient_of_a_repeated_input_returns_separate_arrays() -> None:
    x = leaf(1.0, 2.0)
    first, second = tg.gradient((x * x).sum(), [x, x])
    np.testing.assert_array_equal(first, second)
    assert not np.shares_memory(first, second)


def test_gradient_of_a_gradient() -> None:
    x = tg.tensor(0.7, requires_grad=True)
    y = tg.sin(x)
    for expected in (np.cos, lambda v: -np.sin(v), lambda v: -np.cos(v), np.sin, np.cos):
        y = tg.gradient(y, x, create_graph=True)
        assert isinstance(y, tg.Tensor)
        assert float(y) == pytest.approx(expected(0.7), abs=1e-15)
    y.backward()
    assert x.grad == pytest.approx(-np.sin(0.7))


def test_gradient_with_create_graph_returns_tensors() -> None:
    x = leaf(1.0, 2.0)
    for output in (x.sum(), (2 * x).sum(), tg.sign(x).sum(), tg.maximum(x, 1.5).sum()):
        slope = tg.gradient(output, x, create_graph=True)
        assert isinstance(slope, tg.Tensor)
    assert isinstance(tg.gradient(x, x, grad_outputs=np.ones(2), create_graph=True), tg.Tensor)


def test_gradient_penalty_trains_a_network() -> None:
    w, x = leaf(1.0, -2.0), leaf(0.5, 0.5)
    output = tg.tanh((w * x).sum())
    slope = tg.gradient(output, x, create_graph=True)
    penalty = (tg.sqrt((slope * slope).sum()) - 1) ** 2
    penalty.backward()

    def value(w: np.ndarray) -> float:
        slope = (1 - np.tanh(w @ x.data) ** 2) * w
        return (np.sqrt(slope @ slope) - 1) ** 2

    step = 1e-6
    for i in range(2):
        moved = np.eye(2)[i] * step
        expected = (value(w.data + moved) - value(w.data - moved)) / (2 * step)
        assert w.grad[i] == pytest.approx(expected, rel=1e-6)


def test_gradient_computes_a_hessian_row_by_row() -> None:
    x = leaf(1.0, 2.0, 3.0)
    slope = tg.gradient((x**2).prod(), x, create_graph=True)
    hessian = np.stack([tg.gradient(slope[i], x, retain_graph=True) for i in range(3)])
    p = np.prod(x.data**2)
    expected = 4 * p / np.outer(x.data, x.data)
    np.fill_diagonal(expected, 2 * p / x.data**2)
    np.testing.assert_allclose(hessian, expected)
