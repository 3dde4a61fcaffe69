"""Activations: values against plain formulas, first and second derivatives, and no surprise at huge inputs."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from tests.ops.numeric import jacobian

POINTS = np.array([[-8.0, -2.5, -1.0], [-0.3, -0.05, 0.04], [0.4, 1.5, 9.0]])

Formula = Callable[[float], float]


def normal_distribution(x: float) -> float:
    return math.erfc(-x / math.sqrt(2)) / 2


FORMULAS: list[tuple[nn.Module, Formula]] = [
    (nn.Identity(), lambda x: x),
    (nn.ReLU(), lambda x: max(x, 0.0)),
    (nn.LeakyReLU(), lambda x: x if x > 0 else 0.01 * x),
    (nn.LeakyReLU(1.5), lambda x: x if x > 0 else 1.5 * x),
    (nn.LeakyReLU(-0.3), lambda x: x if x > 0 else -0.3 * x),
    (nn.ELU(), lambda x: x if x > 0 else math.expm1(x)),
    (nn.ELU(0.5), lambda x: x if x > 0 else 0.5 * math.expm1(x)),
    (nn.GELU(), lambda x: x * normal_distribution(x)),
    (
        nn.GELU("tanh"),
        lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    ),
    (nn.SiLU(), lambda x: x / (1 + math.exp(-x))),
    (nn.Softplus(), lambda x: math.log1p(math.exp(x))),
    (nn.Sigmoid(), lambda x: 1 / (1 + math.exp(-x))),
    (nn.Tanh(), math.tanh),
]
each = pytest.mark.parametrize(("activation", "formula"), FORMULAS, ids=[repr(a) for a, _ in FORMULAS])


@each
def test_activations_have_their_values(activation: nn.Module, formula: Formula) -> None:
    expected = np.vectorize(formula)(POINTS)
    np.testing.assert_allclose(activation(POINTS).data, expected, rtol=1e-12, atol=1e-15)


@each
def test_activations_have_first_and_second_derivatives(activation: nn.Module, formula: Formula) -> None:
    x = tg.tensor(POINTS, requires_grad=True)
    slope = tg.gradient(tg.sum(activation(x)), x, create_graph=True)
    expected = [float(jacobian(lambda p: np.array(formula(float(p))), np.array(v))) for v in POINTS.ravel()]
    np.testing.assert_allclose(slope.data.ravel(), expected, rtol=1e-7, atol=1e-9)

    def slope_at(point: np.ndarray) -> np.ndarray:
        moved = tg.tensor(point, requires_grad=True)
        return tg.gradient(tg.sum(activation(moved)), moved)

    if slope.requires_grad:
        curvature = tg.gradient(tg.sum(slope), x)
        expected_diagonal = np.diag(jacobian(slope_at, POINTS).reshape(9, 9))
        np.testing.assert_allclose(curvature.ravel(), expected_diagonal, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("activation", [a for a, _ in FORMULAS] + [nn.Softmax()], ids=repr)
def test_activations_of_huge_inputs_are_finite_in_float32(activation: nn.Module) -> None:
    x = tg.tensor(np.array([[-1e4, -50.0, 0.0, 50.0, 1e4]], np.float32), requires_grad=True)
    result = activation(x)
    slope = tg.gradient(tg.sum(result * result), x, create_graph=True)
    assert result.dtype == slope.dtype == np.float32
    assert np.isfinite(result.data).all()
    assert np.isfinite(slope.data).all()
    if slope.requires_grad:
        curvature = tg.gradient(tg.sum(slope), x)
        assert curvature.dtype == np.float32
        assert np.isfinite(curvature).all()


@pytest.mark.parametrize(
    ("activation", "slope"),
    [(nn.ReLU(), 0.0), (nn.LeakyReLU(0.2), 0.2), (nn.ELU(0.5), 0.5), (nn.GELU(), 0.5), (nn.Softplus(), 0.5)],
    ids=repr,
)
def test_activations_have_the_documented_slope_at_zero(activation: nn.Module, slope: float) -> None:
    x = tg.tensor(0.0, requires_grad=True)
    activation(x).backward()
    assert x.grad == slope


@pytest.mark.parametrize(("activation", "limit"), [(nn.GELU(), 0.0), (nn.Softplus(), 0.0), (nn.ELU(), -1.0)], ids=repr)
def test_activations_approach_their_limits(activation: nn.Module, limit: float) -> None:
    np.testing.assert_array_equal(activation(np.array([-1e4, 1e4])).data, [limit, 1e4])


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_softmax_rows_are_probabilities(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 3))
    powers = np.exp(x)
    np.testing.assert_allclose(nn.Softmax(axis)(x).data, powers / powers.sum(axis, keepdims=True), rtol=1e-13)


def test_activations_accept_what_numpy_accepts() -> None:
    for activation, _ in FORMULAS:
        assert isinstance(activation([1.0, 2.0]), tg.Tensor)
        assert activation(np.ones((0, 3))).shape == (0, 3)
        assert activation(np.float32(1)).dtype == np.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.LeakyReLU(math.nan), "LeakyReLU: negative_slope must be a finite number"),
        (lambda: nn.ELU(math.inf), "ELU: alpha must be a finite number"),
        (lambda: nn.GELU("erf"), "GELU: approximate must be 'none' or 'tanh', got 'erf'"),
    ],
)
def test_activations_reject_wrong_settings(make: Callable[[], Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.int64])
def test_relu_keeps_the_dtype(dtype: Any) -> None:
    out = nn.functional.relu(np.array([[-2, 0, 3]], dtype))
    assert out.dtype == dtype
    np.testing.assert_array_equal(out.numpy(), [[0, 0, 3]])


def test_ones_are_cached_and_read_only() -> None:
    vector = nn.functional.ones(3, np.dtype(np.float32))
    assert vector.tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 2


def test_relu_passes_what_is_not_finite() -> None:
    x = np.array([np.nan, np.inf, -np.inf], np.float32)
    np.testing.assert_array_equal(nn.functional.relu(x).numpy(), [np.nan, np.inf, 0])


def test_prelu_trains_a_slope_for_each_feature(rng: np.random.Generator) -> None:
    layer = nn.PReLU(3, dtype=np.float64)
    x, upstream = rng.normal(size=(2, 5, 4, 3))
    layer(x).backward(upstream)
    expected = np.where(x > 0, 0.0, x * upstream).sum(axis=(0, 1))
    np.testing.assert_allclose(layer.weight.grad, expected, rtol=1e-12)
    np.testing.assert_allclose(layer(x).data, np.where(x > 0, x, 0.25 * x), rtol=1e-14)
    assert repr(layer) == "PReLU(features=3, dtype='float64')"
    with pytest.raises(ValueError, match=r"^PReLU\(features=3.*expected x with 3 features.*got .* shape \(2, 4\)"):
        layer(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"^prelu: expected a weight that broadcasts with x, got \(3,\)"):
        nn.functional.prelu(np.ones((2, 4)), np.ones(3))


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_glu_gates_one_half_by_the_other(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(4, 2, 6))
    values, gates = np.split(x, 2, axis=axis)
    np.testing.assert_allclose(nn.GLU(axis)(x).data, values / (1 + np.exp(-gates)), rtol=1e-12)
    assert tg.gradcheck(nn.GLU(axis), x, order=2)


def test_glu_refuses_an_odd_length() -> None:
    with pytest.raises(ValueError, match=r"^GLU\(\): expected an even length along axis -1, got .* \(2, 3\)"):
        nn.GLU()(np.ones((2, 3)))


@pytest.mark.parametrize("axis", [-1, 0])
def test_log_softmax_is_the_logarithm_of_softmax(axis: int, rng: np.random.Generator) -> None:
    x = rng.normal(size=(3, 4))
    expected = x - np.log(np.exp(x).sum(axis=axis, keepdims=True))
    np.testing.assert_allclose(nn.LogSoftmax(axis)(x).data, expected, rtol=1e-12)
