"""Layouts that layers declare: every kind of conversion, both ways, on layers whose PyTorch twins compute the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import nn
import tensorgrad as tg
from nn.interop import Foreign, Layout, exporting, foreign


def parameter(*shape: int) -> tg.Tensor:
    return tg.tensor(np.zeros(shape, np.float32), requires_grad=True)


class LSTM(nn.Module):
    """Gates in the order i, f, o, g here, and i, f, g, o in PyTorch, which has two biases."""

    pytorch_layout = Layout(
        {
            "kernel": foreign("weight_ih_l0").transpose().reorder([0, 1, 3, 2]),
            "recurrent": foreign("weight_hh_l0").transpose().reorder([0, 1, 3, 2]),
            "bias": foreign("bias_ih_l0", "bias_hh_l0").add().reorder([0, 1, 3, 2]),
        }
    )
    keras_layout = Layout(
        {
            "kernel": foreign("cell.kernel").reorder([0, 1, 3, 2]),
            "recurrent": foreign("cell.recurrent_kernel").reorder([0, 1, 3, 2]),
            "bias": foreign("cell.bias").reorder([0, 1, 3, 2]),
        }
    )

    def __init__(self, inputs: int, units: int) -> None:
        self.kernel, self.recurrent = parameter(inputs, 4 * units), parameter(units, 4 * units)
        self.bias = parameter(4 * units)

    def forward(self, x: Any) -> Any:
        units = self.recurrent.shape[0]
        h = c = np.zeros((len(x), units), np.float32)
        for t in range(x.shape[1]):
            i, f, o, g = tg.split(x[:, t] @ self.kernel + h @ self.recurrent + self.bias, 4, axis=1)
            c = tg.sigmoid(f) * c + tg.sigmoid(i) * tg.tanh(g)
            h = tg.sigmoid(o) * tg.tanh(c)
        return h


class Attention(nn.Module):
    """One head. Queries, keys and values are layers here, and one matrix in PyTorch."""

    pytorch_layout = Layout(
        {
            ("query.weight", "key.weight", "value.weight"): foreign("in_proj_weight").transpose().split(3),
            ("query.bias", "key.bias", "value.bias"): foreign("in_proj_bias").split(3),
            "output.weight": foreign("out_proj.weight").transpose(),
            "output.bias": "out_proj.bias",
        }
    )

    def __init__(self, width: int) -> None:
        self.query, self.key, self.value, self.output = (nn.Dense(width, width, rng=0) for _ in range(4))

    def forward(self, x: Any) -> Any:
        q, k, v = self.query(x), self.key(x), self.value(x)
        return self.output(tg.softmax(q @ tg.swapaxes(k, -1, -2) / np.sqrt(x.shape[-1]).astype("f4")) @ v)


class BatchNorm(nn.Module):
    """Running statistics are buffers, and PyTorch counts batches."""

    state_names = ("running_mean", "running_variance")
    pytorch_layout = Layout(
        {"gamma": "weight", "beta": "bias", "running_mean": "running_mean", "running_variance": "running_var"},
        ignored=["num_batches_tracked"],
    )
    keras_layout = Layout(
        {"gamma": "gamma", "beta": "beta", "running_mean": "moving_mean", "running_variance": "moving_variance"},
        name="batch_normalization",
    )

    def __init__(self, features: int, epsilon: float = 1e-5) -> None:
        self.gamma, self.beta = parameter(features), parameter(features)
        self.running_mean, self.running_variance = (tg.tensor(np.zeros(features, np.float32)) for _ in range(2))
        self.epsilon = epsilon

    def forward(self, x: Any) -> Any:
        return (x - self.running_mean) / tg.sqrt(self.running_variance + self.epsilon) * self.gamma + self.beta


class Pointwise(nn.Module):
    """A 1×1 convolution on channels-last images, whose kernel PyTorch has channels first."""

    pytorch_layout = Layout({"weight": foreign("weight").transpose(2, 3, 1, 0), "bias": "bias"})

    def __init__(self, channels: int, filters: int) -> None:
        self.weight, self.bias = parameter(1, 1, channels, filters), parameter(filters)

    def forward(self, x: Any) -> Any:
        return x @ self.weight[0, 0] + self.bias


def randomized(torch: Any, module: Any) -> Any:
    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return module.eval()


def assert_same_both_ways(torch: Any, mine: nn.Module, theirs: Any, x: Any, call: Any = None) -> None:
    """Their weights give their outputs here, and saved from here, the same outputs there again."""
    call = call or theirs
    with torch.no_grad():
        report = nn.interop.load_pytorch(mine, randomized(torch, theirs).state_dict())
        assert report.complete
        expected = call(torch.from_numpy(x)).numpy()
        np.testing.assert_allclose(mine(x).data, expected, rtol=1e-5, atol=1e-5)
        state = exporting._foreign_state(mine, "PyTorch", "")
        saved = {name: torch.from_numpy(np.array(array)) for name, array in state.items()}
        for tensor in theirs.state_dict().values():
            tensor.zero_()
        missing = theirs.load_state_dict(saved, strict=False).missing_keys
        assert all(name.endswith("num_batches_tracked") for name in missing)
        np.testing.assert_allclose(call(torch.from_numpy(x)).numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.slow
def test_layout_reorders_gates_and_adds_biases(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.LSTM(3, 5, batch_first=True)
    x = rng.normal(size=(2, 4, 3)).astype("f4")
    assert_same_both_ways(torch, LSTM(3, 5), theirs, x, lambda inputs: theirs(inputs)[0][:, -1])


def test_layout_splits_packed_projections_among_inner_layers(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.MultiheadAttention(4, 1, batch_first=True)
    x = rng.normal(size=(2, 3, 4)).astype("f4")
    assert_same_both_ways(torch, Attention(4), theirs, x, lambda inputs: theirs(inputs, inputs, inputs)[0])


def test_layout_loads_buffers_and_ignores_counters(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    network = nn.Sequential(nn.Dense(3, 4, rng=0), BatchNorm(4))
    theirs = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    assert_same_both_ways(torch, network, theirs, rng.normal(size=(5, 3)).astype("f4"))


def test_layout_permutes_axes_of_kernels(rng: np.random.Generator) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    theirs = torch.nn.Conv2d(3, 4, 1)
    x = rng.normal(size=(2, 5, 6, 3)).astype("f4")
    call = lambda images: theirs(images.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)  # noqa: E731
    assert_same_both_ways(torch, Pointwise(3, 4), theirs, x, call)


def test_layout_by_order_tells_layers_apart_by_their_names() -> None:
    state = {
        "first.weight": np.ones((4, 3)), "first.bias": np.ones(4),
        "norm.weight": np.full(4, 2.0), "norm.bias": np.full(4, 3.0), "norm.running_mean": np.full(4, 4.0),
        "norm.running_var": np.full(4, 5.0), "norm.num_batches_tracked": np.array(7),
        "last.weight": np.full((4, 4), 6.0), "last.bias": np.full(4, 7.0),
    }  # fmt: skip
    network = nn.Sequential(nn.Dense(3, 4), BatchNorm(4), nn.Dense(4, 4))
    report = nn.interop.load_pytorch(network, state, names="order")
    assert report.loaded == list(network.state_dict())
    assert [float(array.flat[0]) for array in network.state_dict().values()] == [1, 1, 2, 3, 4, 5, 6, 7]
    assert report.unused == []


STEPS = {
    "transpose": (lambda f: f.transpose(2, 0, 1), [(4, 6, 8)]),
    "reversed axes": (lambda f: f.transpose(), [(4, 6, 8)]),
    "reshape": (lambda f: f.reshape((4, 6, 8), (24, 8)), [(4, 6, 8)]),
    "reorder": (lambda f: f.reorder([2, 0, 3, 1], axis=-1), [(4, 6, 8)]),
    "split": (lambda f: f.split([1, 3], axis=0), [(4, 6, 8)]),
    "join": (lambda f: f.join([1, 3], axis=1), [(2, 1), (2, 3)]),
    "join equally": (lambda f: f.join(axis=1), [(2, 3), (2, 3)]),
    "several": (lambda f: f.transpose().reorder([1, 0], axis=0).split(2, axis=1), [(4, 6)]),
    "convert": (lambda f: f.convert(lambda a: (-a[0],), lambda a: (-a[0],)), [(3,)]),
}


@pytest.mark.parametrize("name", STEPS)
def test_foreign_steps_are_undone_by_saving(name: str, rng: np.random.Generator) -> None:
    steps, shapes = STEPS[name]
    theirs: Foreign = steps(foreign(*(f"tensor{i}" for i in range(len(shapes)))))
    arrays = tuple(rng.normal(size=shape) for shape in shapes)
    ours = theirs.to_ours(arrays)
    assert sum(array.size for array in ours) == sum(array.size for array in arrays)
    again = theirs.to_theirs(ours)
    assert len(again) == len(arrays)
    for array, expected in zip(again, arrays):
        np.testing.assert_array_equal(array, expected)


@given(st.permutations(range(4)))
def test_foreign_reorder_takes_the_named_blocks(order: list[int]) -> None:
    (result,) = foreign("x").reorder(order).to_ours((np.repeat(np.arange(4), 3),))
    assert result.tolist() == [block for block in order for _ in range(3)]


def test_layout_of_a_property_depends_on_the_layer() -> None:
    class Scaled(nn.Module):
        def __init__(self, heads: int) -> None:
            self.heads, self.scale = heads, parameter(heads * 2)

        @property
        def pytorch_layout(self) -> Layout:
            return Layout({"scale": foreign(*(f"head{i}" for i in range(self.heads))).join()})

    layer = Scaled(2)
    assert nn.interop.load_pytorch(layer, {"head0": np.ones(2), "head1": np.full(2, 3.0)}).complete
    assert layer.scale.data.tolist() == [1, 1, 3, 3]
