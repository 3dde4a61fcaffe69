"""Normalisation layers: PyTorch's values, gradients and running statistics; saving, freezing, and what they refuse."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn import functional

EXACT: dict[str, float] = {"rtol": 1e-10, "atol": 1e-10}


def torch_or_skip() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed: its numbers are not compared")


def randomised(layer: Any, rng: np.random.Generator) -> Any:
    """Set the weight and the bias to numbers that matter."""
    for parameter in layer.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return layer


def channels_first(torch: Any, array: np.ndarray) -> Any:
    return torch.tensor(np.moveaxis(array, -1, 1).copy(), requires_grad=True)


def channels_last(tensor: Any) -> np.ndarray:
    return np.moveaxis(tensor.detach().numpy(), 1, -1)


def give_parameters(torch: Any, ours: Any, theirs: Any) -> None:
    with torch.no_grad():
        for name in ("weight", "bias"):
            if getattr(theirs, name, None) is not None:
                getattr(theirs, name).copy_(torch.tensor(getattr(ours, name).data))


def assert_same_step(torch: Any, ours: Any, theirs: Any, x: np.ndarray, rng: np.random.Generator, last: bool) -> None:
    """Compare the result, and the gradients of x and of the parameters; `last`: PyTorch, too, has the features last."""
    upstream = rng.normal(size=x.shape)
    leaf = tg.tensor(x, requires_grad=True)
    result = ours(leaf)
    result.backward(upstream)
    other = torch.tensor(x, requires_grad=True) if last else channels_first(torch, x)
    expected = theirs(other)
    expected.backward(torch.tensor(upstream if last else np.moveaxis(upstream, -1, 1).copy()))
    order: Callable[[Any], np.ndarray] = (lambda t: t.detach().numpy()) if last else channels_last
    np.testing.assert_allclose(result.data, order(expected), **EXACT)
    np.testing.assert_allclose(leaf.grad, order(other.grad), **EXACT)
    for name in ("weight", "bias"):
        parameter = getattr(theirs, name, None)
        if parameter is not None and parameter.grad is not None:
            np.testing.assert_allclose(getattr(ours, name).grad, parameter.grad.numpy(), **EXACT)
            getattr(ours, name).zero_grad()
            parameter.grad = None


# -- beside PyTorch -------------------------------------------------------------------------------------------

BATCHES = [(5, 3), (16, 7), (2, 4, 3), (3, 5, 4, 2), (2, 16, 16, 8), (4, 13, 11, 16), (16, 12, 12, 40)]
"""Shapes with odd and even numbers of pixels, and with one block and several."""


@pytest.mark.slow
@pytest.mark.parametrize("shape", BATCHES)
@pytest.mark.parametrize(("momentum", "affine"), [*itertools.product([0.9, 0.7, 0.0, None], [True, False])])
def test_batch_norm_is_pytorchs(
    shape: tuple[int, ...], momentum: float | None, affine: bool, rng: np.random.Generator
) -> None:
    torch = torch_or_skip()
    kind = {2: torch.nn.BatchNorm1d, 3: torch.nn.BatchNorm1d, 4: torch.nn.BatchNorm2d}[len(shape)]
    ours = randomised(nn.BatchNorm(shape[-1], momentum=momentum, epsilon=1e-3, affine=affine, dtype=np.float64), rng)
    theirs = kind(
        shape[-1], eps=1e-3, momentum=None if momentum is None else 1 - momentum, affine=affine, dtype=torch.float64
    )
    give_parameters(torch, ours, theirs)
    for step in range(2):
        assert_same_step(torch, ours, theirs, rng.normal(step, 1 + step, shape), rng, last=False)
        np.testing.assert_allclose(ours.running_mean.data, theirs.running_mean.numpy(), **EXACT)
        np.testing.assert_allclose(ours.running_variance.data, theirs.running_var.numpy(), **EXACT)
    ours.eval()
    theirs.eval()
    assert_same_step(torch, ours, theirs, rng.normal(size=shape), rng, last=False)
    np.testing.assert_allclose(ours.running_mean.data, theirs.running_mean.numpy(), **EXACT)


@pytest.mark.parametrize("shape", [(3,), (4, 8), (2, 5, 16), (1, 1), (2, 3, 4, 5), (300, 129)])
@pytest.mark.parametrize(("affine", "bias"), [(True, True), (True, False), (False, False)])
def test_layer_norm_is_pytorchs(shape: tuple[int, ...], affine: bool, bias: bool, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    ours = randomised(nn.LayerNorm(shape[-1], epsilon=1e-4, affine=affine, bias=bias, dtype=np.float64), rng)
    theirs = torch.nn.LayerNorm(shape[-1], 1e-4, affine, bias, dtype=torch.float64)
    give_parameters(torch, ours, theirs)
    assert_same_step(torch, ours, theirs, rng.normal(3, 2, shape), rng, last=True)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_layer_norm_over_several_axes_is_pytorchs(axes: int, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    x = rng.normal(size=(2, 3, 4, 5))
    weight, bias = rng.normal(size=(2, *x.shape[-axes:]))
    expected = torch.nn.functional.layer_norm(
        *map(torch.tensor, (x,)), x.shape[-axes:], *map(torch.tensor, (weight, bias))
    )
    np.testing.assert_allclose(functional.layer_norm(x, weight, bias, axes=axes).data, expected.numpy(), **EXACT)


@pytest.mark.parametrize("shape", [(3,), (4, 8), (2, 5, 16), (1, 1), (300, 129)])
@pytest.mark.parametrize("affine", [True, False])
def test_rms_norm_is_pytorchs(shape: tuple[int, ...], affine: bool, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    ours = randomised(nn.RMSNorm(shape[-1], epsilon=1e-4, affine=affine, dtype=np.float64), rng)
    theirs = torch.nn.RMSNorm(shape[-1], 1e-4, affine, dtype=torch.float64)
    give_parameters(torch, ours, theirs)
    assert_same_step(torch, ours, theirs, rng.normal(3, 2, shape), rng, last=True)


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(3, 8), (2, 5, 8), (2, 3, 5, 8), (2, 60, 64, 8), (1, 1, 8)])
@pytest.mark.parametrize(("groups", "affine"), [*itertools.product([1, 2, 4], [True, False])])
def test_group_norm_is_pytorchs(shape: tuple[int, ...], groups: int, affine: bool, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    ours = randomised(nn.GroupNorm(shape[-1], groups, epsilon=1e-4, affine=affine, dtype=np.float64), rng)
    theirs = torch.nn.GroupNorm(groups, shape[-1], 1e-4, affine, dtype=torch.float64)
    give_parameters(torch, ours, theirs)
    assert_same_step(torch, ours, theirs, rng.normal(3, 2, shape), rng, last=False)


@pytest.mark.parametrize("shape", [(2, 5, 3), (2, 3, 5, 4), (3, 64, 64, 8)])
@pytest.mark.parametrize("affine", [True, False])
def test_instance_norm_is_pytorchs(shape: tuple[int, ...], affine: bool, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    ours = randomised(nn.InstanceNorm(shape[-1], epsilon=1e-4, affine=affine, dtype=np.float64), rng)
    kind = torch.nn.InstanceNorm1d if len(shape) == 3 else torch.nn.InstanceNorm2d
    theirs = kind(shape[-1], 1e-4, affine=affine, dtype=torch.float64)
    give_parameters(torch, ours, theirs)
    assert_same_step(torch, ours, theirs, rng.normal(3, 2, shape), rng, last=False)


@pytest.mark.parametrize("offset", [0.0, 100.0, 1e4])
@pytest.mark.parametrize("shape", [(32, 8, 8, 16), (128, 40)])
def test_normalisation_in_float32_is_as_exact_as_pytorchs(
    shape: tuple[int, ...], offset: float, rng: np.random.Generator
) -> None:
    torch = torch_or_skip()
    x = (rng.normal(size=shape) + offset).astype("f4")
    last = torch.tensor(x)
    first = torch.tensor(np.moveaxis(x, -1, 1).copy())
    layers = {
        "batch": (
            nn.BatchNorm(shape[-1]),
            lambda: channels_last(torch.nn.functional.batch_norm(first, None, None, training=True)),
        ),
        "layer": (nn.LayerNorm(shape[-1]), lambda: torch.nn.functional.layer_norm(last, shape[-1:]).numpy()),
        "group": (nn.GroupNorm(shape[-1], 4), lambda: channels_last(torch.nn.functional.group_norm(first, 4))),
    }
    exact = {
        "batch": functional.batch_norm(x.astype("f8")).output,
        "layer": functional.layer_norm(x.astype("f8")),
        "group": functional.group_norm(x.astype("f8"), 4),
    }
    for name, (layer, theirs) in layers.items():
        ours = layer(x)
        assert ours.dtype == np.float32
        error, other = (np.abs(each - exact[name].data).max() for each in (ours.data, theirs()))
        assert error <= max(4 * other, 1e-6), f"{name}: {error} and {other}"


# -- derivatives ----------------------------------------------------------------------------------------------


def everything(x: Any, weight: Any, bias: Any) -> Any:
    """Return a number to which each result of `batch_norm` contributes."""
    result = functional.batch_norm(x, weight, bias)
    return tg.sum(tg.sin(result.output)) + tg.sum(result.mean * result.variance)


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "batch_norm": everything,
    "batch_norm_with": lambda x, w, b: functional.batch_norm_with(x, 0.3 * b, w * w, w, b),
    "group_norm": lambda x, w, b: functional.group_norm(x, 2, w, b),
    "instance_norm": functional.instance_norm,
    "layer_norm": functional.layer_norm,
    "rms_norm": lambda x, w, b: functional.rms_norm(x, w) + b,
}


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_normalisation_passes_gradcheck(name: str, order: int, rng: np.random.Generator) -> None:
    x, weight, bias = rng.normal(size=(3, 3, 4)), rng.uniform(0.5, 1.5, 4), rng.normal(size=4)
    assert tg.gradcheck(FUNCTIONS[name], (x, weight, bias), order=order)


def test_normalisation_in_float16_does_not_overflow() -> None:
    x = tg.tensor(np.full((400, 4), 300.0, np.float16) + np.arange(4, dtype=np.float16), requires_grad=True)
    for layer in (nn.LayerNorm(4, dtype=np.float16), nn.BatchNorm(4, dtype=np.float16)):
        result = layer(x)
        assert result.dtype == np.float16
        result.sum().backward()
        assert np.isfinite(result.data).all()
        assert np.isfinite(x.grad).all()


# -- behaviour ------------------------------------------------------------------------------------------------


def test_batch_norm_evaluation_changes_nothing(rng: np.random.Generator) -> None:
    layer = nn.BatchNorm(3)
    layer(rng.normal(size=(8, 3)))
    before = layer.state_dict()
    layer.eval()(rng.normal(size=(8, 3)))
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_batch_norm_state_is_saved_and_not_trained() -> None:
    layer = nn.BatchNorm(3)
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_variance"]
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]
    assert list(nn.BatchNorm(3, momentum=None, affine=False).state_dict()) == [
        "running_mean", "running_variance", "batches",
    ]  # fmt: skip


def test_batch_norm_frozen_uses_the_running_statistics_in_training(rng: np.random.Generator) -> None:
    layer, x = nn.BatchNorm(3), rng.normal(2, 3, (16, 3))
    layer(x)
    before = layer.state_dict()
    expected = layer.eval()(x).data
    layer.train().freeze()
    np.testing.assert_array_equal(layer(x).data, expected)
    assert list(layer.parameters()) == []
    assert all(np.array_equal(before[name], array) for name, array in layer.state_dict().items())
    assert repr(layer) == "BatchNorm(3, frozen=True)"
    layer.freeze(False)
    assert len(list(layer.parameters())) == 2
    layer(x)
    assert not np.array_equal(before["running_mean"], layer.running_mean.data)


def test_batch_norm_bad_batch_leaves_the_statistics_alone() -> None:
    layer = nn.BatchNorm(3)
    before = layer.state_dict()
    for wrong in (np.ones((4, 2)), np.ones((1, 3)), np.ones((0, 3))):
        with pytest.raises(ValueError, match=r"^BatchNorm\(3\): "):
            layer(wrong)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


LAYERS: list[nn.Module] = [
    nn.BatchNorm(4), nn.BatchNorm(4, momentum=None, epsilon=0.1), nn.BatchNorm(4, affine=False, frozen=True),
    nn.LayerNorm(4, bias=False), nn.RMSNorm(4, dtype=np.float64), nn.GroupNorm(4, 2), nn.InstanceNorm(4, affine=False),
]  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS, ids=repr)
def test_model_with_normalisation_is_saved_and_loaded(
    layer: nn.Module, tmp_path: Path, rng: np.random.Generator
) -> None:
    network = nn.Sequential(nn.Dense(3, 4, rng=0), layer)
    x = rng.normal(size=(6, 5, 3)).astype("f4")
    network(x)
    network(x + 1)
    model = nn.Model(network, loss=nn.MeanSquaredError())
    model.save(tmp_path / "model.safetensors")
    loaded = nn.Model.load(tmp_path / "model.safetensors").network
    assert repr(loaded) == repr(network)
    np.testing.assert_array_equal(loaded.eval()(x).data, network.eval()(x).data)
    np.testing.assert_array_equal(loaded.train()(x).data, network.train()(x).data)


def test_repr_is_the_call_that_makes_the_layer() -> None:
    assert [repr(layer) for layer in LAYERS] == [
        "BatchNorm(4)", "BatchNorm(4, epsilon=0.1, momentum=None)", "BatchNorm(4, affine=False, frozen=True)",
        "LayerNorm(4, bias=False)", "RMSNorm(4, dtype='float64')", "GroupNorm(4, 2)", "InstanceNorm(4, affine=False)",
    ]  # fmt: skip


# -- weights of PyTorch and Keras -------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.9, None])
def test_normalisation_loads_pytorch_weights(momentum: float | None, tmp_path: Path, rng: np.random.Generator) -> None:
    torch = torch_or_skip()
    theirs = torch.nn.Sequential(
        torch.nn.BatchNorm1d(4), torch.nn.LayerNorm(4), torch.nn.GroupNorm(2, 4), torch.nn.RMSNorm(4, eps=1e-5)
    )
    network = nn.Sequential(nn.BatchNorm(4, momentum=momentum), nn.LayerNorm(4), nn.GroupNorm(4, 2), nn.RMSNorm(4))
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.copy_(torch.tensor(rng.normal(size=parameter.shape)))
    x = rng.normal(1, 2, (6, 4)).astype("f4")
    theirs(torch.tensor(x))
    report = nn.interop.load_pytorch(network, theirs.state_dict())
    assert report.complete
    expected = theirs.eval()(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(network.eval()(x).data, expected, rtol=1e-4, atol=1e-5)
    if momentum is None:
        assert network[0].batches.item() == 1
    nn.interop.save_pytorch(network, tmp_path / "saved.safetensors")
    assert nn.interop.load_pytorch(network, tmp_path / "saved.safetensors").complete


def test_normalisation_loads_keras_weights_in_the_order_of_variables() -> None:
    network = nn.Sequential(nn.BatchNorm(2), nn.LayerNorm(2), nn.GroupNorm(2, 1), nn.RMSNorm(2))
    arrays = [np.full(2, float(number)) for number in range(1, 10)]
    assert nn.interop.load_keras(network, arrays).complete
    assert [float(array[0]) for array in network.state_dict().values()] == [1, 2, 3, 4, 5, 6, 7, 8, 9]


# -- bad input ------------------------------------------------------------------------------------------------

BAD_ARGUMENTS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: nn.BatchNorm(0), ValueError, r"^BatchNorm: features must be at least 1, got 0"),
    (lambda: nn.LayerNorm(2.5), TypeError, r"^LayerNorm: features must be an integer, got 2\.5"),
    (lambda: nn.BatchNorm(3, momentum=1.5), ValueError, r"^BatchNorm: momentum must be in \[0, 1\]"),
    (lambda: nn.RMSNorm(3, epsilon=-1.0), ValueError, r"^RMSNorm: epsilon must be a finite number of at least 0"),
    (lambda: nn.GroupNorm(6, 4), ValueError, r"^GroupNorm: features must be a multiple of groups, got 6 and 4"),
    (lambda: nn.InstanceNorm(3, dtype=int), TypeError, r"^InstanceNorm: expected a floating-point dtype, got int64"),
    (lambda: nn.LayerNorm(3, weight_init=lambda s, r, d: np.ones(2)), ValueError, r"shape \(2,\), expected \(3,\)"),
    (lambda: nn.BatchNorm2d, AttributeError, r"Use nn\.BatchNorm"),
    (lambda: nn.LayerNorm(3)(np.ones((2, 4))), ValueError, r"^LayerNorm\(3\): expected x with 3 features.*\(2, 4\)"),
    (lambda: nn.BatchNorm(3)(np.ones((2, 3, 8, 8))), ValueError, r"pass np\.moveaxis\(x, 1, -1\)"),
    (lambda: nn.GroupNorm(4, 2)(np.ones(4)), ValueError, r"^GroupNorm\(4, 2\): expected x of shape \(samples, …"),
    (lambda: functional.batch_norm(np.ones((2, 3)), np.ones(2)), ValueError, r"^batch_norm: .*a weight of shape"),
    (lambda: functional.layer_norm(np.ones((2, 3)), None, 1.0), ValueError, r"^layer_norm: .*a bias of shape"),
    (lambda: functional.layer_norm(np.ones((2, 3)), axes=3), ValueError, r"^layer_norm: .*last 3 axes"),
    (lambda: functional.layer_norm(np.ones((2, 0))), ValueError, r"^layer_norm: expected x with numbers to average"),
    (lambda: nn.InstanceNorm(3)(np.ones((2, 1, 1, 3))), ValueError, r"^InstanceNorm\(3\): .*with several pixels"),
    (lambda: functional.instance_norm(np.ones((2, 3))), ValueError, r"^instance_norm: .*with several pixels"),
    (lambda: functional.group_norm(np.ones((2, 3)), 2), ValueError, r"^group_norm: .*a multiple of the 2 groups"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "message"), BAD_ARGUMENTS)
def test_normalisation_rejects_wrong_arguments(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_normalisation_names_the_path_of_a_layer_with_wrong_features() -> None:
    network = nn.Sequential(nn.Dense(2, 4, rng=0), nn.LayerNorm(3))
    with pytest.raises(ValueError, match=r"^layer 1: LayerNorm\(3\): expected x with 3 features"):
        network(np.ones((2, 2)))


def test_batch_norm_trains_in_a_model() -> None:
    x, y = nn.datasets.vertical(60, 3, rng=0)
    network = nn.Sequential(nn.Dense(2, 16, rng=0), nn.BatchNorm(16), nn.ReLU(), nn.Dense(16, 3, rng=1))
    optimizer = nn.Adam(network.parameters(), learning_rate=0.05)
    model = nn.Model(network, loss=nn.SoftmaxCrossEntropy(), optimizer=optimizer, metrics=[nn.CategoricalAccuracy()])
    model.fit(x, y, epochs=30, batch_size=30, verbose=0)
    assert model.evaluate(x, y)["accuracy"] > 0.85


def test_batch_norm_in_fit_takes_a_last_batch_of_one_sample_with_the_batch_before() -> None:
    X = np.arange(18.0).reshape(9, 2)
    network = nn.Sequential(nn.BatchNorm(2, momentum=None, dtype="f8"), nn.Dense(2, 1, dtype="f8", rng=0))
    seen: list[int] = []

    class Sizes(nn.Callback):
        def on_step_end(self, step: int, logs: Any) -> None:
            seen.append(step)

    model = nn.Model(network, loss=nn.MeanSquaredError(), optimizer=nn.SGD(network.parameters(), learning_rate=0.0))
    model.fit(X, X[:, :1], batch_size=4, shuffle=False, callbacks=[Sizes()], verbose=0)
    assert seen == [0, 1]  # 4 and 5 samples
    np.testing.assert_allclose(network[0].running_mean.data, (X[:4].mean(0) + X[4:].mean(0)) / 2)
    network[0].freeze()  # a single sample is no problem for fixed statistics
    model.fit(X, X[:, :1], batch_size=4, shuffle=False, callbacks=[Sizes()], verbose=0)
    assert seen == [0, 1, 0, 1, 2]
    network[0].freeze(False)
    with pytest.raises(ValueError, match=r"layer 0: BatchNorm.*at least 2 numbers.*batch_size of at least 2"):
        model.fit(X, X[:, :1], batch_size=1, verbose=0)
