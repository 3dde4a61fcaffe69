"""Sequential, Dense and Dropout: values, gradients, dtypes, repeatability, and what they refuse."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("leading", [(5,), (), (2, 3), (0,), (1,)])
def test_dense_is_a_matrix_product(bias: bool, leading: tuple[int, ...], rng: np.random.Generator) -> None:
    layer = nn.Dense(4, 3, bias=bias, dtype=np.float64, rng=rng)
    x = tg.tensor(rng.normal(size=(*leading, 4)), requires_grad=True)
    upstream = rng.normal(size=(*leading, 3))
    if layer.bias is not None:
        layer.bias.data = rng.normal(size=3)
    result = layer(x)
    expected = x.data @ layer.weight.data + (0 if layer.bias is None else layer.bias.data)
    np.testing.assert_allclose(result.data, expected, rtol=1e-14)

    result.backward(upstream)
    np.testing.assert_allclose(x.grad, upstream @ layer.weight.data.T, rtol=1e-13)
    flat_x, flat_upstream = x.data.reshape(-1, 4), upstream.reshape(-1, 3)
    np.testing.assert_allclose(layer.weight.grad, flat_x.T @ flat_upstream, rtol=1e-12, atol=1e-14)
    if layer.bias is not None:
        np.testing.assert_allclose(layer.bias.grad, flat_upstream.sum(axis=0), rtol=1e-12, atol=1e-14)


def test_dense_parameters() -> None:
    layer = nn.Dense(4, 3)
    assert (layer.weight.shape, layer.bias.shape) == ((4, 3), (3,))
    assert layer.weight.dtype == layer.bias.dtype == np.float32
    assert not layer.bias.data.any()
    assert nn.Dense(4, 3, bias=False).bias is None
    assert nn.Dense(4, 3, dtype=np.float64).weight.dtype == np.float64


def test_dense_keeps_float32_and_promotes_to_float64() -> None:
    layer = nn.Sequential(nn.Dense(4, 3, rng=0), nn.ReLU(), nn.Dropout(0.3, rng=0), nn.Dense(3, 2, rng=0))
    assert layer(np.ones((2, 4), np.float32)).dtype == np.float32
    assert layer(np.ones((2, 4))).dtype == np.float64
    layer(np.ones((2, 4))).sum().backward()
    assert all(p.grad.dtype == np.float32 for p in layer.parameters())


def test_dense_computes_no_gradient_for_a_plain_input() -> None:
    result = nn.Dense(4, 3, rng=0)(np.ones((2, 4), np.float32))
    assert result.node.saved[0] is None


def test_dense_draws_from_a_generator_or_a_seed() -> None:
    shared = np.random.default_rng(5)
    first, second = nn.Dense(3, 3, rng=shared), nn.Dense(3, 3, rng=shared)
    assert not np.array_equal(first.weight.data, second.weight.data)
    np.testing.assert_array_equal(first.weight.data, nn.Dense(3, 3, rng=5).weight.data)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"inputs": 0}, ValueError, "Dense: inputs must be at least 1, got 0"),
        ({"neurons": -2}, ValueError, "Dense: neurons must be at least 1, got -2"),
        ({"inputs": 2.0}, TypeError, r"Dense: inputs must be an integer, got 2\.0"),
        ({"weight_l1": -1.0}, ValueError, "Dense: weight_l1 must be a finite number of at least 0"),
        ({"bias_l2": float("nan")}, ValueError, "Dense: bias_l2 must be a finite number"),
        ({"bias": False, "bias_l1": 0.1}, ValueError, "bias_l1 and bias_l2 need a bias"),
        ({"dtype": np.int64}, TypeError, "Dense: expected a floating-point dtype, got int64"),
        ({"weight_init": lambda s, rng, d: np.zeros(3)}, ValueError, r"shape \(3,\), expected \(4, 3\)"),
        ({"weight_init": "he"}, TypeError, r"weight_init must be an initialiser such as nn.init.he\(\), got 'he'"),
        (
            {"weight_init": nn.init.he},
            TypeError,
            r"init.he makes an initialiser\. Call it: nn\.init\.he\(\)",
        ),
        ({"rng": "seed"}, TypeError, "rng: expected a np.random.Generator"),
        ({"rng": -1}, ValueError, "rng: expected a seed of at least 0, got -1"),
        ({"rng": True}, TypeError, "rng: expected"),
    ],
)
def test_dense_refuses(arguments: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        nn.Dense(**{"inputs": 4, "neurons": 3, **arguments})


@pytest.mark.parametrize("bias", [True, False])
def test_sequential_names_the_layer_of_a_wrong_width(bias: bool) -> None:
    network = nn.Sequential(nn.Dense(4, 8, bias=bias, rng=0), nn.Sequential(nn.Dense(9, 3, bias=bias, rng=0)))
    with pytest.raises(ValueError, match=r"layer 1\.0: Dense\(9, 3.*\): expected inputs of width 9, .* \(2, 8\)"):
        network(np.ones((2, 4)))
    with pytest.raises(ValueError, match=r"^Dense\(4, 3.*\): expected inputs of width 4, .* shape \(\)"):
        nn.Dense(4, 3, bias=bias)(1.0)


def test_dense_reports_a_wrong_width_only_for_widths(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*arrays: Any) -> Any:
        raise ValueError("something else")

    monkeypatch.setattr("nn.layers.dense.linear", fails)
    with pytest.raises(ValueError, match=r"^something else$"):
        nn.Dense(4, 3)(np.ones((2, 4)))


def test_sequential_is_a_sequence() -> None:
    layers = [nn.Dense(2, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=0)]
    network = nn.Sequential(*layers)
    assert len(network) == 3
    assert list(network) == layers
    assert network[-1] is layers[2]
    assert list(network[:2]) == layers[:2]
    assert isinstance(network[1:], nn.Sequential)
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(network(x).data, layers[2](layers[1](layers[0](x))).data)


@pytest.mark.parametrize(
    ("layer", "hint"),
    [
        (nn.ReLU, r"Make one first: ReLU\(\.\.\.\)"),
        ([nn.ReLU()], r"Sequential\(\*layers\)"),
        (np.tanh, r"position 1\..*nn\.Tanh\(\)"),
        ({"a": nn.ReLU()}, r"Sequential\(\*layers\.values\(\)\)"),
    ],
)
def test_sequential_takes_modules_only(layer: Any, hint: str) -> None:
    with pytest.raises(TypeError, match=f"Sequential: expected modules, got .*{hint}"):
        nn.Sequential(nn.ReLU(), layer)


@given(rate=st.floats(0, 0.9), seed=st.integers(0, 2**32 - 1))
def test_dropout_drops_or_scales_and_so_does_its_gradient(rate: float, seed: int) -> None:
    x = tg.Tensor(np.full((20, 10), 3.0), requires_grad=True)
    result = nn.Dropout(rate, rng=seed)(x)
    kept = result.data != 0
    np.testing.assert_allclose(result.data[kept], 3.0 / (1 - rate), rtol=1e-15)
    result.sum().backward()
    np.testing.assert_allclose(x.grad, np.where(kept, 1 / (1 - rate), 0.0), rtol=1e-15)


def test_dropout_drops_the_requested_fraction() -> None:
    result = nn.Dropout(0.2, rng=0)(np.ones((1000, 100)))
    assert abs((result.data == 0).mean() - 0.2) < 5e-3
    assert abs(result.data.mean() - 1) < 1e-2


def test_dropout_draws_as_the_book_does() -> None:
    """The book multiplies by `binomial(1, 1 - rate) / (1 - rate)`; for rates below 1/2 the same draws are used."""
    book = np.random.RandomState(0)
    expected = book.binomial(1, 0.9, (50, 20)) / 0.9
    result = nn.Dropout(0.1, rng=np.random.RandomState(0))(np.ones((50, 20)))
    np.testing.assert_allclose(result.data, expected, rtol=1e-15)


@pytest.mark.parametrize(("weight", "bias"), [((2, 3, 4), (4,)), ((3,), ()), ((3, 4), (1, 4)), ((3, 4), ())])
def test_linear_rejects_operands_without_a_backward_pass(weight: Any, bias: Any) -> None:
    with pytest.raises(ValueError, match=r"linear: weight must be \(inputs, neurons\) and bias \(neurons,\), got"):
        nn.functional.linear(np.ones((2, 5, 3)), np.ones(weight), np.ones(bias))


@pytest.mark.parametrize("source", [7, np.random.RandomState, np.random.default_rng])
def test_dropout_is_repeatable(source: Any) -> None:
    def rng() -> Any:
        return source if isinstance(source, int) else source(7)

    x = np.ones((8, 8), np.float32)
    first, second = nn.Dropout(0.5, rng=rng()), nn.Dropout(0.5, rng=rng())
    once, again = first(x), first(x)
    assert not np.array_equal(once.data, again.data)
    np.testing.assert_array_equal(once.data, second(x).data)


def test_dropout_changes_nothing_in_evaluation_and_at_rate_0() -> None:
    x = tg.Tensor(np.ones((8, 8), np.float32), requires_grad=True)
    assert nn.Dropout(0.5).eval()(x) is x
    assert nn.Dropout(0)(x) is x
    assert isinstance(nn.Dropout(0)([1.0]), tg.Tensor)


@pytest.mark.parametrize("rate", [-0.1, 1.0, 1.5, float("nan")])
def test_dropout_refuses_rates_outside_0_and_1(rate: float) -> None:
    with pytest.raises(ValueError, match=r"Dropout: rate .* must be in \[0, 1\)"):
        nn.Dropout(rate)


@pytest.mark.parametrize("layer", [nn.Dropout(0.5), nn.SpatialDropout(0.5), nn.GaussianNoise(0.5)])
def test_dropout_refuses_integers(layer: nn.Module) -> None:
    with pytest.raises(TypeError, match=rf"^{type(layer).__name__}.*expected floating-point x, got int64"):
        layer(np.ones((2, 3), np.int64))


@pytest.mark.parametrize("rate", ["a", None, True])
def test_dropout_rates_are_numbers(rate: Any) -> None:
    with pytest.raises(TypeError, match=r"Dropout: rate .* must be a number"):
        nn.Dropout(rate)
