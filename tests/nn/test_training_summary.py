"""Costs in `summary`: operations counted by hand and by PyTorch, and memory kept for the backward pass."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg
from nn.training.summary import layer_costs, summary
from tensorgrad.costs import costs
from tensorgrad.viz.recording.expansion import expanded

B = 4  # samples


def total(network: nn.Module, shape: tuple[int, ...], batch_size: int = B) -> tuple[int, int]:
    found = layer_costs(network, shape, batch_size)
    assert found is not None
    return sum(cost.flops for cost in found.values()), sum(cost.kept for cost in found.values())


# kind, shape of a sample, floating-point operations for B samples, bytes kept for B float32 samples
BY_HAND: list[tuple[nn.Module, tuple[int, ...], int, int | None]] = [
    (nn.Dense(6, 5), (6,), B * 5 * (2 * 6 + 1), 0),  # x is the samples themselves
    (nn.Dense(6, 5, bias=False), (3, 6), B * 3 * 5 * 2 * 6, 0),
    (nn.Conv1D(2, 5, 3), (9, 2), B * 7 * 5 * (2 * 3 * 2 + 1), 0),
    (nn.Conv2D(2, 5, 3, padding="same"), (6, 7, 2), B * 6 * 7 * 5 * (2 * 9 * 2 + 1), 0),
    (nn.Conv2D(4, 8, 3, stride=2, groups=4, bias=False), (7, 7, 4), B * 3 * 3 * 8 * 2 * 9, 0),
    (nn.ConvTranspose1D(2, 5, 3, stride=2), (4, 2), B * (2 * 4 * 2 * 3 * 5 + 9 * 5), 0),
    (nn.ConvTranspose2D(2, 3, 2, stride=2, bias=False), (4, 4, 2), B * 2 * 4 * 4 * 2 * 4 * 3, 0),
    (nn.ReLU(), (10,), B * 10, 0),  # without parameters before it, no gradient is needed
    (nn.Softmax(), (10,), B * 10 * 5, 0),  # maximum, difference, exponential, sum, quotient
    (nn.MaxPool2D(2), (4, 6, 3), B * 2 * 3 * 3 * 4, 0),
    (nn.AveragePool1D(3, stride=1), (6, 2), B * 4 * 2 * 3, 0),
    (nn.GlobalAveragePool(), (4, 5, 3), B * 4 * 5 * 3, 0),
    (nn.GlobalMaxPool(), (4, 5, 3), B * 4 * 5 * 3, 0),
    (nn.Flatten(), (4, 5), 0, 0),
    (nn.Reshape((20,)), (4, 5), 0, 0),
    (nn.ZeroPad2D(1), (4, 5, 2), 0, 0),
    (nn.Identity(), (3,), 0, 0),
    (nn.Embedding(7, 5), (3,), 0, B * 3 * 8),  # a copy of the ids
    (nn.Dropout(0.5), (10,), B * 10, 0),
    # mean, difference, square, mean, quotient, scale, shift for each number; + epsilon, square root for each feature
    (nn.BatchNorm(3), (5, 3), 7 * B * 5 * 3 + 2 * 3, 2 * 3 * 8),
    (nn.LayerNorm(6), (5, 6), B * 5 * (7 * 6 + 2), B * 5 * (6 + 1) * 4),  # normalised numbers, 1 / deviation
    # the square, its mean, quotient, scale; + epsilon, square root
    (nn.RMSNorm(6), (6,), B * (4 * 6 + 2), B * (6 + 1) * 4),
    # x @ weight + bias, h @ recurrent_weight; per step a sum and tanh for each unit. One array keeps the input, the
    # state and a 1 for each of 5 steps, and the final state
    (nn.RNN(2, 3), (5, 2), B * 5 * 3 * (2 * 2 + 1 + 2 * 3 + 2), B * 6 * (2 + 3 + 1) * 4),
    # 4 gates, each a sum and a sigmoid or tanh; 3 products, 1 sum and 1 tanh for the cell and the hidden state
    (nn.GRU(2, 3), (5, 2), B * 5 * (9 * (2 * 2 + 1 + 2 * 3 + 1) + 10 * 3), None),
    (nn.LSTM(2, 3), (5, 2), B * 5 * (12 * (2 * 2 + 1 + 2 * 3 + 2) + 3 * 5), None),
    (nn.Residual(nn.Dense(6, 6)), (6,), B * (6 * 13 + 6), 0),
]


@pytest.mark.parametrize(("network", "shape", "flops", "kept"), BY_HAND, ids=lambda each: repr(each)[:30])
def test_layer_costs_equal_those_counted_by_hand(
    network: nn.Module, shape: tuple[int, ...], flops: int, kept: int | None
) -> None:
    found = total(network, shape)
    assert found[0] == flops
    assert kept is None or found[1] == kept


def test_layer_costs_count_memory_once_for_the_first_layer_that_keeps_it() -> None:
    network = nn.Sequential(nn.Dense(6, 5), nn.Tanh(), nn.Dense(5, 4), nn.ReLU(), nn.Dropout(0.5), nn.Dense(4, 3))
    found = layer_costs(network, (6,), B)
    assert found is not None
    kept = {path: cost.kept for path, cost in found.items()}
    # tanh and relu keep their results, dropout its mask; the second Dense uses what tanh keeps, the third a new product
    assert kept == {"0": 0, "1": 4 * B * 5, "2": 0, "3": 4 * B * 4, "4": 4 * B * 4, "5": 4 * B * 4}


def test_layer_costs_follow_the_batch_size_and_leave_the_network_alone() -> None:
    network = nn.Sequential(nn.Conv2D(1, 4, 3, rng=0), nn.BatchNorm(4), nn.Dropout(0.5, rng=0), nn.Flatten())
    before = network.state_dict()
    state = network[2].rng.bit_generator.state
    one, ten = total(network, (6, 6, 1), 1), total(network, (6, 6, 1), 10)
    per_sample = 4 * 16 * (2 * 9 + 1) + 7 * 4 * 16 + 4 * 16
    assert (one[0], ten[0]) == (per_sample + 8, 10 * per_sample + 8)
    assert ten[1] - one[1] == 9 * 4 * (4 * 16 + 4 * 16)  # the input of the normalisation, and the mask of dropout
    assert network[2].rng.bit_generator.state == state
    for name, values in network.state_dict().items():
        np.testing.assert_array_equal(values, before[name])


class Captions(nn.Module):
    """Network with two inputs of different dtypes: an image, and the first words of its caption."""

    def __init__(self) -> None:
        self.image, self.words = nn.Dense(6, 5, rng=0), nn.Embedding(7, 5, rng=1)

    def forward(self, image: Any, words: Any) -> Any:
        return self.image(image) + self.words(words).sum(axis=1)


@pytest.mark.parametrize("kind", [dict, tuple])
def test_summary_of_several_inputs_has_costs(kind: Any, capsys: pytest.CaptureFixture[str]) -> None:
    image, words = np.ones((B, 6), np.float32), np.array([[6, 2, 0]] * B)
    X: Any = {"image": image, "words": words} if kind is dict else (image, words)
    network = Captions()
    found = layer_costs(network, X, B)
    assert found is not None
    assert {path: cost.flops for path, cost in found.items()} == {"image": B * 5 * 13, "words": 0, "": B * (3 * 5 + 5)}
    expected = summary(network, X, B)
    assert f"forward pass of 4 samples: {B * 85} FLOPs" in expected
    model = nn.Model(network, loss=nn.MeanSquaredError())
    model.summary()
    assert "FLOPs" not in capsys.readouterr().out, "no data have been seen"
    model.predict(X)
    model.summary(batch_size=B)
    assert capsys.readouterr().out == expected + "\n"
    shapes: Any = {"image": (6,), "words": words} if kind is dict else ((6,), words)
    model.summary(shapes, batch_size=B)
    assert capsys.readouterr().out == expected + "\n"


def test_summary_passes_lengths_that_forward_needs(capsys: pytest.CaptureFixture[str]) -> None:
    class Last(nn.Module):
        def __init__(self) -> None:
            self.layer = nn.LSTM(3, 4, rng=0)

        def forward(self, x: Any, lengths: Any) -> Any:
            return self.layer(x, lengths=lengths)

    model = nn.Model(Last(), loss=nn.MeanSquaredError())
    model.predict({"x": np.ones((2, 5, 3), np.float32), "lengths": np.array([5, 2])})
    model.summary()
    assert "forward pass of 1 sample" in capsys.readouterr().out


def test_summary_shows_what_the_layers_of_a_custom_module_return() -> None:
    class Reader(nn.Module):
        def __init__(self) -> None:
            self.lstm, self.gru, self.nothing = nn.LSTM(3, 4, rng=0), nn.GRU(3, 5, return_sequences=True), nn.Identity()

        def forward(self, x: Any) -> Any:
            return tg.concatenate([self.nothing(self.lstm(x)), self.gru(x)[:, 0]], axis=1)

    reader = Reader()
    rows = [line.split("  ") for line in summary(reader, (6, 3)).splitlines()[2:6]]
    shapes = {path: next(cell for cell in cells if "…" in cell).strip() for path, *cells in rows}
    assert shapes == {"—": "(…, 9)", "lstm": "(…, 4)", "gru": "(…, 6, 5)", "nothing": "(…, 4)"}
    assert "forward" not in vars(reader.lstm)


def test_summary_of_one_input_accepts_its_shape_or_an_example() -> None:
    network = nn.Dense(6, 5, rng=0)
    for sample in ((np.int64(6),), np.ones((3, 6)), tg.tensor(np.ones((3, 6)))):
        assert summary(network, sample) == summary(network, (6,))


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "batch_norm", "layer_norm", "softmax"])
def test_costs_of_fused_operations_are_those_of_the_operations_they_consist_of(name: str) -> None:
    function = getattr(nn.functional, name, None) or tg.softmax
    gates = {"rnn": 1, "lstm": 4, "gru": 3}.get(name)
    shapes = [(2, 5, 3)] if gates is None else [(2, 5, 3), (3, 4 * gates), (4, 4 * gates), (4 * gates,)]
    result = function(*(tg.tensor(np.ones(shape), requires_grad=True) for shape in shapes))
    result = result[0] if isinstance(result, tuple) else result
    [output] = expanded("draw", [result], name)
    [whole] = [cost.flops for cost in costs(result) if cost.operation == name]
    assert whole == sum(cost.flops for cost in costs(output))


def test_costs_of_products_and_other_operations() -> None:
    rng = np.random.default_rng(0)
    a, b, v = (tg.tensor(rng.normal(size=shape), requires_grad=True) for shape in ((2, 3, 4), (4, 5), (4,)))

    def flops(result: tg.Tensor) -> int:
        return sum(cost.flops for cost in costs(result))

    assert flops(a @ b) == 2 * 2 * 3 * 5 * 4
    assert flops(v @ v) == 8
    assert flops(tg.dot(a, b)) == 2 * 2 * 3 * 5 * 4
    assert flops(tg.einsum("ijk,kl->l", a, b)) == 2 * 2 * 3 * 4 * 5
    assert flops(tg.einsum("ijk->kji", a)) == 24
    assert flops(tg.transpose(a)[0]) == 0
    assert flops(a + v) == flops(tg.exp(a)) == flops(tg.sum(a)) == 24


@pytest.mark.slow
def test_output_of_a_module_is_that_of_the_last_layer_inside() -> None:
    network = nn.Sequential(nn.Dense(4, 4), nn.FeedForward(4, 16))
    row = next(line for line in summary(network).splitlines() if " FeedForward " in line)
    assert "(…, 4)" in row


@pytest.mark.parametrize("case", range(6))
def test_products_and_convolutions_cost_what_pytorch_counts(case: int) -> None:
    torch = pytest.importorskip("torch", exc_type=ImportError)
    counter = pytest.importorskip("torch.utils.flop_counter", exc_type=ImportError)
    theirs, ours, shape = [
        (torch.nn.Linear(6, 5, bias=False), nn.Dense(6, 5, bias=False), (6,)),
        (torch.nn.Conv1d(2, 5, 3, bias=False), nn.Conv1D(2, 5, 3, bias=False), (9, 2)),
        (torch.nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.Conv2D(4, 8, 3, stride=2, padding=1, bias=False), (9, 8, 4)),
        (torch.nn.Conv2d(4, 8, 3, dilation=2, bias=False), nn.Conv2D(4, 8, 3, dilation=2, bias=False), (9, 8, 4)),
        (torch.nn.Conv2d(4, 8, 3, groups=2, bias=False), nn.Conv2D(4, 8, 3, groups=2, bias=False), (9, 8, 4)),
        (
            torch.nn.ConvTranspose2d(4, 8, 3, 2, bias=False),
            nn.ConvTranspose2D(4, 8, 3, stride=2, bias=False),
            (5, 6, 4),
        ),
    ][case]
    with counter.FlopCounterMode(display=False) as counted:
        theirs(torch.zeros(B, shape[-1], *shape[:-1]))
    expected: Any = counted.get_total_flops()
    assert total(ours, shape)[0] == expected
