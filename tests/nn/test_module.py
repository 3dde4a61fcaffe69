"""What a module finds inside itself, and how it is saved, switched and shown."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest

import nn
import tensorgrad as tg


def parameter(*values: float) -> tg.Tensor:
    return tg.tensor(values, requires_grad=True)


class Branches(nn.Module):
    """A bit of everything that a module may hold."""

    def __init__(self) -> None:
        self.blocks = [nn.Dense(2, 2, rng=0), nn.ReLU()]
        self.scale = parameter(1.0, 2.0)
        self.heads = {"left": nn.Dense(2, 1, rng=1), "right": (nn.Dense(2, 1, bias=False, rng=2),)}
        self.frozen = tg.tensor([5.0])
        self.factor = 3

    def forward(self, x: Any) -> tg.Tensor:
        for block in self.blocks:
            x = block(x)
        self.last = x * self.scale * self.factor
        return self.heads["left"](self.last) + self.heads["right"][0](self.last) + self.frozen


NAMES = ["scale", "blocks.0.weight", "blocks.0.bias", "heads.left.weight", "heads.left.bias", "heads.right.0.weight"]


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts() -> None:
    module = Branches()
    assert [name for name, _ in module.named_parameters()] == NAMES
    assert len(list(module.parameters())) == len(NAMES)
    assert [name for name, _ in module.named_children()] == ["blocks.0", "blocks.1", "heads.left", "heads.right.0"]
    assert next(name for name, _ in module.named_modules()) == ""
    assert next(module.modules()) is module


def test_results_are_not_parameters() -> None:
    module = Branches()
    module(np.ones((4, 2)))
    assert module.last.requires_grad
    assert [name for name, _ in module.named_parameters()] == NAMES


def test_what_is_shared_is_found_once() -> None:
    shared = nn.Dense(3, 3, rng=0)
    module = nn.Sequential(shared, nn.ReLU(), shared)
    assert [name for name, _ in module.named_parameters()] == ["0.weight", "0.bias"]
    tied = Branches()
    tied.again = tied.scale
    assert [name for name, _ in tied.named_parameters()] == NAMES


def test_a_module_that_holds_its_parent_is_no_trap() -> None:
    child, parent = Branches(), Branches()
    child.parent = parent
    parent.child = child
    assert len(list(parent.modules())) == 2 * 5


def test_parameters_are_labelled_with_their_path_unless_they_have_a_name() -> None:
    inner = nn.Sequential(nn.Dense(2, 2, rng=0))
    assert inner[0].weight.name == "0.weight"
    outer = nn.Sequential(nn.ReLU(), inner)
    assert [p.name for p in outer.parameters()] == ["1.0.weight", "1.0.bias"]

    module = nn.Module()
    module.gain = tg.tensor(1.0, requires_grad=True, name="γ")
    nn.Sequential(module)
    assert module.gain.name == "γ"


def test_train_and_eval_reach_everything() -> None:
    network = nn.Sequential(nn.Dropout(0.5, rng=0), nn.Sequential(nn.Dropout(0.5, rng=0)))
    assert network.training
    assert network.eval() is network
    assert not any(module.training for module in network.modules())
    assert network.train() is network
    assert all(module.training for module in network.modules())


def test_zero_grad() -> None:
    network = nn.Sequential(nn.Dense(2, 2, rng=0), nn.Dense(2, 1, rng=0))
    network(np.ones((3, 2))).sum().backward()
    assert all(p.grad is not None for p in network.parameters())
    network.zero_grad()
    assert all(p.grad is None for p in network.parameters())


def test_regularization_loss_adds_up_the_layers() -> None:
    ones = nn.init.constant(-1.0)
    network = nn.Sequential(
        nn.Dense(2, 3, weight_init=ones, weight_l1=0.5, bias_l2=7.0),
        nn.Sequential(nn.Dense(3, 1, weight_init=nn.init.constant(2.0), weight_l2=0.25)),
    )
    network[0].bias.data = [1.0, 0.0, -2.0]
    loss = network.regularization_loss()
    assert loss.dtype == np.float32
    assert loss.item() == 0.5 * 6 + 7 * 5 + 0.25 * 3 * 4
    loss.backward()
    np.testing.assert_array_equal(network[0].weight.grad, np.full((2, 3), -0.5))
    np.testing.assert_array_equal(network[0].bias.grad, [14.0, 0.0, -28.0])
    np.testing.assert_array_equal(network[1][0].weight.grad, np.full((3, 1), 1.0))
    assert network[1][0].bias.grad is None


def test_the_slope_of_the_l1_penalty_at_zero_is_zero() -> None:
    layer = nn.Dense(1, 3, weight_init=nn.init.zeros(), weight_l1=1.0)
    layer.regularization_loss().backward()
    np.testing.assert_array_equal(layer.weight.grad, np.zeros((1, 3)))


def test_without_penalties_the_regularization_loss_is_a_float32_zero() -> None:
    loss = nn.Sequential(nn.Dense(2, 2), nn.ReLU()).regularization_loss()
    assert isinstance(loss, tg.Tensor)
    assert (loss.item(), loss.shape, loss.dtype, loss.requires_grad) == (0.0, (), np.float32, False)


def test_state_goes_round() -> None:
    source, target = Branches(), Branches()
    for value in source.parameters():
        value.data = value.data + 1
    source.frozen.data = [9.0]
    state = source.state_dict()
    assert list(state) == [*NAMES[:1], "frozen", *NAMES[1:]]
    target.load_state_dict(state)
    x = np.ones((2, 2))
    np.testing.assert_array_equal(target(x).data, source(x).data)
    state["scale"][:] = 0  # neither module shares memory with the arrays
    assert source.scale.data.all()
    assert target.scale.data.all()


def test_frozen_parameters_stay_in_the_state() -> None:
    layer = nn.Dense(2, 2, rng=0)
    layer.weight.requires_grad = False
    assert [name for name, _ in layer.named_parameters()] == ["bias"]
    assert list(layer.state_dict()) == ["weight", "bias"]


def test_loading_announces_the_change_to_recorded_graphs() -> None:
    layer = nn.Dense(2, 1, rng=0)
    result = layer(np.ones((1, 2))).sum()
    layer.load_state_dict(layer.state_dict())
    with pytest.raises(RuntimeError, match="changed after it was used"):
        result.backward()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s.pop("0.bias"), r"missing \['0.bias'\]"),
        (lambda s: s.update(extra=np.ones(1)), r"unknown \['extra'\]"),
        (lambda s: s.update({"2.bias": np.ones(4)}), r"'2.bias': expected shape \(1,\), got \(4,\)"),
        (lambda s: s.update({"2.bias": np.array([1j])}), "'2.bias': expected numbers .* complex128"),
        (lambda s: s.update({"2.bias": np.array(["a"])}), "'2.bias': expected numbers"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change: Any, message: str) -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.ReLU(), nn.Dense(3, 1, rng=0))
    before = network.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    change(state)
    with pytest.raises(ValueError, match=message):
        network.load_state_dict(state)
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_loading_keeps_the_dtype() -> None:
    layer = nn.Dense(2, 1)
    layer.load_state_dict({"weight": np.ones((2, 1)), "bias": [1]})
    assert layer.weight.dtype == layer.bias.dtype == np.float32


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_whole_and_independent(clone: Any) -> None:
    network = nn.Sequential(nn.Dense(2, 3, rng=0), nn.Dropout(0.5, rng=1))
    twin = clone(network)
    x = np.ones((4, 2), np.float32)
    np.testing.assert_array_equal(twin(x).data, network(x).data)
    twin[0].weight.data = twin[0].weight.data + 1
    assert not np.array_equal(twin[0].weight.data, network[0].weight.data)


def test_repr_is_the_call_that_makes_it() -> None:
    network = nn.Sequential(
        nn.Dense(2, 64, weight_l2=5e-4),
        nn.LeakyReLU(0.2),
        nn.Sequential(nn.Dropout(0.1), nn.Dense(64, 3, bias=False, dtype=np.float64)),
        nn.Softmax(),
    )
    assert repr(network) == (
        "Sequential(\n"
        "  0: Dense(2, 64, weight_l2=0.0005),\n"
        "  1: LeakyReLU(negative_slope=0.2),\n"
        "  2: Sequential(\n"
        "    0: Dropout(0.1),\n"
        "    1: Dense(64, 3, bias=False, dtype='float64'),\n"
        "  ),\n"
        "  3: Softmax(),\n"
        ")"
    )
    assert repr(nn.Sequential()) == "Sequential()"


def test_a_module_without_forward_says_so() -> None:
    with pytest.raises(NotImplementedError, match=r"Module: a module needs a forward\(self, x\)"):
        nn.Module()(1.0)
